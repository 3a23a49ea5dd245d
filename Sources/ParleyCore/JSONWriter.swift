//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// Writes JSON (RFC 8259) into a byte buffer, one member after another.
///
/// For what is written once per delta, where Foundation's encoder costs more than the rest of the path. Commas are
/// placed by the writer; keys are literals that need no escaping.
public struct JSONWriter: Sendable {
    public private(set) var bytes: [UInt8] = []
    private var needsComma = false

    public init(capacity: Int = 256) {
        self.bytes.reserveCapacity(capacity)
    }

    public mutating func beginObject() {
        self.separate()
        self.bytes.append(UInt8(ascii: "{"))
        self.needsComma = false
    }

    public mutating func endObject() {
        self.bytes.append(UInt8(ascii: "}"))
        self.needsComma = true
    }

    public mutating func beginArray() {
        self.separate()
        self.bytes.append(UInt8(ascii: "["))
        self.needsComma = false
    }

    public mutating func endArray() {
        self.bytes.append(UInt8(ascii: "]"))
        self.needsComma = true
    }

    public mutating func key(_ name: StaticString) {
        self.separate()
        self.bytes.append(UInt8(ascii: "\""))
        name.withUTF8Buffer { self.bytes.append(contentsOf: $0) }
        self.bytes.append(UInt8(ascii: "\""))
        self.bytes.append(UInt8(ascii: ":"))
        self.needsComma = false
    }

    public mutating func string(_ text: String) {
        self.separate()
        self.bytes.append(UInt8(ascii: "\""))
        var text = text
        text.withUTF8 { self.appendEscaped($0) }
        self.bytes.append(UInt8(ascii: "\""))
        self.needsComma = true
    }

    public mutating func int(_ value: Int) {
        self.literal(String(value))
    }

    /// A finite number; infinities and NaN, which JSON lacks, become `null`.
    public mutating func double(_ value: Double) {
        self.literal(value.isFinite ? String(value) : "null")
    }

    /// As ``double(_:)``, with the few digits that a `Float` needs.
    public mutating func float(_ value: Float) {
        self.literal(value.isFinite ? String(value) : "null")
    }

    public mutating func bool(_ value: Bool) {
        self.literal(value ? "true" : "false")
    }

    public mutating func null() {
        self.literal("null")
    }

    private mutating func literal(_ text: String) {
        self.separate()
        self.bytes.append(contentsOf: text.utf8)
        self.needsComma = true
    }

    private mutating func separate() {
        if self.needsComma {
            self.bytes.append(UInt8(ascii: ","))
        }
    }

    private static let hex = Array("0123456789abcdef".utf8)

    private mutating func appendEscaped(_ text: UnsafeBufferPointer<UInt8>) {
        var start = 0
        for index in text.indices {
            let byte = text[index]
            guard byte < 0x20 || byte == 0x22 || byte == 0x5C else { continue }
            self.bytes.append(contentsOf: text[start..<index])
            start = index + 1
            self.bytes.append(0x5C)
            switch byte {
            case 0x22, 0x5C: self.bytes.append(byte)
            case 0x0A: self.bytes.append(UInt8(ascii: "n"))
            case 0x0D: self.bytes.append(UInt8(ascii: "r"))
            case 0x09: self.bytes.append(UInt8(ascii: "t"))
            default:
                self.bytes.append(contentsOf: [0x75, 0x30, 0x30])
                self.bytes.append(Self.hex[Int(byte >> 4)])
                self.bytes.append(Self.hex[Int(byte & 0x0F)])
            }
        }
        self.bytes.append(contentsOf: text[start...])
    }
}
