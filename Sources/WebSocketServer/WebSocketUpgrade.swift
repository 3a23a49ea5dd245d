//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import HTTPTypes
import Hummingbird
public import HummingbirdCore
import NIOCore
import NIOHTTP1
import NIOWebSocket

/// An accepted opening handshake, on its way from the route to the connection's handler.
struct WebSocketUpgrade: Sendable {
    /// The channel of the request that is being answered, while it asks for an upgrade.
    @TaskLocal static var channel: (any Channel)?

    var settings: WebSocketSettings
    var subprotocol: String?
    var session: @Sendable (WebSocketConnection) -> any WebSocketSession
}

extension Request {
    /// Answers an opening handshake (RFC 6455 section 4.2). For a GET route, on a server built with
    /// ``HummingbirdCore/HTTPServerBuilder/http1WebSocket(configuration:)``, in the task that Hummingbird runs it in:
    ///
    /// ```swift
    /// router.get("ws") { request, context in
    ///     let user = try context.requireIdentity()
    ///     return try await request.webSocketUpgrade { ChatSession(user: user, connection: $0) }
    /// }
    /// ```
    /// Middleware sees an ordinary request whose response is 101. What it throws or answers instead reaches the client.
    ///
    /// - Parameters:
    ///   - subprotocols: What the server speaks, the preferred first; the first that the client offers too is chosen,
    ///     and it is no error if there is none.
    ///   - session: Makes the session once the protocol has changed. Runs on the event loop.
    /// - Throws: `HTTPError`: 403 for a foreign origin, 426 for a request that is no handshake or is of another
    ///   version, 400 for a malformed one, 501 on a server that cannot upgrade.
    public func webSocketUpgrade(
        configuration: WebSocketConfiguration = WebSocketConfiguration(), subprotocols: [String] = [],
        session: @escaping @Sendable (WebSocketConnection) -> any WebSocketSession
    ) async throws -> Response {
        let handshake = try WebSocketHandshake(self)
        guard configuration.origins.allows(self) else {
            throw HTTPError(.forbidden, message: "Pages of this origin may not open a WebSocket here.")
        }
        guard let channel = WebSocketUpgrade.channel else {
            throw HTTPError(.notImplemented, message: "This server does not change to WebSocket.")
        }
        let subprotocol = subprotocols.first { handshake.subprotocols.contains($0) }
        var headers = try await handshake.responseHeaders(channel)
        headers[.secWebSocketProtocol] = subprotocol
        let upgrade = WebSocketUpgrade(
            settings: WebSocketSettings(configuration), subprotocol: subprotocol, session: session)
        try await channel.eventLoop.submit {
            try channel.pipeline.syncOperations.handler(type: HTTPConnectionHandler.self).accept(upgrade)
        }.get()
        // A response to HEAD or with a length of 0 would be no different on the wire: a 101 has no body.
        return Response(status: .switchingProtocols, headers: headers)
    }
}

/// A request's opening handshake, checked (RFC 6455 section 4.2.1).
struct WebSocketHandshake {
    let key: String
    let subprotocols: [String]

    /// - Throws: `HTTPError` 426 or 400.
    init(_ request: Request) throws(HTTPError) {
        func tokens(_ name: HTTPField.Name) -> [String] {
            request.headers[values: name].flatMap { $0.split { $0 == "," || $0 == " " || $0 == "\t" } }.map(String.init)
        }
        let wanted: HTTPFields = [.upgrade: "websocket", .connection: "upgrade", .secWebSocketVersion: "13"]
        guard request.method == .get, tokens(.upgrade).contains(where: { $0.lowercased() == "websocket" }),
            tokens(.connection).contains(where: { $0.lowercased() == "upgrade" })
        else {
            throw HTTPError(.upgradeRequired, headers: wanted, message: "This address speaks WebSocket.")
        }
        guard tokens(.secWebSocketVersion) == ["13"] else {
            throw HTTPError(.upgradeRequired, headers: wanted, message: "Only WebSocket version 13 is spoken here.")
        }
        let keys = request.headers[values: .secWebSocketKey]
        guard keys.count == 1, let key = keys.first, Self.isKey(key) else {
            throw HTTPError(.badRequest, message: "Sec-WebSocket-Key must be 16 bytes in base64.")
        }
        self.key = key
        self.subprotocols = tokens(.secWebSocketProtocol)
    }

    /// Base64 of 16 bytes: 22 characters and two of padding.
    private static func isKey(_ text: String) -> Bool {
        text.utf8.count == 24 && text.hasSuffix("==")
            && text.utf8.dropLast(2).allSatisfy { character in
                switch character {
                case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "/"):
                    true
                default: false
                }
            }
    }

    /// The headers of the 101, whose `Sec-WebSocket-Accept` NIO computes.
    func responseHeaders(_ channel: any Channel) async throws -> HTTPFields {
        let request = HTTPRequestHead(
            version: .http1_1, method: .GET, uri: "/",
            headers: ["Sec-WebSocket-Key": self.key, "Sec-WebSocket-Version": "13"])
        let upgrader = NIOWebSocketServerUpgrader(
            shouldUpgrade: { channel, _ in channel.eventLoop.makeSucceededFuture([:]) },
            upgradePipelineHandler: { channel, _ in channel.eventLoop.makeSucceededVoidFuture() })
        let headers = try await channel.eventLoop.flatSubmit {
            upgrader.buildUpgradeResponse(channel: channel, upgradeRequest: request, initialResponseHeaders: [:])
        }.get()
        var fields: HTTPFields = [.upgrade: "websocket", .connection: "upgrade"]
        fields[.secWebSocketAccept] = headers.first(name: "Sec-WebSocket-Accept")
        return fields
    }
}
