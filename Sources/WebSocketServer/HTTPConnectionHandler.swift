//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import NIOCore
import NIOHTTP1
import NIOWebSocket

/// Drives ``HTTPConnectionState`` on one connection, and turns the connection into a WebSocket when the response to a
/// request is 101.
///
/// It sits between NIO's HTTP decoder and Hummingbird's codec, so a request that asks for an upgrade is an ordinary one
/// until its response: all middleware runs on it, a refusal keeps its status, header and body, and the request may be
/// the first of its connection or a later one. (NIO's own upgrade handler looks at the first request only.)
final class HTTPConnectionHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    private enum Upgrade {
        case none
        /// A route has accepted the handshake; the response is still to come.
        case accepted(WebSocketUpgrade)
        /// The head of the 101 has come; its body is dropped.
        case answering(WebSocketUpgrade)
        /// The 101 is written; the handlers change at the next turn of the event loop.
        case switching
    }

    private let timeouts: HTTPConnectionTimeouts
    /// What speaks HTTP beside this handler, in the order in which it leaves; the decoder, which passes on the bytes
    /// that it has left, is the last.
    private var httpHandlers: [any RemovableChannelHandler]
    private let phase: HTTPPhaseChannel
    private let sockets: OpenSockets
    private var state: HTTPConnectionState
    private var timer = DeadlineTimer()
    private var context: ChannelHandlerContext?
    private var upgrade = Upgrade.none
    /// The request's header was longer than allowed.
    private var isHeaderTooLarge = false
    /// The client speaks HTTP/1.0.
    private var isVersion1Dot0 = false
    /// The server is shutting down.
    private var isQuiescing = false

    init(
        timeouts: HTTPConnectionTimeouts, phase: HTTPPhaseChannel, sockets: OpenSockets,
        httpHandlers: [any RemovableChannelHandler]
    ) {
        self.timeouts = timeouts
        self.phase = phase
        self.sockets = sockets
        self.httpHandlers = httpHandlers
        self.state = HTTPConnectionState(timeouts: timeouts, now: .now())
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        self.state = HTTPConnectionState(timeouts: self.timeouts, now: context.eventLoop.now)
        self.follow(context)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.timer.cancel()
        self.context = nil
        self.httpHandlers = []
        self.upgrade = .none
    }

    private func follow(_ context: ChannelHandlerContext) {
        self.timer.follow(self.state.deadline, on: context.eventLoop, calling: self)
    }

    // MARK: Inbound

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !self.state.isLingering else { return }
        switch self.unwrapInboundIn(data) {
        case .head(let head):
            let isFree = self.state.requestsInProgress == 0
            self.isVersion1Dot0 = head.version == .http1_0
            self.state.readHead(mayContinue: head.isKeepAlive && !head.asksForUpgrade)
            if isFree, head.version == .http1_1, head.headers["expect"].contains(where: { $0 == "100-continue" }) {
                context.writeAndFlush(
                    self.wrapOutboundOut(.head(.init(version: .http1_1, status: .continue))), promise: nil)
            }
        case .body(let buffer):
            self.state.readBody(bytes: buffer.readableBytes, now: context.eventLoop.now)
        case .end:
            self.state.readEnd(now: context.eventLoop.now)
        }
        context.fireChannelRead(data)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        self.state.readCompleted(now: context.eventLoop.now)
        self.follow(context)
        context.fireChannelReadComplete()
        // The application reads no further; what still comes must be taken in, or the client never sees the end.
        if self.state.isLingering { context.read() }
    }

    func read(context: ChannelHandlerContext) {
        self.state.readRequested(now: context.eventLoop.now)
        self.follow(context)
        context.read()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        self.state.writabilityChanged(context.channel.isWritable, now: context.eventLoop.now)
        self.follow(context)
        context.fireChannelWritabilityChanged()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if let error = error as? HTTPParserError {
            self.isHeaderTooLarge = error == .headerOverflow
            self.state.parsingFailed()
        }
        guard !self.state.isLingering else { return }
        context.fireErrorCaught(error)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case is ChannelShouldQuiesceEvent:
            self.isQuiescing = true
            self.perform(self.state.quiesce(), context)
        case ChannelEvent.inputClosed where self.state.isLingering:
            context.close(promise: nil)
        default:
            context.fireUserInboundEventTriggered(event)
        }
    }

    // MARK: Outbound

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch self.unwrapOutboundIn(data) {
        case .head(var head):
            if self.beginUpgrade(&head, context, promise) { return }
            guard !head.isInformational else { break }
            if self.isHeaderTooLarge, head.status == .badRequest { head.status = .requestHeaderFieldsTooLarge }
            let isLast = head.headers[canonicalForm: "connection"].contains { $0.lowercased() == "close" }
            self.state.writeHead(mayContinue: self.canFrame(&head) && !isLast)
            if self.state.closesAfterResponse {
                head.headers.replaceOrAdd(name: "connection", value: "close")
            }
            context.write(self.wrapOutboundOut(.head(head)), promise: promise)
            return
        case .body:
            guard case .answering = self.upgrade else { break }
            promise?.succeed()
            return
        case .end:
            if case .answering(let upgrade) = self.upgrade {
                return self.finishUpgrade(upgrade, context, data, promise)
            }
            return self.writeEnd(context, data, promise)
        }
        context.write(data, promise: promise)
    }

    /// Makes the head fit the client's version. False when the end of the body is the end of the connection: HTTP/1.0
    /// has no chunks, and keeps a connection only where that is said.
    private func canFrame(_ head: inout HTTPResponseHead) -> Bool {
        guard self.isVersion1Dot0 else { return true }
        head.version = .http1_0
        guard head.headers.contains(name: "content-length"), !self.state.closesAfterResponse else { return false }
        head.headers.replaceOrAdd(name: "connection", value: "keep-alive")
        return true
    }

    private func writeEnd(_ context: ChannelHandlerContext, _ data: NIOAny, _ promise: EventLoopPromise<Void>?) {
        let action = self.state.writeEnd(now: context.eventLoop.now)
        self.follow(context)
        guard action == .close else {
            context.write(data, promise: promise)
            return self.perform(action, context)
        }
        // Closing fails what is not yet written, so the close waits for the end of the response.
        let written = promise ?? context.eventLoop.makePromise()
        written.futureResult.assumeIsolated().whenComplete { _ in context.close(promise: nil) }
        context.writeAndFlush(data, promise: written)
    }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        if mode == .output {
            switch self.upgrade {
            case .answering, .switching:
                // The application has finished with HTTP, not with the connection.
                promise?.succeed()
                return
            case .none, .accepted:
                _ = self.state.linger(now: context.eventLoop.now)
                self.follow(context)
            }
        }
        context.close(mode: mode, promise: promise)
        if mode == .output { context.read() }
    }

    private func perform(_ action: HTTPConnectionState.Action, _ context: ChannelHandlerContext) {
        switch action {
        case .none:
            break
        case .close:
            context.close(promise: nil)
        case .closeAndLinger:
            context.flush()
            context.close(mode: .output, promise: nil)
            context.read()
        case .refuseSlowHeader:
            let headers: HTTPHeaders = ["connection": "close", "content-length": "0"]
            let head = HTTPResponseHead(version: .http1_1, status: .requestTimeout, headers: headers)
            context.write(self.wrapOutboundOut(.head(head)), promise: nil)
            context.write(self.wrapOutboundOut(.end(nil)), promise: nil)
            self.perform(.closeAndLinger, context)
        }
        self.follow(context)
    }
}

