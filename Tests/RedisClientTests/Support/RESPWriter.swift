//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import NIOCore

@testable import RedisClient

/// Writes what a server would: the other direction of the parser.
enum RESPWriter {
    static func bytes(_ value: RedisValue) -> [UInt8] {
        switch value {
        case .null: return Array("_\r\n".utf8)
        case .bool(let flag): return Array((flag ? "#t\r\n" : "#f\r\n").utf8)
        case .integer(let number): return Array(":\(number)\r\n".utf8)
        case .double(let number): return Array(",\(number)\r\n".utf8)
        case .bigNumber(let digits): return Array("(\(digits)\r\n".utf8)
        case .simple(let text): return Array("+\(text)\r\n".utf8)
        case .bulk(let buffer): return self.string("$", Array(buffer.readableBytesView))
        case .verbatim(let format, let buffer):
            return self.string("=", Array("\(format):".utf8) + Array(buffer.readableBytesView))
        case .error(let error): return self.string("!", Array("\(error)".utf8))
        case .array(let elements): return self.aggregate("*", elements)
        case .set(let elements): return self.aggregate("~", elements)
        case .push(let elements): return self.aggregate(">", elements)
        case .map(let entries):
            return Array("%\(entries.count)\r\n".utf8) + entries.flatMap { self.bytes($0.key) + self.bytes($0.value) }
        }
    }

    private static func string(_ mark: String, _ bytes: [UInt8]) -> [UInt8] {
        Array("\(mark)\(bytes.count)\r\n".utf8) + bytes + Array("\r\n".utf8)
    }

    private static func aggregate(_ mark: String, _ elements: [RedisValue]) -> [UInt8] {
        Array("\(mark)\(elements.count)\r\n".utf8) + elements.flatMap(self.bytes)
    }
}

/// A value as random as its generator.
struct RandomValues {
    var generator: SplitMix

    /// - Parameter depth: How deep it may be nested.
    mutating func next(depth: Int = 4, isTop: Bool = true) -> RedisValue {
        switch Int.random(in: 0..<(depth > 0 ? 13 : 9), using: &self.generator) {
        case 0: .null
        case 1: .bool(Bool.random(using: &self.generator))
        case 2: .integer(Int.random(in: .min ... .max, using: &self.generator))
        case 3:
            .double(
                Double(bitPattern: self.generator.next()).isNaN
                    ? 0.1 : Double.random(in: -1e9...1e9, using: &self.generator))
        case 4: .bigNumber("-123456789012345678901234567890")
        case 5: .simple(String(repeating: "é~", count: Int.random(in: 0...20, using: &self.generator)))
        case 6: .bulk(ByteBuffer(bytes: self.bytes()))
        case 7: .verbatim(format: "txt", ByteBuffer(bytes: self.bytes()))
        case 8: .error(RedisError(.server("WRONGTYPE"), "not that", wasSent: true))
        case 9: .array(self.elements(depth))
        case 10: isTop ? .push(self.elements(depth)) : .set(self.elements(depth))
        case 11: .set(self.elements(depth))
        default:
            .map(self.elements(depth).map { RedisValue.Entry(key: .integer(1), value: $0) })
        }
    }

    private mutating func elements(_ depth: Int) -> [RedisValue] {
        (0..<Int.random(in: 0...4, using: &self.generator)).map { _ in self.next(depth: depth - 1, isTop: false) }
    }

    private mutating func bytes() -> [UInt8] {
        (0..<Int.random(in: 0...40, using: &self.generator)).map { _ in
            UInt8.random(in: 0...255, using: &self.generator)
        }
    }
}

/// The same numbers for the same seed (Steele, Lea and Flood, 2014).
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var z = self.state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
