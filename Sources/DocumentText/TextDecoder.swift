//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// Turns pieces of a text file into UTF-8: without byte order marks and control characters, with LF as line end.
///
/// A form feed stays, since it ends a page. Bytes that are not UTF-8 are read as Windows-1252 until the first character
/// beyond ASCII has proved the file to be UTF-8; after that each becomes U+FFFD.
struct TextDecoder {
    private var encoding: TextEncoding
    /// Bytes of a character that is not complete.
    private var rest: [UInt8] = []
    private var isAtStart = true
    private var isProvenUTF8 = false
    private var endsWithReturn = false
    /// Since text was last seen to be sound: bytes read, and those that mean nothing.
    private var recentBytes = 0
    private var recentFaults = 0

    init(_ encoding: TextEncoding) {
        self.encoding = encoding
    }

    /// - Throws: `unsupported` when what comes is no text any more.
    mutating func decode(_ bytes: ArraySlice<UInt8>) throws(DocumentError) -> [UInt8] {
        var input = bytes
        if !self.rest.isEmpty {
            input = (self.rest + bytes)[...]
            self.rest = []
        }
        return try self.clean(self.convert(&input, isEnd: false))
    }

    mutating func finish() throws(DocumentError) -> [UInt8] {
        var input = self.rest[...]
        self.rest = []
        return try self.clean(self.convert(&input, isEnd: true))
    }

    private mutating func convert(_ input: inout ArraySlice<UInt8>, isEnd: Bool) -> [UInt8] {
        switch self.encoding {
        case .utf8: return self.fromUTF8(input, isEnd: isEnd)
        case .windows1252: return Self.fromWindows1252(input)
        case .utf16LittleEndian, .utf16BigEndian: return self.fromUTF16(input, isEnd: isEnd)
        }
    }

    // MARK: UTF-8

    private mutating func fromUTF8(_ input: ArraySlice<UInt8>, isEnd: Bool) -> [UInt8] {
        var input = input
        if !isEnd {
            let incomplete = Self.incompleteTail(input)
            self.rest = Array(input.suffix(incomplete))
            input = input.dropLast(incomplete)
        }
        if String(validating: input, as: UTF8.self) != nil {
            if !self.isProvenUTF8 { self.isProvenUTF8 = input.contains { $0 >= 0x80 } }
            return Array(input)
        }
        if !self.isProvenUTF8 {
            self.encoding = .windows1252
            let tail = self.rest
            self.rest = []
            return Self.fromWindows1252(input + tail)
        }
        let repaired = Array(String(decoding: input, as: UTF8.self).utf8)
        var count = 0
        for index in repaired.indices.dropLast(2) where repaired[index] == 0xEF {
            if repaired[index + 1] == 0xBF, repaired[index + 2] == 0xBD { count += 1 }
        }
        self.recentFaults += count
        return repaired
    }

    /// How many of the last bytes begin a character that needs more.
    private static func incompleteTail(_ input: ArraySlice<UInt8>) -> Int {
        for back in 1...3 where back <= input.count {
            let byte = input[input.endIndex - back]
            if byte & 0xC0 == 0x80 { continue }
            let needed = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC0 ? 2 : 1
            return needed > back ? back : 0
        }
        return 0
    }

    // MARK: Others

    /// https://encoding.spec.whatwg.org/#windows-1252, the bytes 0x80 to 0x9F.
    private static let windows1252: [UInt16] = [
        0x20AC, 0x81, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, 0x8D,
        0x017D,
        0x8F, 0x90, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153,
        0x9D,
        0x017E, 0x0178,
    ]

    static func fromWindows1252(_ input: ArraySlice<UInt8>) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(input.count + input.count / 8)
        for byte in input {
            guard byte >= 0x80 else {
                output.append(byte)
                continue
            }
            let value = byte < 0xA0 ? self.windows1252[Int(byte) - 0x80] : UInt16(byte)
            if value < 0x800 {
                output.append(UInt8(0xC0 | value >> 6))
            } else {
                output.append(UInt8(0xE0 | value >> 12))
                output.append(UInt8(0x80 | (value >> 6) & 0x3F))
            }
            output.append(UInt8(0x80 | value & 0x3F))
        }
        return output
    }

    private mutating func fromUTF16(_ input: ArraySlice<UInt8>, isEnd: Bool) -> [UInt8] {
        var units: [UInt16] = []
        units.reserveCapacity(input.count / 2)
        var index = input.startIndex
        let shift = self.encoding == .utf16LittleEndian ? (0, 8) : (8, 0)
        while index + 1 < input.endIndex {
            units.append(UInt16(input[index]) << UInt16(shift.0) | UInt16(input[index + 1]) << UInt16(shift.1))
            index += 2
        }
        if !isEnd {
            // A high surrogate waits for its partner.
            if let last = units.last, last & 0xFC00 == 0xD800 {
                units.removeLast()
                index -= 2
            }
            self.rest = Array(input[index...])
        }
        return Array(String(decoding: units, as: UTF16.self).utf8)
    }

    // MARK: Cleaning

    private mutating func clean(_ bytes: [UInt8]) throws(DocumentError) -> [UInt8] {
        var start = 0
        if self.isAtStart, !bytes.isEmpty {
            self.isAtStart = false
            if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { start = 3 }
        }
        self.recentBytes += bytes.count
        var output: [UInt8] = []
        output.reserveCapacity(bytes.count)
        for byte in bytes[start...] {
            switch byte {
            case 0x0A where self.endsWithReturn: self.endsWithReturn = false
            case 0x0D:
                self.endsWithReturn = true
                output.append(0x0A)
            case 0x09, 0x0A, 0x0C, 0x20...0x7E, 0x80...:
                self.endsWithReturn = false
                output.append(byte)
            default:
                self.endsWithReturn = false
                self.recentFaults += 1
            }
        }
        if self.recentBytes >= 4096 {
            guard self.recentFaults * 8 <= self.recentBytes else {
                throw DocumentError(.unsupported, "It begins as text and goes on as something else.")
            }
            self.recentBytes = 0
            self.recentFaults = 0
        }
        return output
    }
}
