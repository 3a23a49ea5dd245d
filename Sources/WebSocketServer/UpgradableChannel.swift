//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import HTTPTypes
public import HummingbirdCore
public import Logging
public import NIOCore
import NIOHTTP1
public import NIOHTTPTypes
import NIOHTTPTypesHTTP1

/// An HTTP/1.1 connection of Hummingbird that may become a WebSocket, and that guards itself against slow clients.
///
/// A route answers an opening handshake with `Request.webSocketUpgrade(configuration:subprotocols:session:)`; all the
/// rest is served as by Hummingbird's own `HTTP1Channel`. It takes the place of that channel's
/// `HTTPConnectionStateHandler`.
///
/// hummingbird-websocket would replace this module if it kept the status of a refused upgrade, ran the middleware to
/// the end on an accepted one and closed silent connections.
public struct UpgradableChannel: ServerChildChannel, HTTPChannelHandler {
    public typealias Value = NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>

    /// What a connection may take.
    public struct Configuration: Sendable {
        public var timeouts: HTTPConnectionTimeouts
        /// The longest field of a request's header and the longest target, in bytes; more is answered 431.
        public var requestFieldBytes = WebSocketServerLimits.requestFieldBytes
        /// All fields of a request's header, in bytes; more is answered 431.
        public var requestHeaderBytes = WebSocketServerLimits.requestHeaderBytes
        /// Fields in a request's header; more are answered 431.
        public var requestFields = WebSocketServerLimits.requestFields

        public init(timeouts: HTTPConnectionTimeouts = HTTPConnectionTimeouts()) {
            self.timeouts = timeouts
        }
    }

    public let responder: Responder
    private let configuration: Configuration
    private let sockets = OpenSockets()

    /// A channel that answers with `responder`, which `Application` provides.
    public init(responder: @escaping Responder, configuration: Configuration = Configuration()) {
        self.configuration = configuration
        self.responder = { request, writer, channel in
            guard request.headers.contains(.upgrade) else { return try await responder(request, writer, channel) }
            // A non-copyable value can be moved into a closure only through a variable that is emptied by it.
            var writer: ResponseWriter? = writer
            try await WebSocketUpgrade.$channel.withValue(channel) {
                guard let writer = writer.take() else { return }
                try await responder(request, writer, channel)
            }
        }
    }

    public func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        channel.eventLoop.makeCompletedFuture {
            var limits = NIOHTTPDecoderLimitConfiguration()
            limits.maxHeaderFieldSize = self.configuration.requestFieldBytes
            limits.maxHeaderListSize = self.configuration.requestHeaderBytes
            limits.maxHeaderFieldCount = self.configuration.requestFields
            let encoder = HTTPResponseEncoder()
            let decoder = ByteToMessageHandler(
                HTTPRequestDecoder(leftOverBytesStrategy: .forwardBytes, limitConfiguration: limits))
            let codec = HTTP1ToHTTPServerCodec(secure: false)
            let phase = HTTPPhaseChannel(channel)
            let connection = HTTPConnectionHandler(
                timeouts: self.configuration.timeouts, phase: phase, sockets: self.sockets,
                httpHandlers: [codec, encoder, decoder])
            try channel.pipeline.syncOperations.addHandlers([encoder, decoder, connection, codec])
            return try NIOAsyncChannel(
                wrappingChannelSynchronously: phase, configuration: .init(isOutboundHalfClosureEnabled: true))
        }
    }

    public func handle(value: Value, logger: Logger) async {
        await self.handleHTTP(asyncChannel: value, logger: logger)
        await self.sockets.waitForAll()
    }
}

extension HTTPServerBuilder {
    /// HTTP/1.1 whose connections may become WebSockets, for `Application(router:server:)`.
    public static func http1WebSocket(
        configuration: UpgradableChannel.Configuration = UpgradableChannel.Configuration()
    ) -> HTTPServerBuilder {
        HTTPServerBuilder { UpgradableChannel(responder: $0, configuration: configuration) }
    }
}
