//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import NIOCore
import NIOEmbedded
import Testing

@testable import RedisClient

/// The connection over a channel without a network, with a clock that the test moves.
@Suite(.timeLimit(.minutes(1)))
struct RedisConnectionTests {
    private let channel = NIOAsyncTestingChannel()

    private func connect(
        _ settings: RedisConnection.Settings = .init(), inbox: RequestInbox = RequestInbox()
    ) async throws -> RedisConnection {
        let channel = self.channel
        let connection = try await channel.eventLoop.submit {
            try RedisConnection(on: channel, settings: settings, inbox: inbox)
        }.get()
        try await channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 6379)).get()
        return connection
    }

    private func sent() async throws -> String {
        String(buffer: try await self.channel.waitForOutboundWrite(as: ByteBuffer.self))
    }

    private func reply(_ text: String) async throws {
        try await self.channel.writeInbound(ByteBuffer(string: text))
    }

    private func advance(_ time: TimeAmount) async {
        await self.channel.testingEventLoop.advanceTime(by: time)
    }

    private let get = RedisCommand("GET", "a").encoded
    private static let getText = "*2\r\n$3\r\nGET\r\n$1\r\na\r\n"

    @Test("a command goes out and its reply comes back, in whatever pieces")
    func roundTrip() async throws {
        let connection = try await self.connect()
        async let value = connection.perform(self.get, patience: .seconds(2))
        #expect(try await self.sent() == Self.getText)
        for piece in ["$", "5\r", "\nhel", "lo\r", "\n"] { try await self.reply(piece) }
        #expect(try await value == .bulk("hello"))
        #expect(connection.load == 0)
    }

    @Test("replies that nobody asked for close the connection")
    func unasked() async throws {
        let connection = try await self.connect()
        try await self.reply("+OK\r\n")
        #expect(await connection.closed().code == .protocolViolation)
        #expect(!connection.isOpen)
    }

    @Test("what is no RESP closes the connection, and who waits is told that the command was sent")
    func garbage() async throws {
        let connection = try await self.connect()
        async let error = failure { () throws(RedisError) in
            try await connection.perform(self.get, patience: .seconds(2))
        }
        _ = try await self.sent()
        try await self.reply("HTTP/1.1 400 Bad Request\r\n")
        #expect(await error?.code == .protocolViolation)
        #expect(await error?.wasSent == true)
    }

    @Test("a server that goes away is told to all who wait; a later command is not sent")
    func closed() async throws {
        let connection = try await self.connect()
        async let first = failure { () throws(RedisError) in
            try await connection.perform(self.get, patience: .seconds(2))
        }
        _ = try await self.sent()
        try await self.channel.close().get()
        #expect(await first == RedisError(.closed, "the server closed the connection", wasSent: true))
        let second = await failure { () throws(RedisError) in
            try await connection.perform(self.get, patience: .seconds(2))
        }
        #expect(second?.code == .closed)
        #expect(second?.wasSent == false)
    }

    @Test("a cancelled caller is let go at once; its reply is dropped and the next goes to the next")
    func cancelled() async throws {
        let connection = try await self.connect()
        // Its value is awaited below.
        let task = Task {
            await failure { () throws(RedisError) in try await connection.perform(self.get, patience: .seconds(2)) }
        }
        _ = try await self.sent()
        task.cancel()
        #expect(await task.value == RedisError(.cancelled, "the command was cancelled", wasSent: true))
        async let value = connection.perform(RedisCommand("GET", "b").encoded, patience: .seconds(2))
        _ = try await self.sent()
        try await self.reply("$1\r\nA\r\n$1\r\nB\r\n")
        #expect(try await value == .bulk("B"))
        #expect(connection.isOpen)
    }

    @Test("a caller that was cancelled before sends nothing")
    func cancelledBefore() async throws {
        let connection = try await self.connect()
        // Its value is awaited below.
        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return await failure { () throws(RedisError) in
                try await connection.perform(self.get, patience: .seconds(2))
            }
        }
        #expect(await task.value?.wasSent == false)
        #expect(try await self.channel.readOutbound(as: ByteBuffer.self) == nil)
    }

    @Test("a caller in a hurry is let go; the connection ends only when the reply is missing for its own time")
    func deadlines() async throws {
        let connection = try await self.connect()
        async let hasty = failure { () throws(RedisError) in
            try await connection.perform(self.get, patience: .milliseconds(100))
        }
        _ = try await self.sent()
        async let patient = failure { () throws(RedisError) in
            try await connection.perform(self.get, patience: .seconds(9))
        }
        _ = try await self.sent()
        await self.advance(.milliseconds(110))
        #expect(await hasty?.code == .timedOut)
        #expect(connection.isOpen)
        await self.advance(.seconds(2))
        #expect(await patient == RedisError(.closed, "the server did not answer in time", wasSent: true))
        #expect(!connection.isOpen)
    }

    @Test("an idle connection is tested, and closed when it does not answer")
    func keepAlive() async throws {
        var settings = RedisConnection.Settings()
        settings.keepAlive = .seconds(2)
        let connection = try await self.connect(settings)
        for _ in 0..<3 {
            await self.advance(.seconds(2))
            #expect(try await self.sent() == "*1\r\n$4\r\nPING\r\n")
            try await self.reply("+PONG\r\n")
        }
        #expect(connection.load == 0)
        await self.advance(.seconds(2))
        _ = try await self.sent()
        await self.advance(.seconds(2))
        #expect(await connection.closed().code == .timedOut)
    }

    @Test(
        "a server that is no longer the one lets what is under way finish, and is left",
        arguments: ["-READONLY no\r\n", "-LOADING no\r\n", "-MASTERDOWN no\r\n", "-UNBLOCKED no\r\n"])
    func leave(text: String) async throws {
        let connection = try await self.connect()
        async let first = connection.perform(self.get, patience: .seconds(2))
        _ = try await self.sent()
        async let second = connection.perform(self.get, patience: .seconds(2))
        _ = try await self.sent()
        try await self.reply(text)
        #expect(try await first == .error(RedisError(reply: String(text.dropFirst().dropLast()))))
        let third = await failure { () throws(RedisError) in
            try await connection.perform(self.get, patience: .seconds(2))
        }
        #expect(third?.wasSent == false)
        try await self.reply("$1\r\nB\r\n")
        #expect(try await second == .bulk("B"))
        #expect(await connection.closed().code == .unreachable)
    }

    @Test("a draining connection does not wait for ever")
    func drain() async throws {
        let connection = try await self.connect()
        async let value = failure { () throws(RedisError) in
            try await connection.perform(self.get, patience: .seconds(9))
        }
        _ = try await self.sent()
        connection.drain(because: RedisError(.closed, "enough"))
        await self.channel.testingEventLoop.run()
        await self.advance(.seconds(1))
        #expect(await value == RedisError(.closed, "enough", wasSent: true))
    }

    @Test("no more commands are taken than the limits allow, and none of those is sent")
    func bounded() async throws {
        let connection = try await self.connect(inbox: RequestInbox(maximumCount: 2, maximumBytes: 100))
        async let first = connection.perform(self.get, patience: .seconds(2))
        _ = try await self.sent()
        // The promise of the write is kept just after the test sees the bytes.
        await self.channel.testingEventLoop.run()
        let large = RedisCommand("SET", "a", .string(String(repeating: "x", count: 500))).encoded
        async let second = connection.perform(large, patience: .seconds(2))
        _ = try await self.sent()
        let third = await failure { () throws(RedisError) in
            try await connection.perform(self.get, patience: .seconds(2))
        }
        #expect(third?.code == .poolExhausted && third?.wasSent == false)
        try await self.reply("+A\r\n+B\r\n")
        #expect(try await first == .simple("A"))
        #expect(try await second == .simple("B"))
        async let fourth = connection.perform(self.get, patience: .seconds(2))
        _ = try await self.sent()
        try await self.reply("+C\r\n")
        #expect(try await fourth == .simple("C"))
    }

    @Test("messages of both protocols go to the listener, confirmations to those who subscribe")
    func pushes() async throws {
        let (pushes, continuation) = AsyncStream<[RedisValue]>.makeStream()
        var settings = RedisConnection.Settings()
        settings.pushes = .subscriptions
        settings.onPush = { continuation.yield($0) }
        let connection = try await self.connect(settings)
        for mark in ["*", ">"] {
            async let value = connection.perform(
                RedisCommand("SUBSCRIBE", "a", "b").encoded, replies: 2, patience: .seconds(2))
            _ = try await self.sent()
            try await self.reply("\(mark)3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nx\r\n")
            try await self.reply(
                "\(mark)3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n\(mark)3\r\n$9\r\nsubscribe\r\n$1\r\nb\r\n:2\r\n")
            #expect(try await value.array().count == 2)
            async let pong = connection.perform(RedisCommand.ping.encoded, patience: .seconds(2))
            _ = try await self.sent()
            try await self.reply(mark == "*" ? "*2\r\n$4\r\npong\r\n$0\r\n\r\n" : "+PONG\r\n")
            _ = try await pong
        }
        continuation.finish()
        var messages: [[RedisValue]] = []
        for await push in pushes { messages.append(push) }
        #expect(messages == Array(repeating: [.bulk("message"), .bulk("a"), .bulk("x")], count: 2))
        #expect(connection.isOpen)
    }
}
