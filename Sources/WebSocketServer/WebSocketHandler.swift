//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import NIOCore
import NIOWebSocket

/// Drives ``WebSocketConnectionState`` on one channel, between NIO's frame decoder and the queues of a
/// ``WebSocketConnection``.
///
/// The handler of the HTTP phase's `NIOAsyncChannel` stays at the end of the pipeline, since NIO cannot remove it. It
/// is told that the input has ended, which ends Hummingbird's request loop.
final class WebSocketHandler: ChannelDuplexHandler {
    typealias InboundIn = WebSocketFrame
    typealias InboundOut = Never
    typealias OutboundIn = Never
    typealias OutboundOut = ByteBuffer

    /// Until the start.
    private var upgrade: WebSocketUpgrade?
    private var state: WebSocketConnectionState
    private var timer = DeadlineTimer()
    private var context: ChannelHandlerContext?
    private var connection: WebSocketConnection?
    private var session: (any WebSocketSession)?
    private var isReadingPaused = false
    private var isFlushing = false
    private var requestLoopHasEnded = false
    /// The answer to the latest ping, while the peer does not read (RFC 6455 section 5.5.3 asks for no more).
    private var pendingPong: ByteBuffer?

    init(upgrade: WebSocketUpgrade) {
        self.upgrade = upgrade
        self.state = WebSocketConnectionState(upgrade.settings, now: .now())
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    /// The protocol has changed: nothing but frames goes through the pipeline from here on.
    ///
    /// - Parameter isGoingAway: The server is shutting down already.
    func start(isGoingAway: Bool) {
        guard let context, let upgrade = self.upgrade.take() else { return }
        self.state = WebSocketConnectionState(
            upgrade.settings, now: context.eventLoop.now)
        let waterMark = WebSocketServerLimits.channelWaterMark
        // Reads are asked for one by one from here on: the handler at the end of the pipeline swallows automatic ones.
        try? context.channel.syncOptions?.setOption(.autoRead, value: false)
        try? context.channel.syncOptions?.setOption(
            .recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: WebSocketServerLimits.receiveBufferBytes))
        try? context.channel.syncOptions?.setOption(
            .writeBufferWaterMark, value: .init(low: waterMark.lowerBound, high: waterMark.upperBound))
        context.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        let connection = WebSocketConnection(channel: context.channel, upgrade: upgrade)
        self.connection = connection
        self.session = upgrade.session(connection)
        if isGoingAway { self.goAway() }
        self.follow(context)
        context.read()
    }

    private func goAway() {
        self.session?.serverIsGoingAway()
        self.connection?.close(.goingAway, reason: "The server is shutting down.")
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.finish()
        self.timer.cancel()
        self.context = nil
    }

    private func follow(_ context: ChannelHandlerContext) {
        self.timer.follow(self.state.deadline, on: context.eventLoop, calling: self)
    }

