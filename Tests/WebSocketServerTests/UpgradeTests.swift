//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import HTTPTypes
import Hummingbird
import HummingbirdCore
import Metrics
import MetricsTestKit
import NIOCore
import NIOPosix
import Testing

@testable import WebSocketServer

/// Opening handshakes as ordinary requests: what is refused, and what middleware sees.
@Suite(.timeLimit(.minutes(1))) struct UpgradeTests {
    private struct Tag: RouterMiddleware {
        typealias Context = BasicRequestContext
        func handle(
            _ request: Request, context: Context, next: (Request, Context) async throws -> Response
        ) async throws -> Response {
            var response = try await next(request, context)
            response.headers[.server] = "tagged"
            return response
        }
    }

    private func routes(_ router: Router<BasicRequestContext>) {
        router.add(middleware: Tag())
        router.get("ws") { request, _ in try await request.webSocketUpgrade { EchoSession($0) } }
        router.get("spoken") { request, _ in
            try await request.webSocketUpgrade(subprotocols: ["new", "old"]) { connection in
                connection.send(text: connection.subprotocol ?? "none")
                return EchoSession(connection)
            }
        }
        router.get("plain") { _, _ in "plain" }
        router.post("echo") { request, _ in Response(status: .ok, body: .init(asyncSequence: request.body)) }
        for status in [401, 403, 429, 503] {
            router.get("refused/\(status)") { _, _ -> Response in
                throw HTTPError(
                    .init(code: status), headers: [.retryAfter: "7"], message: "The reason is \(status).")
            }
        }
    }

    @Test("a refused handshake keeps its status, headers and body", arguments: [401, 403, 429, 503])
    func refused(status: Int) async throws {
        try await withServer(routes: self.routes) { server in
            let client = try await RawClient.connect(port: server.port)
            try await client.send(RawClient.handshake("/refused/\(status)"))
            let (head, body) = try #require(await client.response())
            #expect(head.hasPrefix("HTTP/1.1 \(status) "))
            #expect(head.lowercased().contains("retry-after: 7\r\n"))
            #expect(head.lowercased().contains("connection: close\r\n"))
            #expect(body.contains("The reason is \(status)."))
            #expect(await client.head() == nil)
        }
    }

    @Test("a handshake to no route is 404, and one that no route takes up is an ordinary request")
    func otherRoutes() async throws {
        try await withServer(routes: self.routes) { server in
            let lost = try await RawClient.connect(port: server.port)
            try await lost.send(RawClient.handshake("/nowhere"))
            #expect(await lost.head()?.hasPrefix("HTTP/1.1 404 ") == true)
            let plain = try await RawClient.connect(port: server.port)
            try await plain.send(RawClient.handshake("/plain"))
            #expect(await plain.response()?.body == "plain")
            #expect(await plain.head() == nil)
        }
    }

    @Test("a wrong or missing version, or a plain GET, is 426 with the version that is spoken")
    func upgradeRequired() async throws {
        let requests = [
            RawClient.handshake().replacing("Version: 13", with: "Version: 8"),
            RawClient.handshake(without: "Sec-WebSocket-Version"), RawClient.handshake(without: "Upgrade"),
            "GET /ws HTTP/1.1\r\nHost: test.example\r\n\r\n",
        ]
        try await withServer(routes: self.routes) { server in
            for request in requests {
                let client = try await RawClient.connect(port: server.port)
                try await client.send(request)
                let head = try #require(await client.response()?.head)
                #expect(head.hasPrefix("HTTP/1.1 426 "))
                #expect(head.lowercased().contains("sec-websocket-version: 13\r\n"))
                #expect(head.lowercased().contains("upgrade: websocket\r\n"))
                await client.close()
            }
        }
    }

    @Test(
        "a malformed key is 400",
        arguments: ["", "short", "dGhlIHNhbXBsZSBub25jZQ==, dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZ§=="])
    func badKey(key: String) async throws {
        try await withServer(routes: self.routes) { server in
            let client = try await RawClient.connect(port: server.port)
            try await client.send(RawClient.handshake().replacing("dGhlIHNhbXBsZSBub25jZQ==", with: key))
            #expect(await client.head()?.hasPrefix("HTTP/1.1 400 ") == true)
        }
    }

    @Test("middleware sees the handshake, and its headers are on the 101")
    func middleware() async throws {
        try await withServer(routes: self.routes) { server in
            let client = try await RawClient.connect(port: server.port)
            try await client.send(RawClient.handshake())
            #expect(await client.head()?.lowercased().contains("server: tagged\r\n") == true)
            await client.close()
        }
    }

    @Test("a body on the 101 is dropped, so that the first byte behind it is a frame")
    func body() async throws {
        try await withServer { router in
            router.get("ws") { request, _ in
                var response = try await request.webSocketUpgrade { EchoSession($0) }
                response.body = .init(byteBuffer: ByteBuffer(string: "not a frame"))
                return response
            }
        } body: { server in
            let client = try await RawClient.open(port: server.port)
            try await client.send(RawClient.text("x"))
            #expect(await client.frame() == .init(opcode: 1, payload: [0x78]))
            await client.close()
        }
    }

    @Test("a 101 that no handshake stands behind becomes 400")
    func falseUpgrade() async throws {
        try await withServer { router in
            router.get("false") { _, _ in
                Response(status: .switchingProtocols, body: .init(byteBuffer: ByteBuffer(string: "body")))
            }
        } body: { server in
            for request in [RawClient.handshake("/false"), "GET /false HTTP/1.1\r\nHost: test.example\r\n\r\n"] {
                let client = try await RawClient.connect(port: server.port)
                try await client.send(request)
                #expect(await client.rest().hasPrefix("HTTP/1.1 400 "))
            }
        }
    }

    @Test("the subprotocol is the server's first choice among the client's")
    func subprotocols() async throws {
        try await withServer(routes: self.routes) { server in
            let both = try await RawClient.connect(port: server.port)
            try await both.send(
                RawClient.handshake(
                    "/spoken", extra: "Sec-WebSocket-Protocol: other, old\r\nSec-WebSocket-Protocol: new\r\n"))
            #expect(await both.head()?.lowercased().contains("sec-websocket-protocol: new\r\n") == true)
            #expect(await both.frame()?.text == "new")
            let none = try await RawClient.connect(port: server.port)
            try await none.send(RawClient.handshake("/spoken", extra: "Sec-WebSocket-Protocol: other\r\n"))
            #expect(await none.head()?.lowercased().contains("sec-websocket-protocol") == false)
            await both.close()
            await none.close()
        }
    }

    @Test("a later request of a connection can be the handshake, even in the same packet")
    func laterRequest() async throws {
        let plain = "GET /plain HTTP/1.1\r\nHost: test.example\r\n\r\n"
        let post = "POST /echo HTTP/1.1\r\nHost: test.example\r\nContent-Length: 4\r\n\r\nbody"
        try await withServer(routes: self.routes) { server in
            let apart = try await RawClient.connect(port: server.port)
            try await apart.send(plain)
            #expect(await apart.response()?.body == "plain")
            try await apart.send(RawClient.handshake())
            #expect(await apart.head()?.hasPrefix("HTTP/1.1 101 ") == true)
            try await apart.send(RawClient.text("later"))
            #expect(await apart.frame()?.text == "later")
            let together = try await RawClient.connect(port: server.port)
            try await together.send(Array((plain + post + RawClient.handshake()).utf8) + RawClient.text("together"))
            #expect(await together.response()?.body == "plain")
            #expect(await together.head()?.hasPrefix("HTTP/1.1 200 ") == true)
            // The echoed body is chunked: "4\r\nbody\r\n0\r\n\r\n".
            #expect(await together.head()?.hasPrefix("4\r\nbody") == true)
            #expect(await together.head()?.hasPrefix("HTTP/1.1 101 ") == true)
            #expect(await together.frame()?.text == "together")
            await apart.close()
            await together.close()
        }
    }

    @Test("the metrics of a handshake are whole once it is answered, accepted or not")
    func metrics() async throws {
        let metrics = TestMetrics()
        try await withMetricsFactory(metrics) {
            try await withServer { router in
                router.add(middleware: MetricsMiddleware())
                self.routes(router)
            } body: { server in
                let client = try await RawClient.open(port: server.port)
                try await client.send(RawClient.text("x"))
                #expect(await client.frame()?.text == "x")
                let refused = try await RawClient.connect(port: server.port)
                try await refused.send(RawClient.handshake("/refused/401"))
                _ = await refused.response()
                await client.close()
            }
        }
        let active = try metrics.expectMeter("http.server.active_requests", [("http.request.method", "GET")])
        #expect(active.values.last == 0)
        let labels = [("http.route", "/ws"), ("http.request.method", "GET"), ("http.response.status_code", "101")]
        #expect(try metrics.expectCounter("hb.requests", labels).totalValue == 1)
    }

    @Test("pages of other hosts are refused with 403, those of the own host and clients without a page are not")
    func origins() {
        func allows(_ policy: WebSocketOriginPolicy, _ origin: String?, host: String = "chat.example:8080") -> Bool {
            var head = HTTPRequest(method: .get, scheme: "http", authority: host, path: "/ws")
            head.headerFields[.origin] = origin
            return policy.allows(Request(head: head, body: .init(buffer: ByteBuffer())))
        }
        #expect(allows(.sameHost, nil))
        #expect(allows(.sameHost, "http://chat.example:8080"))
        #expect(allows(.sameHost, "https://CHAT.example:8080"))
        #expect(allows(.sameHost, "https://chat.example", host: "chat.example"))
        #expect(allows(.sameHost, "https://chat.example", host: "chat.example:443"))
        for foreign in [
            "http://evil.example", "http://chat.example", "http://chat.example:8081", "null", "", "chat.example:8080",
            "http://chat.example:8080.evil.example", "http://chat.example:8080/", "file://",
        ] {
            #expect(!allows(.sameHost, foreign), "\(foreign)")
        }
        #expect(allows(.sameHostOr(["https://front.example"]), "https://front.example"))
        #expect(!allows(.sameHostOr(["https://front.example"]), "https://front.example.evil"))
        #expect(allows(.any, "http://evil.example"))
        #expect(!allows(.custom { _ in false }, nil))
        var twice = HTTPRequest(method: .get, scheme: "http", authority: "chat.example:8080", path: "/ws")
        twice.headerFields[values: .origin] = ["http://chat.example:8080", "http://evil.example"]
        #expect(!WebSocketOriginPolicy.any.allows(Request(head: twice, body: .init(buffer: ByteBuffer()))))
    }

    @Test("a foreign origin is answered 403 on the wire")
    func foreignOrigin() async throws {
        try await withServer(routes: self.routes) { server in
            let client = try await RawClient.connect(port: server.port)
            try await client.send(RawClient.handshake(extra: "Origin: http://evil.example\r\n"))
            #expect(await client.head()?.hasPrefix("HTTP/1.1 403 ") == true)
        }
    }

    @Test("accepted sockets send small frames at once (TCP_NODELAY)")
    func noDelay() async throws {
        let options = EventLog<Int>()
        try await withServer { router in
            router.get("ws") { request, _ in
                let channel = try #require(WebSocketUpgrade.channel)
                options.append(Int(try await channel.getOption(.tcpOption(.tcp_nodelay)).get()))
                return try await request.webSocketUpgrade { EchoSession($0) }
            }
        } body: { server in
            let client = try await RawClient.open(port: server.port)
            #expect(await options.next() != 0)
            await client.close()
        }
    }
}
