//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Hummingbird
import HummingbirdCore
import NIOCore
import Synchronization
import Testing

@testable import WebSocketServer

/// The server on real sockets, against bytes written by hand.
@Suite(.timeLimit(.minutes(1))) struct WebSocketWireTests {
    private typealias Log = EventLog<EchoSession.Event>

    private func withEcho(
        _ change: (inout WebSocketConfiguration) -> Void = { _ in },
        body: (TestServer, EventLog<EchoSession.Event>) async throws -> Void
    ) async throws {
        var configuration = WebSocketConfiguration()
        change(&configuration)
        let log = Log()
        try await withServer { [configuration] router in
            router.get("ws") { request, _ in
                try await request.webSocketUpgrade(configuration: configuration) { EchoSession($0, log: log) }
            }
            router.get("plain") { _, _ in "plain" }
        } body: { server in
            try await body(server, log)
        }
    }

    @Test("the handshake is answered as in RFC 6455 section 1.3, and messages are echoed")
    func echo() async throws {
        try await self.withEcho { server, log in
            let client = try await RawClient.connect(port: server.port)
            try await client.send(RawClient.handshake())
            let head = try #require(await client.head())
            #expect(head.hasPrefix("HTTP/1.1 101 Switching Protocols\r\n"))
            let lines = Set(head.lowercased().split(separator: "\r\n"))
            #expect(lines.contains("sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo="))
            #expect(lines.contains("upgrade: websocket"))
            #expect(lines.contains("connection: upgrade"))
            #expect(!head.lowercased().contains("content-length"))
            #expect(!head.lowercased().contains("transfer-encoding"))
            try await client.send(RawClient.text("Hallo ☕"))
            #expect(await client.frame() == .init(opcode: 1, payload: Array("Hallo ☕".utf8)))
            try await client.send(RawClient.frame(2, [0, 255]))
            #expect(await client.frame() == .init(opcode: 2, payload: [0, 255]))
            try await client.send(RawClient.close(1000))
            #expect(await client.frame()?.closeCode == 1000)
            #expect(await client.frame() == nil)
            #expect(await log.next() == .received(.text(ByteBuffer(string: "Hallo ☕"))))
            #expect(await log.next() == .received(.binary(ByteBuffer(bytes: [0, 255]))))
            #expect(await log.next() == .closed(.init(code: .normalClosure, reason: "", initiator: .peer)))
        }
    }

    @Test("bytes split at any position, handshake included, make no difference")
    func splitEverywhere() async throws {
        let bytes =
            Array(RawClient.handshake().utf8) + RawClient.text("split ☕", fin: false)
            + RawClient.frame(9, [7]) + RawClient.frame(0, Array("!".utf8)) + RawClient.close(1000)
        try await self.withEcho { server, _ in
            for split in stride(from: 1, to: bytes.count, by: 1) {
                let client = try await RawClient.connect(port: server.port)
                try await client.send(Array(bytes[..<split]))
                try await client.send(Array(bytes[split...]))
                #expect(await client.head()?.hasPrefix("HTTP/1.1 101") == true, "at \(split)")
                #expect(await client.frame() == .init(opcode: 10, payload: [7]), "at \(split)")
                // The session answers from its own task: the Close may come first when both are in one read.
                var frame = await client.frame()
                if frame?.opcode == 1 {
                    #expect(frame?.text == "split ☕!", "at \(split)")
                    frame = await client.frame()
                }
                #expect(frame?.closeCode == 1000, "at \(split)")
                #expect(await client.frame() == nil)
            }
        }
    }

    @Test("one byte at a time works, from the first to the last")
    func byteByByte() async throws {
        try await self.withEcho { server, _ in
            let client = try await RawClient.connect(port: server.port)
            for byte in Array(RawClient.handshake().utf8) + RawClient.text("ä") { try await client.send([byte]) }
            #expect(await client.head()?.hasPrefix("HTTP/1.1 101") == true)
            #expect(await client.frame()?.text == "ä")
            await client.close()
        }
    }

    @Test("messages of every length class come back whole")
    func lengths() async throws {
        try await self.withEcho { server, _ in
            let client = try await RawClient.open(port: server.port)
            for count in [0, 1, 125, 126, 65_535, 65_536, 300_000] {
                let text = String(repeating: "x", count: count)
                try await client.send(RawClient.text(text))
                #expect(await client.frame()?.payload.count == count)
            }
            await client.close()
        }
    }

    @Test(
        "what a peer may not send closes with the code for it",
        arguments: [
            (RawClient.frame(1, [0xFF]), 1007), (RawClient.frame(8, [3]), 1002), (RawClient.close(1006), 1002),
            (RawClient.frame(8, [0x03, 0xE8, 0xFF]), 1007), (RawClient.frame(0, [1]), 1002),
            (RawClient.frame(3, []), 1002), (RawClient.frame(9, [], fin: false), 1002),
            (RawClient.frame(9, [UInt8](repeating: 1, count: 126)), 1002), ([0x81, 0x01, 0x41], 1002),
            ([0xC1, 0x80, 1, 2, 3, 4], 1002), ([0x82, 0xFF, 0, 0, 0, 0, 0, 0x10, 0, 0], 1009),
            ([0x82, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], 1009),
            (RawClient.text("a", fin: false) + RawClient.text("b"), 1002),
            (RawClient.frame(1, [0xE2, 0x82], fin: false) + RawClient.frame(0, [0x28]), 1007),
        ] as [([UInt8], UInt16)])
    func violations(bytes: [UInt8], code: UInt16) async throws {
        try await self.withEcho { server, log in
            let client = try await RawClient.open(port: server.port)
            // What follows a violation must not disturb the answer to it.
            try await client.send(bytes + [UInt8](repeating: 0x55, count: 20_000))
            #expect(await client.frame()?.closeCode == code)
            #expect(await client.frame() == nil)
            guard case .closed(let closure) = await log.next() else {
                Issue.record("The session was not told.")
                return
            }
            #expect(closure.code.rawValue == code)
            #expect(closure.initiator == .violation)
        }
    }

    @Test("a message too long over its fragments closes with 1009")
    func tooLong() async throws {
        try await self.withEcho {
            $0.messageBytes = 100
        } body: { server, _ in
            let client = try await RawClient.open(port: server.port)
            try await client.send(RawClient.text(String(repeating: "x", count: 60), fin: false))
            try await client.send(RawClient.frame(0, [UInt8](repeating: 65, count: 41)))
            #expect(await client.frame()?.closeCode == 1009)
        }
    }

    @Test("a close that the peer does not answer ends by the clock")
    func closeTimeout() async throws {
        try await withServer { router in
            router.get("ws") { request, _ in
                var configuration = WebSocketConfiguration()
                configuration.closeTimeout = .milliseconds(50)
                return try await request.webSocketUpgrade(configuration: configuration) { connection in
                    connection.send(text: "first")
                    connection.close(.normalClosure, reason: "done")
                    return EchoSession(connection)
                }
            }
        } body: { server in
            let client = try await RawClient.open(port: server.port)
            #expect(await client.frame()?.text == "first")
            #expect(await client.frame() == .init(opcode: 8, payload: [3, 0xE8] + Array("done".utf8)))
            #expect(await client.frame() == nil)
        }
    }

    @Test("a peer that falls silent is pinged and then given up")
    func deadPeer() async throws {
        try await self.withEcho {
            $0.pingInterval = .milliseconds(40)
            $0.pongTimeout = .seconds(1)
        } body: { server, log in
            let client = try await RawClient.open(port: server.port)
            #expect(await client.frame() == .init(opcode: 9, payload: []))
            try await client.send(RawClient.frame(10, []))
            #expect(await client.frame() == .init(opcode: 9, payload: []))
            #expect(await client.frame() == nil)
            #expect(
                await log.next()
                    == .closed(
                        .init(code: .abnormalClosure, reason: "The peer fell silent.", initiator: .loss)))
        }
    }

    @Test("a connection that is cut tells its session once")
    func cut() async throws {
        try await self.withEcho { server, log in
            let client = try await RawClient.open(port: server.port)
            try await client.send(RawClient.text("last words"))
            await client.close()
            #expect(await log.next() == .received(.text(ByteBuffer(string: "last words"))))
            guard case .closed(let closure) = await log.next() else {
                Issue.record("The session was not told.")
                return
            }
            #expect(closure.code == .abnormalClosure)
        }
    }

    @Test("a slow reader makes its sender wait, and is closed after a while with its memory freed")
    func slowReader() async throws {
        let outcomes = EventLog<Bool>()
        let log = Log()
        try await withServer { router in
            router.get("ws") { request, _ in
                var configuration = WebSocketConfiguration()
                configuration.slowReader = .milliseconds(200)
                configuration.closeTimeout = .milliseconds(100)
                return try await request.webSocketUpgrade(configuration: configuration) {
                    EndlessSession($0, outcomes: outcomes, log: log)
                }
            }
        } body: { server in
            let client = try await RawClient.open(port: server.port, receiveBufferBytes: 4096)
            try await client.setAutoRead(false)
            try await client.send(RawClient.text("start"))
            #expect(await outcomes.next() == false)
            #expect(
                await log.next()
                    == .closed(.init(code: .tryAgainLater, reason: "The peer reads too slowly.", initiator: .violation))
            )
            await client.close()
        }
    }

    @Test("a sender that waits goes on when the peer has read, and is told when it is gone")
    func backpressure() async throws {
        let outcomes = EventLog<Bool>()
        try await withServer { router in
            router.get("ws") { request, _ in
                try await request.webSocketUpgrade { FloodSession($0, outcomes: outcomes) }
            }
        } body: { server in
            let client = try await RawClient.open(port: server.port, receiveBufferBytes: 4096)
            try await client.send(RawClient.text("start"))
            for number in 0..<FloodSession.messages {
                let frame = try #require(await client.frame())
                #expect(frame.payload.count == FloodSession.messageBytes)
                #expect(frame.payload.first == UInt8(truncatingIfNeeded: number))
            }
            #expect(await outcomes.next() == true)
            try await client.setAutoRead(false)
            try await client.send(RawClient.text("start"))
            try await client.endOutput()
            #expect(await outcomes.next() == false)
            await client.close()
        }
    }

    @Test("a peer that is faster than its session is slowed down, and nothing is lost or reordered")
    func inboundBackpressure() async throws {
        let count = 3000
        try await withServer { router in
            router.get("ws") { request, _ in
                var configuration = WebSocketConfiguration()
                configuration.inboundMessages = 2
                configuration.frameBurst = count + 10
                return try await request.webSocketUpgrade(configuration: configuration) { CountingSession($0) }
            }
        } body: { server in
            let client = try await RawClient.open(port: server.port)
            async let sending: Void = client.send(
                (0..<count).flatMap { RawClient.text(String($0)) } + RawClient.text("end"))
            #expect(await client.frame()?.text == "\(count)")
            try await sending
            await client.close()
        }
    }

    @Test("a flood of frames is closed with 1008")
    func flood() async throws {
        try await self.withEcho {
            $0.frameBurst = 20
        } body: { server, _ in
            let client = try await RawClient.open(port: server.port)
            try await client.send((0..<100).flatMap { _ in RawClient.frame(9, []) })
            var frame = await client.frame()
            while frame?.opcode == 10 { frame = await client.frame() }
            #expect(frame?.closeCode == 1008)
        }
    }

    @Test("a close right behind a message is never lost")
    func closeBehindMessage() async throws {
        try await withServer { router in
            router.get("ws") { request, _ in try await request.webSocketUpgrade { RacingSession($0) } }
        } body: { server in
            for _ in 0..<200 {
                let client = try await RawClient.open(port: server.port)
                try await client.send(RawClient.text("go"))
                #expect(await client.frame()?.text == "last")
                #expect(await client.frame()?.closeCode == 1000)
                try await client.send(RawClient.close(1000))
                #expect(await client.frame() == nil)
            }
        }
    }

    @Test("a server that is cancelled closes its WebSockets and ends")
    func cancelled() async throws {
        let log = Log()
        try await withServer { router in
            router.get("ws") { request, _ in
                try await request.webSocketUpgrade { EchoSession($0, log: log) }
            }
        } body: { server in
            let clients = [
                try await RawClient.open(port: server.port), try await RawClient.open(port: server.port),
            ]
            server.cancel()
            for client in clients { #expect(await client.frame() == nil) }
            #expect(await log.next() != nil)
        }
    }

    @Test("a handshake that is answered during the shutdown gets its last word too")
    func upgradeDuringShutdown() async throws {
        let arrivals = EventLog<Void>()
        let releases = EventLog<Void>()
        try await withServer { router in
            router.get("ws") { request, _ in
                arrivals.append(())
                await releases.next()
                return try await request.webSocketUpgrade { EchoSession($0) }
            }
        } body: { server in
            let resting = try await RawClient.connect(port: server.port)
            let client = try await RawClient.connect(port: server.port)
            try await client.send(RawClient.handshake())
            await arrivals.next()
            await server.shutDown()
            #expect(await resting.rest() == "")
            releases.append(())
            #expect(await client.head()?.hasPrefix("HTTP/1.1 101 ") == true)
            #expect(await client.frame()?.text == "going away")
            #expect(await client.frame()?.closeCode == 1001)
            try await client.send(RawClient.close(1001))
            #expect(await client.frame() == nil)
        }
    }

    @Test("at shutdown each session may say a last word, then the connection closes with 1001 and the server ends")
    func shutdown() async throws {
        try await self.withEcho { server, log in
            let clients = [
                try await RawClient.open(port: server.port), try await RawClient.open(port: server.port),
            ]
            await server.shutDown()
            for client in clients {
                #expect(await client.frame()?.text == "going away")
                #expect(await client.frame()?.closeCode == 1001)
                try await client.send(RawClient.close(1001))
                #expect(await client.frame() == nil)
            }
            var events: [EchoSession.Event] = []
            while events.count < 4, let event = await log.next() { events.append(event) }
            #expect(events.filter { $0 == .goingAway }.count == 2)
        }
    }
}

