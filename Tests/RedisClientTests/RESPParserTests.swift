//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import NIOCore
import Testing

@testable import RedisClient

@Suite(.timeLimit(.minutes(1)))
struct RESPParserTests {
    typealias Reading = (values: [RedisValue], failure: RedisError.Code?)

    /// Feeds pieces and gives all that comes out.
    static func read(_ pieces: [[UInt8]], limits: RESPParser.Limits = .init()) -> Reading {
        var parser = RESPParser(limits: limits)
        var values: [RedisValue] = []
        do throws(RedisError) {
            for piece in pieces {
                parser.feed(ByteBuffer(bytes: piece))
                while let value = try parser.next() { values.append(value) }
            }
        } catch {
            return (values, error.code)
        }
        return (values, nil)
    }

    static func read(_ text: String, limits: RESPParser.Limits = .init()) -> Reading {
        self.read([Array(text.utf8)], limits: limits)
    }

    static func bulk(_ text: String) -> RedisValue { .bulk(ByteBuffer(string: text)) }

    /// Replies of both protocols, as redis-server writes them, and what they say.
    static let corpus: [(text: String, value: RedisValue)] = [
        ("+OK\r\n", .simple("OK")),
        ("+\r\n", .simple("")),
        ("-ERR no such thing\r\n", .error(RedisError(.server("ERR"), "no such thing", wasSent: true))),
        ("-NOSCRIPT\r\n", .error(RedisError(.server("NOSCRIPT"), "", wasSent: true))),
        ("-oh dear\r\n", .error(RedisError(.server("ERR"), "oh dear", wasSent: true))),
        (":0\r\n", .integer(0)),
        (":-9223372036854775808\r\n", .integer(.min)),
        (":+9223372036854775807\r\n", .integer(.max)),
        ("$0\r\n\r\n", bulk("")),
        ("$5\r\na\r\nb\0\r\n", bulk("a\r\nb\0")),
        ("$-1\r\n", .null),
        ("*-1\r\n", .null),
        ("*0\r\n", .array([])),
        ("*2\r\n$1\r\na\r\n*1\r\n:1\r\n", .array([bulk("a"), .array([.integer(1)])])),
        ("_\r\n", .null),
        ("#t\r\n", .bool(true)),
        ("#f\r\n", .bool(false)),
        (",1.5\r\n", .double(1.5)),
        (",10\r\n", .double(10)),
        (",-1.2e+30\r\n", .double(-1.2e30)),
        (",inf\r\n", .double(.infinity)),
        (",-inf\r\n", .double(-.infinity)),
        ("(3492890328409238509324850943850943825024385\r\n", .bigNumber("3492890328409238509324850943850943825024385")),
        ("!21\r\nSYNTAX invalid syntax\r\n", .error(RedisError(.server("SYNTAX"), "invalid syntax", wasSent: true))),
        ("=8\r\ntxt:a\r\nb\r\n", .verbatim(format: "txt", ByteBuffer(string: "a\r\nb"))),
        ("=4\r\nmkd:\r\n", .verbatim(format: "mkd", ByteBuffer())),
        (
            "%2\r\n+a\r\n:1\r\n$1\r\nb\r\n%0\r\n",
            .map([.init(key: .simple("a"), value: .integer(1)), .init(key: bulk("b"), value: .map([]))])
        ),
        ("~2\r\n:1\r\n_\r\n", .set([.integer(1), .null])),
        (">3\r\n+message\r\n$1\r\nc\r\n$1\r\nm\r\n", .push([.simple("message"), bulk("c"), bulk("m")])),
        ("|1\r\n+ttl\r\n:3600\r\n:7\r\n", .integer(7)),
        ("*2\r\n|2\r\n+a\r\n*1\r\n:1\r\n+b\r\n|0\r\n:2\r\n:1\r\n:2\r\n", .array([.integer(1), .integer(2)])),
        ("|0\r\n+OK\r\n", .simple("OK")),
    ]

    @Test("each type of both protocols is read", arguments: corpus.indices)
    func types(index: Int) {
        let (text, value) = Self.corpus[index]
        let reading = Self.read(text)
        #expect(reading.values == [value])
        #expect(reading.failure == nil)
    }

