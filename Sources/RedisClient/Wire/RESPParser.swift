//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import NIOCore

/// Reads RESP2 and RESP3 (https://redis.io/docs/latest/develop/reference/protocol-spec/) in the pieces in which it
/// arrives, each byte once.
///
///     +text CRLF               simple string        $length CRLF bytes CRLF      string ($-1: null)
///     -text CRLF               error                !length CRLF bytes CRLF      error
///     :number CRLF             integer              =length CRLF txt:… CRLF      verbatim string
///     ,number CRLF             double               *count CRLF values           array (*-1: null)
///     (digits CRLF             big number           ~count CRLF values           set
///     #t CRLF, #f CRLF         boolean              >count CRLF values           push, never inside another value
///     _ CRLF                   null                 %count CRLF keys and values  map
///                                                   |count CRLF keys and values  attributes of the value that follows
///
/// A value that is not complete waits on a stack of its own, so that neither the depth of a reply nor its size in
/// pieces costs more than its bytes. Strings are slices of what was read. Attributes are read and dropped. The streamed
/// types of RESP3, which no server sends, are refused.
struct RESPParser {
    /// How much a server may send.
    struct Limits: Hashable, Sendable {
        var bulkBytes = RedisClientLimits.bulkBytes
        var lineBytes = RedisClientLimits.lineBytes
        var aggregateElements = RedisClientLimits.aggregateElements
        var replyElements = RedisClientLimits.replyElements
        var replyBytes = RedisClientLimits.replyBytes
        var depth = RedisClientLimits.depth
    }

    private enum Aggregate {
        case array
        case set
        case push
        case map
        case attributes
    }

    /// An aggregate of which elements are missing.
    private struct Frame {
        let kind: Aggregate
        var missing: Int
        var elements: [RedisValue] = []
    }

    /// A string whose length is known and whose bytes are missing.
    private struct Body {
        let mark: UInt8
        let length: Int
    }

    private static let (cr, lf) = (UInt8(ascii: "\r"), UInt8(ascii: "\n"))

    private let limits: Limits
    private var buffer = ByteBuffer()
    private var frames: [Frame] = []
    private var body: Body?
    /// How much of the unread line holds no CR.
    private var scanned = 0
    private var replyElements = 0
    private var replyBytes = 0
    private var failure: RedisError?

    init(limits: Limits = Limits()) {
        self.limits = limits
    }

    /// Whether nothing is left over: no byte and no half of a value.
    var isAtBoundary: Bool { self.buffer.readableBytes == 0 && self.frames.isEmpty && self.body == nil }

    /// Takes what was read. Call ``next()`` until it gives nil.
    mutating func feed(_ bytes: ByteBuffer) {
        guard self.buffer.readableBytes > 0 else {
            self.buffer = bytes
            return
        }
        self.buffer.discardReadBytes()
        self.buffer.writeImmutableBuffer(bytes)
    }

    /// The next whole value; nil when more bytes are needed.
    ///
    /// - Throws: `protocolViolation` for what is not RESP, `tooLarge` for what passes a limit; from then on always.
    mutating func next() throws(RedisError) -> RedisValue? {
        if let failure = self.failure { throw failure }
        do throws(RedisError) {
            while let element = try self.readElement() {
                if let whole = self.place(element) {
                    self.replyElements = 0
                    self.replyBytes = 0
                    return whole
                }
            }
            return nil
        } catch {
            self.failure = error
            self.buffer = ByteBuffer()
            self.frames = []
            throw error
        }
    }

    // MARK: Structure

    /// Puts a value where it belongs; gives it, or the aggregate that it completes, when it is the whole reply.
    private mutating func place(_ value: RedisValue) -> RedisValue? {
        var value = value
        while let index = self.frames.indices.last {
            self.frames[index].elements.append(value)
            self.frames[index].missing -= 1
            guard self.frames[index].missing == 0, let frame = self.frames.popLast() else { return nil }
            guard let complete = Self.value(of: frame) else { return nil }
            value = complete
        }
        return value
    }

    /// Nil for attributes, in whose place the value that follows comes.
    private static func value(of frame: Frame) -> RedisValue? {
        switch frame.kind {
        case .array: .array(frame.elements)
        case .set: .set(frame.elements)
        case .push: .push(frame.elements)
        case .attributes: nil
        case .map:
            .map(
                stride(from: 0, to: frame.elements.count, by: 2).map {
                    RedisValue.Entry(key: frame.elements[$0], value: frame.elements[$0 + 1])
                })
        }
    }

