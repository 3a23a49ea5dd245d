//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
public import NIOCore

// Both protocols give the same results here: where RESP3 has a map, a double or a boolean, RESP2 has an array, a string
// or an integer.
extension RedisValue {
    /// Whether there is nothing: a key that does not exist, a wait that ended without a result.
    public var isNull: Bool { self == .null }

    /// A text; an integer is written as digits.
    ///
    /// - Throws: `decoding` for another type, null, or bytes that are not UTF-8; the server's error when it is one.
    public func string() throws(RedisError) -> String {
        switch self {
        case .simple(let text), .bigNumber(let text): return text
        case .integer(let number): return String(number)
        case .double(let number): return String(number)
        case .bulk(let buffer), .verbatim(_, let buffer):
            guard let text = String(validating: buffer.readableBytesView, as: UTF8.self) else {
                throw RedisError(.decoding, "expected text, got bytes that are not UTF-8", wasSent: true)
            }
            return text
        default: throw self.mismatch("text")
        }
    }

    /// The bytes of a string.
    ///
    /// - Throws: `decoding` for another type or null; the server's error when it is one.
    public func bytes() throws(RedisError) -> ByteBuffer {
        switch self {
        case .bulk(let buffer), .verbatim(_, let buffer): return buffer
        case .simple(let text): return ByteBuffer(string: text)
        default: throw self.mismatch("a string")
        }
    }

    /// An integer, also as text.
    ///
    /// - Throws: `decoding` for another type or null; the server's error when it is one.
    public func integer() throws(RedisError) -> Int {
        switch self {
        case .integer(let number): return number
        case .bool(let flag): return flag ? 1 : 0
        case .bulk, .simple:
            guard let number = Int(try self.string()) else { throw self.mismatch("an integer") }
            return number
        default: throw self.mismatch("an integer")
        }
    }

    /// A number, also as text.
    ///
    /// - Throws: `decoding` for another type or null; the server's error when it is one.
    public func double() throws(RedisError) -> Double {
        switch self {
        case .double(let number): return number
        case .integer(let number): return Double(number)
        case .bulk, .simple:
            let text = try self.string()
            guard let number = RESPParser.double(text) else { throw self.mismatch("a number") }
            return number
        default: throw self.mismatch("a number")
        }
    }

    /// A yes or no, also as 1 or 0.
    ///
    /// - Throws: `decoding` for another type or null; the server's error when it is one.
    public func bool() throws(RedisError) -> Bool {
        switch self {
        case .bool(let flag): return flag
        case .integer(0): return false
        case .integer(1): return true
        default: throw self.mismatch("a boolean")
        }
    }

    /// The elements of an array, a set or a push.
    ///
    /// - Throws: `decoding` for another type or null; the server's error when it is one.
    public func array() throws(RedisError) -> [RedisValue] {
        switch self {
        case .array(let elements), .set(let elements), .push(let elements): return elements
        default: throw self.mismatch("an array")
        }
    }

    /// The pairs of a map in their order, also of an array of keys and values in turn.
    ///
    /// - Throws: `decoding` for another type, null or an odd number of elements; the server's error when it is one.
    public func map() throws(RedisError) -> [Entry] {
        switch self {
        case .map(let entries): return entries
        case .array(let elements):
            guard elements.count.isMultiple(of: 2) else { throw self.mismatch("a map") }
            return stride(from: 0, to: elements.count, by: 2)
                .map { Entry(key: elements[$0], value: elements[$0 + 1]) }
        default: throw self.mismatch("a map")
        }
    }

    /// The bytes of each field of a hash.
    ///
    /// - Throws: `decoding` for another type; the server's error when it is one.
    public func dictionary() throws(RedisError) -> [String: ByteBuffer] {
        var result: [String: ByteBuffer] = [:]
        for entry in try self.map() { result[try entry.key.string()] = try entry.value.bytes() }
        return result
    }

    /// The texts of an array.
    ///
    /// - Throws: `decoding` for another type, or when an element is no text; the server's error when it is one.
    public func strings() throws(RedisError) -> [String] {
        var result: [String] = []
        for element in try self.array() { result.append(try element.string()) }
        return result
    }

    /// What `decode` makes of the value; nil for null.
    ///
    ///     try reply.optional { value throws(RedisError) in try value.string() }
    public func optional<T>(_ decode: (RedisValue) throws(RedisError) -> T) throws(RedisError) -> T? {
        if case .null = self { return nil }
        return try decode(self)
    }

    /// Says that something else was expected, or passes on the error that is here instead.
    func mismatch(_ expected: String) -> RedisError {
        if case .error(let error) = self { return error }
        return RedisError(.decoding, "expected \(expected), got \(self.kind)", wasSent: true)
    }

    /// What it is in words, without what it holds.
    private var kind: String {
        switch self {
        case .null: "nothing"
        case .bool: "a boolean"
        case .integer: "an integer"
        case .double: "a double"
        case .bigNumber: "a big number"
        case .simple: "a simple string"
        case .bulk: "a string"
        case .verbatim: "a verbatim string"
        case .error: "an error"
        case .array: "an array"
        case .map: "a map"
        case .set: "a set"
        case .push: "a push"
        }
    }
}
