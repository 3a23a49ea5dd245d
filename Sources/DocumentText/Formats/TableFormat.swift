//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// Rows of CSV (RFC 4180) and its relatives, each as one block that names its columns: `City: Oslo; People: 709,000`.
///
/// So a row means something wherever a passage begins. The first row gives the names if it can be one of names.
struct TableFormat: FormatReader {
    private let separator: UInt8
    private var field: [UInt8] = []
    private var fields: [[UInt8]] = []
    private var rowBytes = 0
    private var isQuoted = false
    /// Behind a quote in a quoted field: the end of the field, or the first half of a quote that is meant.
    private var isAfterQuote = false
    private var names: [[UInt8]]?
    private var isFirstRow = true

    init(separator: UInt8) {
        self.separator = separator
    }

    mutating func take(_ text: [UInt8], into sink: inout BlockSink) throws(DocumentError) {
        for byte in text {
            // Neither a quote that is never closed nor a row of separators may take the rest of the file for one row.
            if self.rowBytes >= DocumentTextLimits.blockBytes, byte & 0xC0 != 0x80 {
                self.isQuoted = false
                self.endRow(into: &sink)
            }
            if self.isQuoted {
                self.takeQuoted(byte, into: &sink)
            } else if byte == UInt8(ascii: "\""), self.field.isEmpty {
                self.isQuoted = true
            } else if byte == self.separator {
                self.endField()
            } else if byte == 0x0A {
                self.endRow(into: &sink)
            } else {
                self.append(byte)
            }
        }
    }

    private mutating func takeQuoted(_ byte: UInt8, into sink: inout BlockSink) {
        guard self.isAfterQuote else {
            if byte == UInt8(ascii: "\"") {
                self.isAfterQuote = true
            } else {
                self.append(byte == 0x0A ? 0x20 : byte)
            }
            return
        }
        self.isAfterQuote = false
        if byte == UInt8(ascii: "\"") {
            self.append(byte)
            return
        }
        self.isQuoted = false
        if byte == self.separator {
            self.endField()
        } else if byte == 0x0A {
            self.endRow(into: &sink)
        } else {
            self.append(byte)
        }
    }

    private mutating func append(_ byte: UInt8) {
        self.field.append(byte)
        self.rowBytes += 1
    }

    private mutating func endField() {
        self.fields.append(Array(self.field[...].trimmed))
        self.field = []
        self.rowBytes += 1
    }

    private mutating func endRow(into sink: inout BlockSink) {
        self.endField()
        let row = self.fields
        self.fields = []
        self.rowBytes = 0
        guard row.contains(where: { !$0.isEmpty }) else { return }
        if self.isFirstRow {
            self.isFirstRow = false
            if Self.areNames(row) {
                self.names = row
                return
            }
        }
        var text: [UInt8] = []
        for (index, value) in row.enumerated() where !value.isEmpty {
            if !text.isEmpty { text += "; ".utf8 }
            if let names = self.names, index < names.count { text += names[index] + Array(": ".utf8) }
            text += value
        }
        sink.add(.tableRow, text[...])
    }

    mutating func finish(into sink: inout BlockSink) throws(DocumentError) {
        if !self.field.isEmpty || !self.fields.isEmpty { self.endRow(into: &sink) }
        // A table of names alone is still text.
        if let names = self.names, sink.end == 0 {
            sink.add(.tableRow, Array(names.joined(separator: Array("; ".utf8)))[...])
        }
    }

    /// Names are short, all different, and no numbers.
    private static func areNames(_ row: [[UInt8]]) -> Bool {
        (2...DocumentTextLimits.namedColumns).contains(row.count) && Set(row).count == row.count
            && row.allSatisfy { !$0.isEmpty && $0.count <= 64 && !$0.allSatisfy { $0 < 0x41 } }
    }
}
