//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
extension String {
    /// The longest beginning of at most this many bytes of UTF-8 that does not end inside a scalar.
    public func cut(toBytes limit: Int) -> String {
        guard self.utf8.count > limit else { return self }
        guard limit > 0 else { return "" }
        var end = self.utf8.index(self.utf8.startIndex, offsetBy: limit)
        while end.samePosition(in: self.unicodeScalars) == nil { end = self.utf8.index(before: end) }
        return String(self[..<end])
    }
}
