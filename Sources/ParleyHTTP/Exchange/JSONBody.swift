//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation
import Hummingbird
import NIOCore
import NIOFoundationCompat
import NIOHTTP1
import ParleyChat

extension Request {
    /// Reads the whole body as JSON.
    ///
    /// - Throws: `Problem`: 413 over the limit, 415 for another content type, 400 for what is no JSON (malformed,
    ///   not UTF-8, too deep), 422 with the field for a wrong type.
    func json<Value: Decodable>(
        _ type: Value.Type = Value.self, limitBytes: Int = HTTPLimits.bodyBytes
    ) async throws -> Value {
        let data = try await self.body(limitBytes: limitBytes)
        let contentType = self.headers[.contentType] ?? "application/json"
        guard contentType.lowercased().hasPrefix("application/json") else {
            throw Problem(
                .unsupportedMediaType, "unsupported-media-type", title: "Unsupported content type",
                detail: "The body must be application/json.")
        }
        return try JSONBody.decode(Value.self, from: data)
    }

    /// Reads the whole body.
    ///
    /// - Throws: a `Problem`: 413 over the limit, 400 when it is not framed as HTTP wants it.
    func body(limitBytes: Int) async throws -> Data {
        if let length = self.headers[.contentLength].flatMap({ Int($0) }), length > limitBytes {
            throw Problem.tooLarge(limitBytes: limitBytes)
        }
        do {
            let buffer = try await self.body.collect(upTo: limitBytes)
            return Data(buffer: buffer)
        } catch is NIOTooManyBytesError {
            throw Problem.tooLarge(limitBytes: limitBytes)
        } catch is HTTPParserError {
            throw Problem.malformed("The body is not framed as HTTP/1.1 wants it.")
        }
    }
}

/// Decodes JSON that strangers send.
enum JSONBody {
    static func decode<Value: Decodable>(_ type: Value.Type, from data: Data) throws -> Value {
        guard !data.isEmpty else { throw Problem.malformed("The body is empty; it must be a JSON object.") }
        try Self.checkDepth(data)
        guard String(validating: data, as: UTF8.self) != nil else {
            throw Problem.malformed("The body is not UTF-8.")
        }
        do {
            return try JSONDecoder().decode(Value.self, from: data)
        } catch let error as DecodingError {
            throw Self.problem(error)
        }
    }

    /// Counts brackets outside strings, before a recursive parser sees them.
    private static func checkDepth(_ data: Data) throws {
        var depth = 0
        var inString = false
        var escaped = false
        for byte in data {
            if inString {
                if escaped {
                    escaped = false
                } else if byte == UInt8(ascii: "\\") {
                    escaped = true
                } else if byte == UInt8(ascii: "\"") {
                    inString = false
                }
                continue
            }
            switch byte {
            case UInt8(ascii: "\""): inString = true
            case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
            default: break
            }
            guard depth <= HTTPLimits.bodyDepth else {
                throw Problem.malformed("The body is nested deeper than \(HTTPLimits.bodyDepth) levels.")
            }
        }
    }

    private static func problem(_ error: DecodingError) -> Problem {
        func name(_ path: [any CodingKey]) -> String {
            path.map { $0.intValue.map { "[\($0)]" } ?? $0.stringValue }.joined(separator: ".")
        }
        switch error {
        case .keyNotFound(let key, let context):
            return .invalid(name(context.codingPath + [key]), "is required")
        case .typeMismatch(let type, let context):
            return context.codingPath.isEmpty
                ? .malformed("The body must be a JSON object.")
                : .invalid(name(context.codingPath), "must be \(Self.word(for: type))")
        case .valueNotFound(let type, let context):
            guard !context.codingPath.isEmpty else { return .malformed("The body must be a JSON object.") }
            return .invalid(name(context.codingPath), "must be \(Self.word(for: type)), not null")
        case .dataCorrupted(let context) where !context.codingPath.isEmpty:
            return .invalid(name(context.codingPath), context.debugDescription)
        default:
            return .malformed("The body is not valid JSON.")
        }
    }

    private static func word(for type: any Any.Type) -> String {
        switch type {
        case is String.Type: "a string"
        case is Bool.Type: "true or false"
        case is any BinaryInteger.Type, is any BinaryFloatingPoint.Type: "a number"
        case is [String: Any].Type: "an object"
        default: "\(type)".hasPrefix("Array") ? "an array" : "of another type"
        }
    }
}

/// A member that may be absent, `null`, or a value: a PATCH tells the three apart.
enum Member<Value: Decodable & Sendable>: Sendable {
    case absent
    case null
    case value(Value)

    /// `nil` when absent, `.some(nil)` for `null`.
    var change: Value?? {
        switch self {
        case .absent: .none
        case .null: .some(.none)
        case .value(let value): .some(.some(value))
        }
    }
}

extension KeyedDecodingContainer {
    func member<Value: Decodable & Sendable>(
        _ type: Value.Type = Value.self, forKey key: Key
    ) throws -> Member<Value> {
        guard self.contains(key) else { return .absent }
        if try self.decodeNil(forKey: key) { return .null }
        return .value(try self.decode(Value.self, forKey: key))
    }
}
