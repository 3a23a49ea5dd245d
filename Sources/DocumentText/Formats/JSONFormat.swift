//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// JSON (RFC 8259), one value or several one after the other (JSON Lines), as lines of path and value:
/// `users[3].name: Ada`. Lines that belong to one object make one block, up to a size.
struct JSONFormat: FormatReader {
    private enum Container {
        case object(key: [UInt8])
        case array(index: Int)
    }

    private enum Expecting {
        case value
        case valueOrEnd
        case keyOrEnd
        case key
        case colon
        case commaOrEnd
    }

    private enum Reading {
        case nothing
        case string(isKey: Bool)
        /// A number, `true`, `false` or `null`.
        case word
    }

    private var containers: [Container] = []
    private var expecting = Expecting.value
    private var reading = Reading.nothing
    private var token: [UInt8] = []
    private var isEscaped = false
    /// Hexadecimal digits of `\u` so far.
    private var escape: [UInt8]?
    private var highSurrogate: UInt32?
    private var block: [UInt8] = []
    private var offset = 0

    /// A block is closed at the end of an object once it is this long.
    private static let fullBlockBytes = 600
    private static let longestBlockBytes = 1500
    /// A text without blanks goes out in pieces of so many bytes.
    private static let longestPieceBytes = 1 << 20

    mutating func take(_ text: [UInt8], into sink: inout BlockSink) throws(DocumentError) {
        for byte in text {
            self.offset += 1
            switch self.reading {
            case .string(let isKey): try self.takeInString(byte, isKey: isKey, into: &sink)
            case .word:
                if "+-.".utf8.contains(byte) || byte.isLetterOrDigit, self.token.count < 1024 {
                    self.token.append(byte)
                } else {
                    try self.endWord(into: &sink)
                    try self.takeOutside(byte, into: &sink)
                }
            case .nothing: try self.takeOutside(byte, into: &sink)
            }
        }
    }

    mutating func finish(into sink: inout BlockSink) throws(DocumentError) {
        if case .word = self.reading { try self.endWord(into: &sink) }
        guard case .nothing = self.reading, self.containers.isEmpty else { throw self.broken() }
        self.flush(into: &sink)
    }

    private func broken() -> DocumentError {
        DocumentError(.malformed, "It is JSON that breaks off or is damaged at byte \(self.offset).")
    }

    // MARK: Between values

    private mutating func takeOutside(_ byte: UInt8, into sink: inout BlockSink) throws(DocumentError) {
        if byte == 0x20 || byte == 0x0A || byte == 0x09 || byte == 0x0C { return }
        switch (byte, self.expecting) {
        case (UInt8(ascii: "{"), .value), (UInt8(ascii: "{"), .valueOrEnd): try self.open(.object(key: []), .keyOrEnd)
        case (UInt8(ascii: "["), .value), (UInt8(ascii: "["), .valueOrEnd): try self.open(.array(index: 0), .valueOrEnd)
        case (UInt8(ascii: "\""), .value), (UInt8(ascii: "\""), .valueOrEnd): self.reading = .string(isKey: false)
        case (UInt8(ascii: "\""), .keyOrEnd), (UInt8(ascii: "\""), .key): self.reading = .string(isKey: true)
        case (UInt8(ascii: ":"), .colon): self.expecting = .value
        case (UInt8(ascii: ","), .commaOrEnd): try self.goOn()
        case (UInt8(ascii: "}"), .keyOrEnd), (UInt8(ascii: "}"), .commaOrEnd):
            guard case .object = self.containers.last else { throw self.broken() }
            self.close(into: &sink)
        case (UInt8(ascii: "]"), .valueOrEnd), (UInt8(ascii: "]"), .commaOrEnd):
            guard case .array = self.containers.last else { throw self.broken() }
            self.close(into: &sink)
        case (_, .value) where byte.beginsWord, (_, .valueOrEnd) where byte.beginsWord:
            self.reading = .word
            self.token = [byte]
        default: throw self.broken()
        }
    }

    private mutating func open(_ container: Container, _ next: Expecting) throws(DocumentError) {
        guard self.containers.count < DocumentTextLimits.jsonDepth else {
            throw DocumentError(.malformed, "It is JSON that is nested too deeply.")
        }
        self.containers.append(container)
        self.expecting = next
    }

    private mutating func goOn() throws(DocumentError) {
        switch self.containers.popLast() {
        case .object:
            self.containers.append(.object(key: []))
            self.expecting = .key
        case .array(let index):
            self.containers.append(.array(index: index + 1))
            self.expecting = .value
        case nil: throw self.broken()
        }
    }

    private mutating func close(into sink: inout BlockSink) {
        self.containers.removeLast()
        self.expecting = self.containers.isEmpty ? .value : .commaOrEnd
        if self.block.count >= Self.fullBlockBytes || self.containers.isEmpty { self.flush(into: &sink) }
    }

    private mutating func endWord(into sink: inout BlockSink) throws(DocumentError) {
        self.reading = .nothing
        let text = String(decoding: self.token, as: UTF8.self)
        guard text == "true" || text == "false" || text == "null" || Double(text) != nil else { throw self.broken() }
        if text == "null" { self.token = [] }
        self.endValue(into: &sink)
    }