    /// Reads the head of an aggregate. Gives its value when it has no elements.
    private mutating func open(_ kind: Aggregate, count: Int) throws(RedisError) -> RedisValue? {
        let isPaired = kind == .map || kind == .attributes
        guard count <= self.limits.aggregateElements else { throw .tooLarge("a reply has too many elements") }
        let elements = isPaired ? count * 2 : count
        self.replyElements += elements
        guard elements <= self.limits.aggregateElements, self.replyElements <= self.limits.replyElements else {
            throw .tooLarge("a reply has too many elements")
        }
        guard kind != .push || self.frames.isEmpty else { throw .protocolViolation("a push inside a reply") }
        var frame = Frame(kind: kind, missing: elements)
        guard elements > 0 else { return Self.value(of: frame) }
        guard self.frames.count < self.limits.depth else { throw .tooLarge("a reply is nested too deeply") }
        // Never more than could be in what is here: a head alone must not cost memory.
        frame.elements.reserveCapacity(min(elements, 1 + self.buffer.readableBytes / 4))
        self.frames.append(frame)
        return nil
    }

    // MARK: Elements

    /// The next value that has no elements; nil when more bytes are needed.
    private mutating func readElement() throws(RedisError) -> RedisValue? {
        while true {
            if let body = self.body {
                guard let value = try self.readBody(body) else { return nil }
                self.body = nil
                return value
            }
            guard let mark = self.buffer.getInteger(at: self.buffer.readerIndex, as: UInt8.self) else { return nil }
            guard let length = try self.lineLength(mark) else { return nil }
            self.scanned = 0
            self.replyBytes += length + 2
            guard self.replyBytes <= self.limits.replyBytes else { throw .tooLarge("a reply is too large") }
            if let value = try self.readLine(mark, length: length) { return value }
        }
    }

    /// How many bytes the line has before its CRLF; nil when its end is not here.
    private mutating func lineLength(_ mark: UInt8) throws(RedisError) -> Int? {
        let isText = mark == UInt8(ascii: "+") || mark == UInt8(ascii: "-") || mark == UInt8(ascii: "(")
        let limit = isText ? self.limits.lineBytes : min(self.limits.lineBytes, RedisClientLimits.numberBytes)
        let from = self.scanned
        let found = self.buffer.withUnsafeReadableBytes { bytes -> (cr: Int?, next: UInt8?) in
            var index = from
            while index < bytes.count, bytes[index] != Self.cr { index += 1 }
            guard index < bytes.count else { return (nil, nil) }
            return (index, index + 1 < bytes.count ? bytes[index + 1] : nil)
        }
        self.scanned = found.cr ?? self.buffer.readableBytes
        guard self.scanned <= limit + 1 else { throw .tooLarge("a line of a reply is too long") }
        guard let length = found.cr, let next = found.next else { return nil }
        guard next == Self.lf else { throw .protocolViolation("a CR without LF") }
        return length
    }

    /// Reads a line that is here as a whole. Gives nil when it was the head of something longer.
    private mutating func readLine(_ mark: UInt8, length: Int) throws(RedisError) -> RedisValue? {
        guard length > 0 else { throw .protocolViolation("an empty line") }
        let start = self.buffer.readerIndex
        self.buffer.moveReaderIndex(forwardBy: length + 2)
        let text = start + 1..<start + length
        switch mark {
        case UInt8(ascii: "$"), UInt8(ascii: "!"), UInt8(ascii: "="):
            guard let length = try self.count(text, orNull: mark == UInt8(ascii: "$")) else { return .null }
            guard length <= self.limits.bulkBytes else { throw .tooLarge("a string of a reply is too long") }
            self.body = Body(mark: mark, length: length)
            return nil
        case UInt8(ascii: "*"):
            guard let count = try self.count(text, orNull: true) else { return .null }
            return try self.open(.array, count: count)
        case UInt8(ascii: "%"): return try self.open(.map, count: try self.count(text))
        case UInt8(ascii: "~"): return try self.open(.set, count: try self.count(text))
        case UInt8(ascii: ">"): return try self.open(.push, count: try self.count(text))
        case UInt8(ascii: "|"): return try self.open(.attributes, count: try self.count(text))
        case UInt8(ascii: ":"): return .integer(try self.integer(text))
        case UInt8(ascii: "+"): return .simple(self.text(text))
        case UInt8(ascii: "-"): return .error(RedisError(reply: self.text(text)))
        case UInt8(ascii: "("): return .bigNumber(try self.bigNumber(text))
        case UInt8(ascii: ","):
            guard let number = Self.double(self.text(text)) else { throw .protocolViolation("not a double") }
            return .double(number)
        case UInt8(ascii: "#"):
            switch self.text(text) {
            case "t": return .bool(true)
            case "f": return .bool(false)
            default: throw .protocolViolation("not a boolean")
            }
        case UInt8(ascii: "_"):
            guard text.isEmpty else { throw .protocolViolation("not a null") }
            return .null
        default: throw .protocolViolation("an unknown type of reply")
        }
    }