    // MARK: Inbound

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        self.perform(self.state.received(self.unwrapInboundIn(data), now: context.eventLoop.now), context)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        self.state.heard(now: context.eventLoop.now)
        context.flush()
        if !self.isReadingPaused { context.read() }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        let isWritable = context.channel.isWritable
        self.state.writabilityChanged(isWritable, now: context.eventLoop.now)
        self.follow(context)
        if isWritable { self.flush(context) }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case is ChannelShouldQuiesceEvent:
            self.goAway()
        case ChannelEvent.inputClosed:
            self.perform(self.state.inputClosed(), context)
        default:
            break
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.finish()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch error {
        case let error as NIOWebSocketError:
            self.perform(self.state.framingFailed(error, now: context.eventLoop.now), context)
        case is ByteToMessageDecoderError:
            // Bytes behind the ones that were no frame; the connection is ending already.
            break
        default:
            context.close(promise: nil)
        }
    }

    // MARK: Outbound

    func triggerUserOutboundEvent(context: ChannelHandlerContext, event: Any, promise: EventLoopPromise<Void>?) {
        guard event is WebSocketWake else { return context.triggerUserOutboundEvent(event, promise: promise) }
        self.flush(context)
        self.resumeReading(context)
        promise?.succeed()
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        // Whatever HTTP still wants to say has no place on a WebSocket.
        promise?.fail(ChannelError.ioOnClosedChannel)
    }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        switch mode {
        case .output:
            promise?.succeed()
        case .all where !self.requestLoopHasEnded:
            // The request loop closes what it takes for its own channel when it returns, half by half.
            self.requestLoopHasEnded = true
            promise?.succeed()
        case .all, .input:
            context.close(mode: .all, promise: promise)
        }
    }

    func read(context: ChannelHandlerContext) {
        // Only this handler decides when to read.
    }

    private func resumeReading(_ context: ChannelHandlerContext) {
        guard self.isReadingPaused, self.connection?.isInboxFull == false else { return }
        self.isReadingPaused = false
        self.state.readingPaused(false, now: context.eventLoop.now)
        self.follow(context)
        context.read()
    }

    private func flush(_ context: ChannelHandlerContext) {
        guard !self.isFlushing, let connection else { return }
        self.isFlushing = true
        defer { self.isFlushing = false }
        self.noteClose(connection.closeRequest, context)
        while context.channel.isWritable {
            if let pong = self.pendingPong.take() { context.write(self.wrapOutboundOut(pong), promise: nil) }
            let batch = connection.takeBatch()
            for frame in batch.frames { context.write(self.wrapOutboundOut(frame), promise: nil) }
            self.noteClose(batch.close, context)
            if batch.isLast { self.perform(self.state.drained(), context) }
            context.flush()
            if batch.isLast { break }
        }
        self.follow(context)
    }

    private func noteClose(_ close: (code: WebSocketCloseCode, reason: String)?, _ context: ChannelHandlerContext) {
        guard let close else { return }
        self.state.closeRequested(close.code, reason: close.reason, now: context.eventLoop.now)
    }

    // MARK: Actions

    private func perform(_ action: WebSocketConnectionState.Action, _ context: ChannelHandlerContext) {
        switch action {
        case .none:
            break
        case .deliver(let message):
            self.deliver(.message(message), context)
        case .pong(let payload):
            let pong = WebSocketFrameWriter.pong(payload)
            if context.channel.isWritable {
                context.write(self.wrapOutboundOut(pong), promise: nil)
            } else {
                self.pendingPong = pong
            }
        case .ping:
            context.writeAndFlush(self.wrapOutboundOut(WebSocketFrameWriter.ping()), promise: nil)
        case .write(let frame):
            context.writeAndFlush(self.wrapOutboundOut(frame), promise: nil)
        case .end(let frame):
            self.connection?.shutOutbox()
            self.pendingPong = nil
            if let frame { context.write(self.wrapOutboundOut(frame), promise: nil) }
            context.flush()
            context.close(mode: .output, promise: nil)
            self.isReadingPaused = false
            context.read()
        case .abort:
            context.close(promise: nil)
        }
        self.follow(context)
    }

    private func deliver(_ event: WebSocketInbox.Event, _ context: ChannelHandlerContext) {
        guard let connection, let session else { return }
        guard connection.deliver(event, to: session), !self.isReadingPaused else { return }
        self.isReadingPaused = true
        self.state.readingPaused(true, now: context.eventLoop.now)
    }

    /// The connection has ended: tells the session, once.
    private func finish() {
        guard let connection = self.connection.take(), let session = self.session.take() else { return }
        connection.shutOutbox()
        _ = connection.deliver(.closed(self.state.closure), to: session)
    }
}

extension WebSocketHandler: NIOScheduledCallbackHandler {
    func handleScheduledCallback(eventLoop: some EventLoop) {
        self.timer.fired()
        guard let context else { return }
        self.perform(self.state.timerFired(now: eventLoop.now), context)
        self.follow(context)
    }
}

@available(*, unavailable)
extension WebSocketHandler: Sendable {}
