//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
public import NIOCore

/// One word of a command. Redis knows only bytes: numbers are sent as digits.
public enum RedisArgument: Hashable, Sendable {
    case string(String)
    case bytes(ByteBuffer)
    case integer(Int)
    /// Sent so that it is read back exactly.
    case double(Double)
}

extension RedisArgument: ExpressibleByStringInterpolation, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral {
    public init(stringLiteral value: String) { self = .string(value) }
    public init(integerLiteral value: Int) { self = .integer(value) }
    public init(floatLiteral value: Double) { self = .double(value) }
}

extension RedisArgument {
    public init(_ value: String) { self = .string(value) }
    public init(_ value: ByteBuffer) { self = .bytes(value) }
    public init(_ value: Int) { self = .integer(value) }
    public init(_ value: some Sequence<UInt8>) { self = .bytes(ByteBuffer(bytes: value)) }
}