    /// Reads a string and its CRLF; nil when they are not here as a whole.
    private mutating func readBody(_ body: Body) throws(RedisError) -> RedisValue? {
        guard self.replyBytes + body.length <= self.limits.replyBytes else { throw .tooLarge("a reply is too large") }
        guard self.buffer.readableBytes >= body.length + 2, var bytes = self.buffer.readSlice(length: body.length),
            let end = self.buffer.readInteger(as: UInt16.self)
        else { return nil }
        self.replyBytes += body.length + 2
        guard end == 0x0D0A else { throw .protocolViolation("a string without CRLF") }
        switch body.mark {
        case UInt8(ascii: "!"): return .error(RedisError(reply: String(buffer: bytes)))
        case UInt8(ascii: "="):
            guard let format = bytes.readString(length: 3), format.utf8.count == 3,
                bytes.readInteger(as: UInt8.self) == UInt8(ascii: ":")
            else { throw .protocolViolation("a verbatim string without a format") }
            return .verbatim(format: format, bytes)
        default: return .bulk(bytes)
        }
    }
}

// MARK: - Lines

extension RESPParser {
    /// A length or a count; nil for -1 where that means null.
    private func count(_ range: Range<Int>, orNull: Bool) throws(RedisError) -> Int? {
        let number = try self.integer(range)
        if orNull, number == -1 { return nil }
        guard number >= 0 else { throw .protocolViolation("a negative length") }
        return number
    }

    private func count(_ range: Range<Int>) throws(RedisError) -> Int {
        guard let count = try self.count(range, orNull: false) else { throw .protocolViolation("a negative length") }
        return count
    }

    /// Digits with a sign or none.
    private func integer(_ range: Range<Int>) throws(RedisError) -> Int {
        let number = self.buffer.withVeryUnsafeBytes { bytes -> Int? in
            var index = range.lowerBound
            guard index < range.upperBound else { return nil }
            let isNegative = bytes[index] == UInt8(ascii: "-")
            if isNegative || bytes[index] == UInt8(ascii: "+") { index += 1 }
            guard index < range.upperBound else { return nil }
            var value = 0
            while index < range.upperBound {
                let digit = Int(bytes[index]) - 0x30
                guard (0...9).contains(digit) else { return nil }
                let (product, overflow) = value.multipliedReportingOverflow(by: 10)
                // Downwards, because the least number has no positive twin.
                let (next, overflow2) = product.subtractingReportingOverflow(digit)
                guard !overflow, !overflow2 else { return nil }
                value = next
                index += 1
            }
            if isNegative { return value }
            return value == .min ? nil : -value
        }
        guard let number else { throw .protocolViolation("not an integer") }
        return number
    }

    /// The line's text, repaired where it is not UTF-8.
    private func text(_ range: Range<Int>) -> String {
        // Already behind the reader, from where `getString` reads no more.
        self.buffer.withVeryUnsafeBytes { String(decoding: $0[range], as: UTF8.self) }
    }

    private func bigNumber(_ range: Range<Int>) throws(RedisError) -> String {
        let text = self.text(range)
        let digits = text.first == "-" || text.first == "+" ? text.dropFirst() : Substring(text)
        guard !digits.isEmpty, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            throw .protocolViolation("not a big number")
        }
        return text
    }

    /// A double as both protocols write it; nil for anything else.
    static func double(_ text: String) -> Double? {
        switch text {
        case "inf", "+inf": return .infinity
        case "-inf": return -.infinity
        case "nan", "-nan": return .nan
        default:
            let isDecimal = text.utf8.allSatisfy {
                switch $0 {
                case 0x30...0x39, UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "e"),
                    UInt8(ascii: "E"):
                    true
                default: false
                }
            }
            return isDecimal ? Double(text) : nil
        }
    }
}
