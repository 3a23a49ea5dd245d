//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// What separates the columns of a table, guessed from its first rows (RFC 4180 names the comma; spreadsheets of half
/// of Europe write semicolons).
struct TableShape {
    let separator: UInt8
    /// Whether every row looked at has the same number of columns, at least two, so that it is a table by its look
    /// alone.
    let isCertain: Bool

    /// Nil when no separator gives rows of one length.
    init?(_ text: [UInt8]) {
        var lines = text.split(separator: 0x0A, maxSplits: 32, omittingEmptySubsequences: true).prefix(32)
        // The last line may be cut.
        if lines.count > 2 { lines = lines.dropLast() }
        guard lines.count >= 2 else { return nil }
        var best: (separator: UInt8, columns: Int)?
        for separator in [UInt8(ascii: ","), UInt8(ascii: ";"), 0x09, UInt8(ascii: "|")] {
            let counts = lines.map { Self.columns($0, separator) }
            guard let first = counts.first, first > 1, counts.allSatisfy({ $0 == first }) else { continue }
            if best.map({ first > $0.columns }) ?? true { best = (separator, first) }
        }
        guard let best else { return nil }
        self.separator = best.separator
        // Two lines of prose may well have one comma each.
        self.isCertain = lines.count >= 4 && best.columns >= 3 || best.separator == 0x09 && lines.count >= 3
    }

    private static func columns(_ line: ArraySlice<UInt8>, _ separator: UInt8) -> Int {
        var count = 1
        var isQuoted = false
        for byte in line {
            if byte == UInt8(ascii: "\"") { isQuoted.toggle() }
            if byte == separator, !isQuoted { count += 1 }
        }
        return count
    }
}
