//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// The limits of this module. Each has its unit in its name or type; most are defaults of ``WebSocketConfiguration``
/// and ``HTTPConnectionTimeouts``.
public enum WebSocketServerLimits {
    // MARK: HTTP
    /// From the accepted connection, or the first byte of a later request, to the end of the request's header.
    public static let requestHeader = Duration.seconds(10)
    /// How long a keep-alive connection may rest between requests.
    public static let keepAliveIdle = Duration.seconds(75)
    /// How long the server waits for parts of a body before the rate below counts.
    public static let requestBodyGrace = Duration.seconds(20)
    /// The slowest body that is put up with, in bytes per second of waiting.
    public static let requestBodyBytesPerSecond = 1024
    /// How long a client may leave what was written to it unread.
    public static let writeStall = Duration.seconds(60)
    /// How long a connection that the server has ended waits for the client to end it too.
    public static let linger = Duration.seconds(5)
    /// The longest field of a request's header and the longest target, in bytes.
    public static let requestFieldBytes = 16 * 1024
    /// All fields of a request's header, in bytes.
    public static let requestHeaderBytes = 64 * 1024
    /// Fields in a request's header.
    public static let requestFields = 128
    // MARK: WebSocket
    /// The longest frame that a peer may send, in bytes.
    public static let frameBytes = 512 * 1024
    /// The longest message that a peer may send, in bytes over all fragments.
    public static let messageBytes = 512 * 1024
    /// Fragments of one message.
    public static let messageFragments = 1024
    /// Messages that wait for the session; reading stops until half of them are processed.
    public static let inboundMessages = 16
    /// Bytes in messages that wait for the session; reading stops until half of them are processed.
    public static let inboundBytes = 256 * 1024
    /// Frames of a peer that are let through at once before the rate below counts.
    public static let frameBurst = 200
    /// Frames per second that a peer may send for long; a flood is closed with 1008.
    public static let framesPerSecond = 50
    /// Bytes that wait to be written; more are refused.
    public static let outboundBytes = 4 * 1024 * 1024
    /// Messages that wait to be written; more are refused.
    public static let outboundMessages = 4096
    /// Waiting bytes from which a sender is told to pause.
    public static let congestionBytes = 64 * 1024
    /// Waiting messages from which a sender is told to pause.
    public static let congestionMessages = 256
    /// How long a peer may leave what was written to it unread before it is given up.
    public static let slowReader = Duration.seconds(30)
    /// Silence after which a ping is sent.
    public static let pingInterval = Duration.seconds(30)
    /// Silence after a ping that means that the peer is gone.
    public static let pongTimeout = Duration.seconds(20)
    /// How long the closing handshake may take.
    public static let closeTimeout = Duration.seconds(5)
    /// The buffer that an open WebSocket reads into, in bytes; an idle one keeps it.
    static let receiveBufferBytes = 1024
    /// Bytes that the channel holds of what is being written, below and above which it counts as writable or not.
    static let channelWaterMark = 16 * 1024...32 * 1024
    /// Frames handed to the channel under one lock.
    static let framesPerFlush = 64
}
