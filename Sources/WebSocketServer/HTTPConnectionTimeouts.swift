//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// How long an HTTP/1.1 connection may take for each step. They guard every connection of an ``UpgradableChannel``,
/// whether it becomes a WebSocket or not.
public struct HTTPConnectionTimeouts: Sendable {
    /// From the accepted connection, or the first byte of a later request, to the end of the request's header.
    /// A client that sent a part is answered 408, one that sent nothing is closed.
    public var requestHeader: Duration
    /// How long the connection may rest between two requests.
    public var keepAliveIdle: Duration
    /// How long the server waits in all for the parts of a body before ``requestBodyBytesPerSecond`` counts. Only the
    /// time in which the server wants to read counts.
    public var requestBodyGrace: Duration
    /// The slowest body that is put up with, in bytes per second of waiting.
    public var requestBodyBytesPerSecond: Int
    /// How long the client may leave what was written to it unread.
    public var writeStall: Duration
    /// How long the server, having ended the connection, waits for the client to do the same.
    public var linger: Duration

    public init(
        requestHeader: Duration = WebSocketServerLimits.requestHeader,
        keepAliveIdle: Duration = WebSocketServerLimits.keepAliveIdle,
        requestBodyGrace: Duration = WebSocketServerLimits.requestBodyGrace,
        requestBodyBytesPerSecond: Int = WebSocketServerLimits.requestBodyBytesPerSecond,
        writeStall: Duration = WebSocketServerLimits.writeStall,
        linger: Duration = WebSocketServerLimits.linger
    ) {
        self.requestHeader = requestHeader
        self.keepAliveIdle = keepAliveIdle
        self.requestBodyGrace = requestBodyGrace
        self.requestBodyBytesPerSecond = requestBodyBytesPerSecond
        self.writeStall = writeStall
        self.linger = linger
    }
}