    @Test("a stream gives the same wherever it is cut in two, and byte by byte")
    func everySplit() {
        let bytes = Self.corpus.flatMap { Array($0.text.utf8) }
        let expected = Self.corpus.map(\.value)
        #expect(Self.read(bytes.map { [$0] }).values == expected)
        for cut in 0...bytes.count {
            let reading = Self.read([Array(bytes[..<cut]), Array(bytes[cut...])])
            #expect(reading.values == expected, "cut at \(cut)")
        }
    }

    @Test("each reply gives the same cut in three anywhere")
    func threePieces() {
        for (text, value) in Self.corpus {
            let bytes = Array(text.utf8)
            for first in 0...bytes.count {
                for second in first...bytes.count {
                    let pieces = [Array(bytes[..<first]), Array(bytes[first..<second]), Array(bytes[second...])]
                    #expect(Self.read(pieces).values == [value])
                }
            }
        }
    }

    @Test("what is written is read back", arguments: 0..<20)
    func roundTrip(seed: Int) {
        var random = RandomValues(generator: SplitMix(state: UInt64(seed)))
        let values = (0..<200).map { _ in random.next() }
        let bytes = values.flatMap(RESPWriter.bytes)
        #expect(Self.read([bytes]).values == values)
        var pieces: [[UInt8]] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            let length = min(rest.count, Int.random(in: 1...100, using: &random.generator))
            pieces.append(Array(rest.prefix(length)))
            rest = rest.dropFirst(length)
        }
        #expect(Self.read(pieces).values == values)
    }

    @Test("any byte at any place is read or refused the same in one piece and in many")
    func everyByte() {
        for (text, _) in Self.corpus {
            let bytes = Array(text.utf8)
            for index in bytes.indices {
                for byte in UInt8.min...UInt8.max {
                    var changed = bytes
                    changed[index] = byte
                    let whole = Self.read([changed])
                    let pieces = Self.read(changed.map { [$0] })
                    // `#expect` alone would take most of a minute.
                    guard whole.values != pieces.values || whole.failure != pieces.failure else { continue }
                    Issue.record("byte \(byte) at \(index) of \(text.debugDescription)")
                }
            }
        }
    }

    @Test(
        "what is not RESP is refused",
        arguments: [
            "x\r\n", "\r\n", ":\r\n", ":1a\r\n", ":-\r\n", ":--1\r\n", ":9223372036854775808\r\n", ": 1\r\n",
            ":99999999999999999999999999\r\n", "$-2\r\n", "*-2\r\n", "$a\r\n", "*?\r\n", "$?\r\n", "%-1\r\n", "~-1\r\n",
            "!-1\r\n", "=-1\r\n", "=3\r\ntxt\r\n", "=4\r\ntxtx\r\n", "#x\r\n", "#tt\r\n", "_a\r\n", ",\r\n", ",1,5\r\n",
            ",0x10\r\n", ",infinity\r\n", "(\r\n", "(-\r\n", "(1a\r\n", "+a\rb\r\n", "$1\r\nab\r\n", "$1\r\na\n\r\n",
            "*1\r\n>1\r\n:1\r\n", "*1\r\n>0\r\n",
        ])
    func refused(text: String) {
        #expect(Self.read(text).failure == .protocolViolation)
    }

    @Test("after a failure nothing more is read")
    func dead() {
        var parser = RESPParser()
        parser.feed(ByteBuffer(string: "x\r\n"))
        for _ in 0..<3 {
            #expect(throws: RedisError.self) { try parser.next() }
            parser.feed(ByteBuffer(string: "+OK\r\n"))
        }
    }

    @Test("limits hold exactly")
    func limits() {
        var limits = RESPParser.Limits()
        limits.bulkBytes = 5
        limits.lineBytes = 10
        limits.aggregateElements = 4
        limits.replyElements = 6
        limits.replyBytes = 200
        limits.depth = 3
        let allowed = [
            "$5\r\nabcde\r\n", "+123456789\r\n", "*4\r\n:1\r\n:1\r\n:1\r\n:1\r\n", "%2\r\n:1\r\n:1\r\n:1\r\n:1\r\n",
            "*1\r\n*1\r\n*1\r\n:1\r\n", "*3\r\n:1\r\n:1\r\n*3\r\n:1\r\n:1\r\n:1\r\n", "*1\r\n*1\r\n*1\r\n*0\r\n",
        ]
        for text in allowed {
            #expect(Self.read(text, limits: limits).values.count == 1, "\(text)")
            // The limits are those of one reply.
            #expect(Self.read(text + text + text, limits: limits).values.count == 3, "\(text)")
        }
        let refused = [
            "$6\r\n", "!6\r\n", "=6\r\n", "+12345678901\r\n", "+123456789012345", "-12345678901\r\n", "*5\r\n",
            "%3\r\n", "~5\r\n", ">5\r\n",
            "|3\r\n", "*1\r\n*1\r\n*1\r\n*1\r\n", "*4\r\n:1\r\n*3\r\n", "*9223372036854775807\r\n".replacingCount(4),
            "*2\r\n%1\r\n:1\r\n:1\r\n%2\r\n",
        ]
        for text in refused { #expect(Self.read(text, limits: limits).failure == .tooLarge, "\(text)") }
    }

    @Test("a reply is bounded as a whole, before its bytes are here")
    func wholeReply() {
        var limits = RESPParser.Limits()
        limits.replyBytes = 100
        #expect(Self.read("$101\r\n", limits: limits).failure == .tooLarge)
        #expect(
            Self.read("*2\r\n$40\r\n\(String(repeating: "a", count: 40))\r\n$60\r\n", limits: limits).failure
                == .tooLarge)
        #expect(Self.read("$9223372036854775807\r\n").failure == .tooLarge)
        #expect(Self.read("*9223372036854775807\r\n").failure == .tooLarge)
        #expect(Self.read("%9223372036854775807\r\n").failure == .tooLarge)
    }

    @Test("a head alone costs no memory, however much it promises")
    func promises() {
        // A million elements announced a thousand times over would be tens of gigabytes.
        for _ in 0..<1000 {
            #expect(Self.read("*1048576\r\n").failure == nil)
            #expect(Self.read("$67108864\r\nabc").failure == nil)
        }
    }

    @Test("a bomb of nested arrays is refused at the limit, not by the stack")
    func depthBomb() {
        let bomb = String(repeating: "*1\r\n", count: 1_000_000)
        #expect(Self.read(bomb).failure == .tooLarge)
        #expect(Self.read(String(repeating: "|1\r\n", count: 1_000_000)).failure == .tooLarge)
        let deep = String(repeating: "*1\r\n", count: RedisClientLimits.depth) + ":1\r\n"
        #expect(Self.read(deep).values.count == 1)
    }

    @Test("a large reply in small pieces costs time by its size, not by its square")
    func smallPieces() {
        let text = "*100000\r\n" + String(repeating: "$3\r\nabc\r\n", count: 100_000)
        let bytes = Array(text.utf8)
        let pieces = stride(from: 0, to: bytes.count, by: 7).map { Array(bytes[$0..<min($0 + 7, bytes.count)]) }
        let clock = ContinuousClock()
        let time = clock.measure { #expect(Self.read(pieces).values.count == 1) }
        #expect(time < .seconds(20))
        let long =
            [Array("$4000000\r\n".utf8)] + Array(repeating: Array(repeating: UInt8(97), count: 1000), count: 4000)
        #expect(Self.read(long + [[13, 10]]).values.count == 1)
    }

    @Test("strings share the memory of what was read")
    func slices() throws {
        var parser = RESPParser()
        let buffer = ByteBuffer(string: "$5\r\nhello\r\n")
        parser.feed(buffer)
        let value = try #require(try parser.next())
        let address = buffer.withUnsafeReadableBytes { $0.baseAddress.map { UInt(bitPattern: $0) + 4 } }
        #expect(try value.bytes().withUnsafeReadableBytes { $0.baseAddress.map { UInt(bitPattern: $0) } } == address)
        #expect(parser.isAtBoundary)
    }
}

extension String {
    /// A count just above a limit.
    fileprivate func replacingCount(_ limit: Int) -> String { "*\(limit + 1)\r\n" }
}
