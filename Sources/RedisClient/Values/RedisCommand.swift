//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import NIOCore

/// A command, written for the wire when it is made.
///
///     RedisCommand("SET", "greeting", "hello", "PX", 5000)
public struct RedisCommand: Hashable, Sendable {
    /// The first word, in capitals, as it appears in errors and logs.
    public let name: String
    /// An array of strings in RESP.
    let encoded: ByteBuffer

    public init(_ name: String, _ arguments: RedisArgument...) {
        self.init(name, arguments: arguments)
    }

    /// - Parameters:
    ///   - name: One word; a subcommand such as `LOAD` of `SCRIPT LOAD` is the first argument.
    ///   - arguments: What follows it.
    public init(_ name: String, arguments: [RedisArgument]) {
        self.name = name
        var buffer = ByteBuffer()
        buffer.reserveCapacity(arguments.reduce(32 + name.utf8.count) { $0 + $1.sizeHint })
        buffer.writeHeader(UInt8(ascii: "*"), arguments.count + 1)
        buffer.writeBulk(name)
        for argument in arguments { buffer.writeArgument(argument) }
        self.encoded = buffer
    }
}

extension RedisArgument {
    /// A double so that it is read back exactly; Redis reads `inf` and `-inf`, which Swift writes too.
    static func text(of number: Double) -> String {
        number == number.rounded() && abs(number) < 1e15 ? String(Int(number)) : String(number)
    }

    /// About as many bytes does it take.
    fileprivate var sizeHint: Int {
        switch self {
        case .string(let text): text.utf8.count + 16
        case .bytes(let buffer): buffer.readableBytes + 16
        case .integer, .double: 32
        }
    }
}

extension ByteBuffer {
    fileprivate mutating func writeArgument(_ argument: RedisArgument) {
        switch argument {
        case .string(let text): self.writeBulk(text)
        case .integer(let number): self.writeBulk(String(number))
        case .double(let number): self.writeBulk(RedisArgument.text(of: number))
        case .bytes(let bytes):
            self.writeHeader(UInt8(ascii: "$"), bytes.readableBytes)
            self.writeImmutableBuffer(bytes)
            self.writeLineEnd()
        }
    }

    fileprivate mutating func writeBulk(_ text: String) {
        self.writeHeader(UInt8(ascii: "$"), text.utf8.count)
        self.writeString(text)
        self.writeLineEnd()
    }

    /// `*3` or `$5` with its line end.
    fileprivate mutating func writeHeader(_ mark: UInt8, _ count: Int) {
        self.writeInteger(mark)
        if count < 10 {
            self.writeInteger(UInt8(ascii: "0") + UInt8(count))
        } else {
            self.writeString(String(count))
        }
        self.writeLineEnd()
    }

    fileprivate mutating func writeLineEnd() {
        self.writeInteger(0x0D0A as UInt16)
    }
}

extension RedisCommand {
    static let ping = RedisCommand("PING")
}

extension [RedisCommand] {
    /// All of them for one write.
    func joined() -> ByteBuffer {
        if self.count == 1 { return self[0].encoded }
        var buffer = ByteBuffer()
        buffer.reserveCapacity(self.reduce(0) { $0 + $1.encoded.readableBytes })
        for command in self { buffer.writeImmutableBuffer(command.encoded) }
        return buffer
    }
}
