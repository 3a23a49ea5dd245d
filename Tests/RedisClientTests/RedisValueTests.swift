//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import NIOCore
import Testing

@testable import RedisClient

struct RedisValueTests {
    private func bulk(_ text: String) -> RedisValue { .bulk(ByteBuffer(string: text)) }

    @Test("both protocols give the same results")
    func bothProtocols() throws {
        #expect(try self.bulk("1.5").double() == RedisValue.double(1.5).double())
        #expect(try self.bulk("inf").double() == .infinity)
        #expect(try RedisValue.integer(1).bool() == RedisValue.bool(true).bool())
        #expect(try self.bulk("12").integer() == 12)
        #expect(try RedisValue.verbatim(format: "txt", ByteBuffer(string: "a")).string() == "a")
        let flat = RedisValue.array([self.bulk("a"), self.bulk("1"), self.bulk("b"), self.bulk("2")])
        let map = RedisValue.map([
            .init(key: self.bulk("a"), value: self.bulk("1")), .init(key: self.bulk("b"), value: self.bulk("2")),
        ])
        #expect(try flat.dictionary() == map.dictionary())
        let pairs = RedisValue.array([.array([self.bulk("a"), .double(1)]), .array([self.bulk("b"), .double(2)])])
        #expect(try flat.scoredMembers() == pairs.scoredMembers())
        let entries = RedisValue.array([.array([self.bulk("1-0"), flat])])
        let streams2 = try RedisValue.array([.array([self.bulk("s"), entries])]).streams()
        let streams3 = try RedisValue.map([.init(key: self.bulk("s"), value: entries)]).streams()
        #expect(streams2.map(\.key) == ["s"] && streams3.map(\.key) == ["s"])
        #expect(streams2.map(\.entries) == streams3.map(\.entries))
        #expect(streams2.first?.entries.first?["b"] == ByteBuffer(string: "2"))
    }

    @Test("another type is an error of decoding that shows nothing of the value")
    func mismatch() {
        let secret = self.bulk("secret")
        for attempt in [
            { _ = try secret.integer() }, { _ = try secret.double() }, { _ = try secret.bool() },
            { _ = try secret.array() }, { _ = try secret.map() }, { _ = try RedisValue.null.string() },
            { _ = try RedisValue.array([]).string() }, { _ = try RedisValue.array([.null]).map() },
            { _ = try RedisValue.bulk(ByteBuffer(bytes: [0xFF])).string() },
        ] as [() throws -> Void] {
            let error = #expect(throws: RedisError.self) { try attempt() }
            #expect(error?.code == .decoding)
            #expect(error?.message.contains("secret") == false)
        }
    }

    @Test("an error in the place of a value is what is thrown")
    func errors() {
        let error = RedisError(.server("WRONGTYPE"), "no", wasSent: true)
        #expect(throws: error) { try RedisValue.error(error).string() }
        #expect(throws: error) { try RedisValue.error(error).array() }
    }

    @Test("null is nothing where that is allowed")
    func optional() throws {
        #expect(try RedisValue.null.optional { value throws(RedisError) in try value.string() } == nil)
        #expect(try self.bulk("a").optional { value throws(RedisError) in try value.string() } == "a")
    }

    @Test("a command is an array of strings")
    func commands() {
        let command = RedisCommand("SET", "ä", .bytes(ByteBuffer(bytes: [0, 13, 10])), 12, 0.5, "long argument")
        #expect(
            Array(command.encoded.readableBytesView)
                == Array(
                    "*6\r\n$3\r\nSET\r\n$2\r\nä\r\n$3\r\n\0\r\n\r\n$2\r\n12\r\n$3\r\n0.5\r\n$13\r\nlong argument\r\n"
                        .utf8))
    }

    @Test(
        "a double is sent so that it is read back exactly",
        arguments: [0, -0.5, 1e14, 1e15, 1e300, 2.2250738585072014e-308, .infinity, 0.1 + 0.2])
    func doubles(number: Double) {
        #expect(RESPParser.double(RedisArgument.text(of: number)) == number)
    }

    @Test("no wait is sent as for ever")
    func milliseconds() {
        #expect(Duration.nanoseconds(1).redisMilliseconds == 1)
        #expect(Duration.zero.redisMilliseconds == 1)
        #expect(Duration.seconds(2).redisMilliseconds == 2000)
        #expect(Duration.microseconds(1999).redisMilliseconds == 1)
    }
}
