//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCore

/// What is looked for, of a length that every part of a search can bear.
package struct SearchText: Hashable, Sendable {
    package let text: String

    /// A question that comes with a long text stands before or behind it: of a query that is too long the beginning and
    /// the end are taken, each half of `CoreLimits.queryBytes`, at the borders of words where there are some.
    ///
    /// - Returns: `nil` when there is no letter and no digit in it.
    package init?(_ query: String) {
        let whole = query.utf8.count <= CoreLimits.queryBytes ? query : Self.ends(of: query)
        guard whole.contains(where: { $0.isLetter || $0.isNumber }) else { return nil }
        self.text = whole
    }

    private static func ends(of query: String) -> String {
        let half = (CoreLimits.queryBytes - 1) / 2
        var head = Substring(query.unicodeScalars.prefix(self.scalars(query.unicodeScalars, within: half)))
        if let space = head.lastIndex(where: \.isWhitespace) { head = head[..<space] }
        let backwards = query.unicodeScalars.reversed()
        var tail = Substring(query.unicodeScalars.suffix(self.scalars(backwards, within: half)))
        if let space = tail.firstIndex(where: \.isWhitespace) { tail = tail[space...].dropFirst() }
        return "\(head) \(tail)"
    }

    /// How many of the scalars have no more than so many bytes together.
    private static func scalars(_ scalars: some Sequence<Unicode.Scalar>, within bytes: Int) -> Int {
        var (count, left) = (0, bytes)
        for scalar in scalars {
            left -= UTF8.width(scalar)
            guard left >= 0 else { break }
            count += 1
        }
        return count
    }
}