    private mutating func endValue(into sink: inout BlockSink) {
        let value = self.token[...].trimmed
        if !value.isEmpty {
            let path = self.path()
            if self.block.count + path.count + value.count > Self.longestBlockBytes { self.flush(into: &sink) }
            if !self.block.isEmpty { self.block.append(0x0A) }
            if !path.isEmpty { self.block += path + [UInt8(ascii: ":"), 0x20] }
            self.block += value
        }
        self.token = []
        self.expecting = self.containers.isEmpty ? .value : .commaOrEnd
        if self.containers.isEmpty { self.flush(into: &sink) }
    }

    private mutating func flush(into sink: inout BlockSink) {
        sink.add(.paragraph, self.block[...])
        self.block = []
    }

    /// From its end, so that deep paths of long keys cost no more than is shown of them.
    private func path() -> [UInt8] {
        var steps: [[UInt8]] = []
        var count = 0
        for container in self.containers.reversed() where count <= DocumentTextLimits.jsonPathBytes {
            let step =
                switch container {
                case .object(let key): [UInt8(ascii: ".")] + key
                case .array(let index): Array("[\(index)]".utf8)
                }
            steps.append(step)
            count += step.count
        }
        let path = steps.reversed().flatMap { $0 }
        guard count > DocumentTextLimits.jsonPathBytes else {
            return path.first == UInt8(ascii: ".") ? Array(path.dropFirst()) : path
        }
        return Array("…".utf8) + path.suffix(DocumentTextLimits.jsonPathBytes).drop { $0 & 0xC0 == 0x80 }
    }

    // MARK: Strings

    private mutating func takeInString(
        _ byte: UInt8, isKey: Bool, into sink: inout BlockSink
    ) throws(DocumentError) {
        try self.relieve(before: byte, isKey: isKey, into: &sink)
        if var digits = self.escape {
            digits.append(byte)
            self.escape = digits
            if digits.count == 4 {
                guard let code = UInt32(String(decoding: digits, as: UTF8.self), radix: 16) else { throw self.broken() }
                self.escape = nil
                self.append(utf16: code)
            }
        } else if self.isEscaped {
            self.isEscaped = false
            try self.takeEscaped(byte)
        } else if byte == UInt8(ascii: "\\") {
            self.isEscaped = true
        } else if byte == UInt8(ascii: "\"") {
            self.reading = .nothing
            self.endString(isKey: isKey, into: &sink)
        } else {
            self.token.append(byte)
        }
    }

    /// A long text goes out in pieces that end at a blank or, where there is none, between two characters.
    private mutating func relieve(before byte: UInt8, isKey: Bool, into sink: inout BlockSink) throws(DocumentError) {
        let count = self.token.count
        guard count >= DocumentTextLimits.blockBytes, byte & 0xC0 != 0x80,
            self.token.last == 0x20 || count > Self.longestPieceBytes
        else { return }
        guard !isKey else { throw self.broken() }
        let expecting = self.expecting
        self.endValue(into: &sink)
        self.expecting = expecting
    }

    private mutating func endString(isKey: Bool, into sink: inout BlockSink) {
        self.highSurrogate = nil
        guard isKey else { return self.endValue(into: &sink) }
        if case .object = self.containers.last {
            let key = self.token.prefix(DocumentTextLimits.jsonPathBytes)
            self.containers[self.containers.count - 1] = .object(key: Array(key))
        }
        self.token = []
        self.expecting = .colon
    }

    private mutating func takeEscaped(_ byte: UInt8) throws(DocumentError) {
        switch byte {
        case UInt8(ascii: "n"), UInt8(ascii: "r"): self.token.append(0x0A)
        case UInt8(ascii: "t"): self.token.append(0x09)
        case UInt8(ascii: "b"), UInt8(ascii: "f"): self.token.append(0x20)
        case UInt8(ascii: "u"): self.escape = []
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): self.token.append(byte)
        default: throw self.broken()
        }
    }

    private mutating func append(utf16 code: UInt32) {
        if let high = self.highSurrogate {
            self.highSurrogate = nil
            if code & 0xFC00 == 0xDC00, let scalar = Unicode.Scalar(0x10000 + (high & 0x3FF) << 10 + (code & 0x3FF)) {
                self.token += Array(String(scalar).utf8)
                return
            }
        }
        if code & 0xFC00 == 0xD800 {
            self.highSurrogate = code
        } else if let scalar = Unicode.Scalar(code), code >= 0x20 {
            self.token += Array(String(scalar).utf8)
        }
    }
}

extension UInt8 {
    var isLetterOrDigit: Bool {
        (0x30...0x39).contains(self) || (0x41...0x5A).contains(self) || (0x61...0x7A).contains(self)
    }

    fileprivate var beginsWord: Bool {
        self == UInt8(ascii: "-") || (0x30...0x39).contains(self) || "tfn".utf8.contains(self)
    }
}
