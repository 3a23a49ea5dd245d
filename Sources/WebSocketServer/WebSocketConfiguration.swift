//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// What one WebSocket may do and how long it may take.
public struct WebSocketConfiguration: Sendable {
    /// Who may connect from a browser.
    public var origins = WebSocketOriginPolicy.sameHost
    /// The longest frame, in bytes; a longer one closes with 1009.
    public var frameBytes = WebSocketServerLimits.frameBytes
    /// The longest message over all its fragments, in bytes; a longer one closes with 1009.
    public var messageBytes = WebSocketServerLimits.messageBytes
    /// The most fragments of one message; one more closes with 1008.
    public var messageFragments = WebSocketServerLimits.messageFragments
    /// Messages that may wait for the session. Reading stops there, so a fast peer is slowed down by TCP.
    public var inboundMessages = WebSocketServerLimits.inboundMessages
    /// Bytes of messages that may wait for the session. Reading stops there.
    public var inboundBytes = WebSocketServerLimits.inboundBytes
    /// Frames let through at once before ``framesPerSecond`` counts.
    public var frameBurst = WebSocketServerLimits.frameBurst
    /// Frames per second that a peer may send for long; a flood closes with 1008.
    public var framesPerSecond = WebSocketServerLimits.framesPerSecond
    /// Bytes that may wait to be written; more are refused.
    public var outboundBytes = WebSocketServerLimits.outboundBytes
    /// Messages that may wait to be written; more are refused.
    public var outboundMessages = WebSocketServerLimits.outboundMessages
    /// Waiting bytes from which ``WebSocketConnection/send(_:)`` answers ``WebSocketSendResult/congested``.
    public var congestionBytes = WebSocketServerLimits.congestionBytes
    /// Waiting messages from which ``WebSocketConnection/send(_:)`` answers ``WebSocketSendResult/congested``.
    public var congestionMessages = WebSocketServerLimits.congestionMessages
    /// How long the peer may leave what was written to it unread; then it is closed with 1013 and its queue freed.
    public var slowReader = WebSocketServerLimits.slowReader
    /// Silence after which the peer is pinged.
    public var pingInterval = WebSocketServerLimits.pingInterval
    /// Silence after a ping after which the peer counts as gone.
    public var pongTimeout = WebSocketServerLimits.pongTimeout
    /// How long the closing handshake may take.
    public var closeTimeout = WebSocketServerLimits.closeTimeout

    /// The limits of ``WebSocketServerLimits``, and browsers of the same host only.
    public init() {}
}

/// A configuration that the parts of one connection share: there is one for each, and it is large.
@dynamicMemberLookup
final class WebSocketSettings: Sendable {
    private let configuration: WebSocketConfiguration

    init(_ configuration: WebSocketConfiguration) {
        self.configuration = configuration
    }

    /// No frame is let in that could not be a message; a control frame may have 125 bytes whatever the limits are.
    var longestFrameBytes: Int { max(125, min(self.configuration.frameBytes, self.configuration.messageBytes)) }

    subscript<Value>(dynamicMember path: KeyPath<WebSocketConfiguration, Value>) -> Value {
        self.configuration[keyPath: path]
    }
}
