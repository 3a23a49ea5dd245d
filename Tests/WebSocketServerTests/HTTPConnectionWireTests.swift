//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Hummingbird
import HummingbirdCore
import NIOCore
import Testing

@testable import WebSocketServer

/// Plain HTTP through the same channel: slow, silent, greedy and malformed clients.
@Suite(.timeLimit(.minutes(1))) struct HTTPConnectionWireTests {
    private func configuration(_ change: (inout HTTPConnectionTimeouts) -> Void) -> UpgradableChannel.Configuration {
        var timeouts = HTTPConnectionTimeouts()
        change(&timeouts)
        return .init(timeouts: timeouts)
    }

    private func routes(_ router: Router<BasicRequestContext>) {
        router.get("plain") { _, _ in "plain" }
        router.get("stream") { _, _ in
            Response(
                status: .ok,
                body: .init { writer in
                    try await writer.write(ByteBuffer(string: "str"))
                    try await writer.write(ByteBuffer(string: "eam"))
                    try await writer.finish(nil)
                })
        }
        router.post("collect") { request, _ in
            String(buffer: try await request.body.collect(upTo: 1_000_000))
        }
        router.post("early") { _, _ -> Response in throw HTTPError(.contentTooLarge) }
        router.get("large") { _, _ in
            Response(status: .ok, body: .init(byteBuffer: ByteBuffer(repeating: 65, count: 20_000_000)))
        }
    }

    private let plain = "GET /plain HTTP/1.1\r\nHost: test.example\r\n\r\n"

    @Test("a connection that says nothing is closed without a word")
    func silent() async throws {
        try await withServer(self.configuration { $0.requestHeader = .milliseconds(50) }, routes: self.routes) {
            let client = try await RawClient.connect(port: $0.port)
            #expect(await client.rest() == "")
        }
    }

    @Test("a header that does not end in time is answered 408")
    func slowHeader() async throws {
        try await withServer(self.configuration { $0.requestHeader = .milliseconds(750) }, routes: self.routes) {
            let client = try await RawClient.connect(port: $0.port)
            try await client.send("GET /plain HTTP/1.1\r\nHost: te")
            let rest = await client.rest()
            #expect(rest.hasPrefix("HTTP/1.1 408 "))
            #expect(rest.contains("connection: close\r\n"))
        }
    }

    @Test("the header of a later request has the same deadline")
    func slowLaterHeader() async throws {
        try await withServer(self.configuration { $0.requestHeader = .milliseconds(300) }, routes: self.routes) {
            let client = try await RawClient.connect(port: $0.port)
            try await client.send(self.plain)
            #expect(await client.response()?.body == "plain")
            try await client.send("GET /plain HT")
            #expect(await client.rest().hasPrefix("HTTP/1.1 408 "))
        }
    }

    @Test("a resting connection is closed after its idle time")
    func idle() async throws {
        try await withServer(self.configuration { $0.keepAliveIdle = .milliseconds(50) }, routes: self.routes) {
            let client = try await RawClient.connect(port: $0.port)
            try await client.send(self.plain)
            #expect(await client.response()?.body == "plain")
            #expect(await client.rest() == "")
        }
    }

    @Test("a body that does not come is given up")
    func slowBody() async throws {
        try await withServer(self.configuration { $0.requestBodyGrace = .milliseconds(100) }, routes: self.routes) {
            let client = try await RawClient.connect(port: $0.port)
            try await client.send("POST /collect HTTP/1.1\r\nHost: test.example\r\nContent-Length: 10\r\n\r\nhalf")
            _ = await client.rest()
        }
    }

    @Test("a client that leaves its answer unread is closed")
    func stalledReader() async throws {
        try await withServer(self.configuration { $0.writeStall = .milliseconds(200) }, routes: self.routes) {
            let client = try await RawClient.connect(port: $0.port, receiveBufferBytes: 4096)
            try await client.setAutoRead(false)
            try await client.send("GET /large HTTP/1.1\r\nHost: test.example\r\n\r\n")
            await $0.shutDown()
            // The server can end only because it gives the connection up.
            await client.close()
        }
    }

    @Test("an answer that comes before the end of the body can be read")
    func earlyAnswer() async throws {
        try await withServer(self.configuration { $0.linger = .milliseconds(500) }, routes: self.routes) {
            let client = try await RawClient.connect(port: $0.port)
            let head =
                "POST /early HTTP/1.1\r\nHost: test.example\r\nConnection: close\r\nContent-Length: 9000000\r\n\r\n"
            try await client.send(Array(head.utf8) + [UInt8](repeating: 65, count: 500_000))
            #expect(await client.head()?.hasPrefix("HTTP/1.1 413 ") == true)
            await client.close()
        }
    }

    @Test("a body is awaited with 100 Continue where that is asked for")
    func expectContinue() async throws {
        try await withServer(routes: self.routes) {
            let client = try await RawClient.connect(port: $0.port)
            try await client.send(
                "POST /collect HTTP/1.1\r\nHost: test.example\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")
            #expect(await client.head()?.hasPrefix("HTTP/1.1 100 ") == true)
            try await client.send("body")
            #expect(await client.response()?.body == "body")
            await client.close()
        }
    }

    @Test("an HTTP/1.0 client gets its answer without chunks and the end of the connection")
    func oldVersion() async throws {
        try await withServer(routes: self.routes) {
            for path in ["plain", "stream"] {
                let client = try await RawClient.connect(port: $0.port)
                try await client.send("GET /\(path) HTTP/1.0\r\n\r\n")
                let rest = await client.rest()
                #expect(rest.hasPrefix("HTTP/1.0 200 "))
                #expect(rest.contains("connection: close\r\n"))
                #expect(rest.hasSuffix("\r\n\r\n\(path)"))
            }
        }
    }

    @Test("an HTTP/1.0 client that asks for it keeps the connection while bodies have a length")
    func oldVersionKeepAlive() async throws {
        try await withServer(routes: self.routes) {
            let client = try await RawClient.connect(port: $0.port)
            try await client.send("GET /plain HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            let (head, body) = try #require(await client.response())
            #expect(head.contains("connection: keep-alive\r\n"))
            #expect(body == "plain")
            try await client.send("GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            #expect(await client.rest().hasSuffix("\r\n\r\nstream"))
        }
    }

    @Test(
        "bytes that are no HTTP are 400, headers above the limits 431, and the connection ends",
        arguments: [
            ("\u{16}\u{3}\u{1}hello\r\n\r\n", "400"), ("GET /plain HTTP/9.9\r\n\r\n", "400"),
            ("GET /plain HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n", "400"),
            ("GET /plain HTTP/1.1\r\nno colon\r\n\r\n", "400"),
            ("GET /\(String(repeating: "a", count: 20_000)) HTTP/1.1\r\n\r\n", "431"),
            ("GET /plain HTTP/1.1\r\nA: \(String(repeating: "a", count: 20_000))\r\n\r\n", "431"),
            ("GET /plain HTTP/1.1\r\n\(String(repeating: "A: a\r\n", count: 200))\r\n", "431"),
        ])
    func malformed(request: String, status: String) async throws {
        try await withServer(self.configuration { $0.linger = .milliseconds(500) }, routes: self.routes) {
            let client = try await RawClient.connect(port: $0.port)
            try await client.send(request)
            #expect(await client.rest().hasPrefix("HTTP/1.1 \(status) "))
        }
    }

    @Test("shutdown closes resting and silent connections at once")
    func shutdown() async throws {
        try await withServer(routes: self.routes) { server in
            let silent = try await RawClient.connect(port: server.port)
            let resting = try await RawClient.connect(port: server.port)
            try await resting.send(self.plain)
            #expect(await resting.response()?.body == "plain")
            await server.shutDown()
            #expect(await silent.rest() == "")
            #expect(await resting.rest() == "")
        }
    }
}