/// Closes at the same time as it sends, many times over.
private final class RacingSession: WebSocketSession {
    private let connection: WebSocketConnection

    init(_ connection: WebSocketConnection) { self.connection = connection }

    func received(_ message: WebSocketMessage) async {
        self.connection.send(text: "last")
        self.connection.close()
    }
}

/// Says at the end how many numbers came in order, and nothing before.
private final class CountingSession: WebSocketSession {
    private let connection: WebSocketConnection
    private let next = Mutex(0)

    init(_ connection: WebSocketConnection) { self.connection = connection }

    func received(_ message: WebSocketMessage) async {
        let text = String(buffer: message.buffer)
        guard text != "end" else {
            self.connection.send(text: String(self.next.withLock { $0 }))
            return
        }
        await Task.yield()
        self.next.withLock { next in
            if text == String(next) { next += 1 }
        }
    }
}

/// Sends for as long as the peer takes it.
private final class EndlessSession: WebSocketSession {
    private let connection: WebSocketConnection
    private let outcomes: EventLog<Bool>
    private let log: EventLog<EchoSession.Event>

    init(_ connection: WebSocketConnection, outcomes: EventLog<Bool>, log: EventLog<EchoSession.Event>) {
        self.connection = connection
        self.outcomes = outcomes
        self.log = log
    }

    func received(_ message: WebSocketMessage) async {
        let message = WebSocketOutboundMessage.binary([UInt8](repeating: 1, count: 100_000))
        var isWritable = true
        while isWritable {
            self.connection.send(message)
            isWritable = await self.connection.writable()
        }
        self.outcomes.append(isWritable)
    }

    func closed(_ closure: WebSocketClosure) async { self.log.append(.closed(closure)) }
}

/// Sends many messages as fast as the peer lets it.
private final class FloodSession: WebSocketSession {
    static let messages = 300
    static let messageBytes = 50_000

    private let connection: WebSocketConnection
    private let outcomes: EventLog<Bool>

    init(_ connection: WebSocketConnection, outcomes: EventLog<Bool>) {
        self.connection = connection
        self.outcomes = outcomes
    }

    func received(_ message: WebSocketMessage) async {
        for number in 0..<Self.messages {
            let payload = [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: Self.messageBytes)
            let result = self.connection.send(.binary(payload))
            if result == .closed || result == .congested, await !self.connection.writable() {
                return self.outcomes.append(false)
            }
        }
        self.outcomes.append(true)
    }
}
