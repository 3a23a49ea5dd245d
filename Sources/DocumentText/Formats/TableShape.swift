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
        var best: (separator: UInt8, columns: Int, rows: Int)?
        for separator in [UInt8(ascii: ","), UInt8(ascii: ";"), 0x09, UInt8(ascii: "|")] {
            let counts = Self.columns(text[...], separator)
            guard counts.count >= 2, let first = counts.first, first > 1, counts.allSatisfy({ $0 == first }) else {
                continue
            }
            if best.map({ first > $0.columns }) ?? true { best = (separator, first, counts.count) }
        }
        guard let best else { return nil }
        self.separator = best.separator
        // Two lines of prose may well have one comma each.
        self.isCertain = best.rows >= 4 && best.columns >= 3 || best.separator == 0x09 && best.rows >= 3
    }

    /// The columns of each of the first rows. A quoted field may hold separators and line ends.
    private static func columns(_ text: ArraySlice<UInt8>, _ separator: UInt8) -> [Int] {
        var rows: [Int] = []
        var count = 1
        var isQuoted = false
        var isBlank = true
        for byte in text where rows.count < 32 {
            if byte == UInt8(ascii: "\"") { isQuoted.toggle() }
            if byte == 0x0A, !isQuoted {
                if !isBlank { rows.append(count) }
                count = 1
                isBlank = true
            } else {
                isBlank = false
                if byte == separator, !isQuoted { count += 1 }
            }
        }
        // A last row without its end may be cut, unless there are few.
        if rows.count < 2, !isBlank { rows.append(count) }
        return rows
    }
}