// MARK: - Upgrade

extension HTTPConnectionHandler {
    /// A route accepts the handshake of the request that is being answered. Called on the event loop.
    func accept(_ upgrade: WebSocketUpgrade) {
        self.upgrade = .accepted(upgrade)
    }

    /// Looks at the head of a response. True when it is the 101 of an accepted upgrade, which this takes over.
    private func beginUpgrade(
        _ head: inout HTTPResponseHead, _ context: ChannelHandlerContext, _ promise: EventLoopPromise<Void>?
    ) -> Bool {
        guard head.status == .switchingProtocols else {
            // A middleware answered in the route's place.
            if !head.isInformational { self.upgrade = .none }
            return false
        }
        // Only the one request that is under way can change the protocol, and only once it has been read whole.
        guard case .accepted(let upgrade) = self.upgrade, self.state.requestsInProgress == 1,
            !self.state.isReadingBody
        else {
            self.upgrade = .none
            head.status = .badRequest
            head.headers = ["content-length": "0", "connection": "close"]
            return false
        }
        self.upgrade = .answering(upgrade)
        context.write(self.wrapOutboundOut(.head(head)), promise: promise)
        return true
    }

    private func finishUpgrade(
        _ upgrade: WebSocketUpgrade, _ context: ChannelHandlerContext, _ data: NIOAny,
        _ promise: EventLoopPromise<Void>?
    ) {
        self.upgrade = .switching
        context.writeAndFlush(data, promise: promise)
        // Not at once: the application's writer is on the stack.
        context.eventLoop.assumeIsolated().execute {
            guard let context = self.context, context.channel.isActive else { return }
            self.switchProtocols(upgrade, context)
        }
    }

    /// Puts the WebSocket's handlers in the place of HTTP's. Bytes that came behind the request are passed on.
    private func switchProtocols(_ upgrade: WebSocketUpgrade, _ context: ChannelHandlerContext) {
        let pipeline = context.pipeline.syncOperations
        let frames = ByteToMessageHandler(WebSocketFrameDecoder(maxFrameSize: upgrade.settings.longestFrameBytes))
        let webSocket = WebSocketHandler(upgrade: upgrade)
        do {
            try pipeline.addHandlers([frames, webSocket], position: .after(self))
            for handler in [self] + self.httpHandlers {
                pipeline.removeHandler(handler, promise: nil)
            }
            webSocket.start(isGoingAway: self.isQuiescing)
            self.sockets.insert(context.channel)
            self.phase.finish()
        } catch {
            context.fireErrorCaught(error)
            context.close(promise: nil)
        }
    }
}

extension HTTPConnectionHandler: NIOScheduledCallbackHandler {
    func handleScheduledCallback(eventLoop: some EventLoop) {
        self.timer.fired()
        guard let context else { return }
        self.perform(self.state.timerFired(now: eventLoop.now), context)
    }
}

extension HTTPRequestHead {
    /// NIO's parser stops after such a request, whatever the answer is.
    fileprivate var asksForUpgrade: Bool { self.method == .CONNECT || self.headers.contains(name: "upgrade") }
}

extension HTTPResponseHead {
    fileprivate var isInformational: Bool { (100..<200).contains(self.status.code) && self.status.code != 101 }
}

@available(*, unavailable)
extension HTTPConnectionHandler: Sendable {}
