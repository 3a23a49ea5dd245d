//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import NIOCore

/// The end of a connection's pipeline: writes what the inbox holds, hands replies to those who wait, keeps the time.
///
/// Everything here happens on the connection's event loop.
final class RedisChannelHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// Requests are put together up to this size, in bytes; larger ones are written as they are.
    private static let joinedBytes = 64 * 1024

    private let inbox: RequestInbox
    private let settings: RedisConnection.Settings
    private var machine: ConnectionMachine<RedisRequest>
    private var parser: RESPParser
    private var context: ChannelHandlerContext?
    private var output = ByteBuffer()
    private var wake: (at: NIODeadline, callback: NIOScheduledCallback)?
    /// Why the connection ends, from the moment that it is known.
    private var reason: RedisError?

    init(inbox: RequestInbox, settings: RedisConnection.Settings, eventLoop: any EventLoop) {
        self.inbox = inbox
        self.settings = settings
        self.machine = ConnectionMachine(keepAlive: settings.keepAlive, now: eventLoop.now)
        self.parser = RESPParser(limits: settings.limits)
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        self.scheduleWake(context)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.finish(context, because: RedisError(.closed, "the connection was closed"))
        self.context = nil
    }

    // MARK: What goes out

    /// Writes all requests that wait in the inbox.
    func takeRequests() {
        let requests = self.inbox.takeAll()
        guard !requests.isEmpty else { return }
        guard let context = self.context, self.machine.refusal == nil, self.reason == nil else {
            let error = self.machine.refusal ?? self.reason ?? RedisError(.closed, "the connection was closed")
            for request in requests { request.fail(error) }
            self.inbox.release(requests: requests.count, bytes: requests.reduce(0) { $0 + $1.bytes.readableBytes })
            return
        }
        let now = context.eventLoop.now
        var dropped = (requests: 0, bytes: 0)
        self.output.clear()
        for request in requests {
            let size = request.bytes.readableBytes
            guard request.markSent() else {
                dropped = (dropped.requests + 1, dropped.bytes + size)
                continue
            }
            self.expect(request, at: now)
            if self.output.readableBytes + size > Self.joinedBytes { self.writeJoined(context) }
            if size > Self.joinedBytes {
                self.write(request.bytes, context)
            } else {
                self.output.writeImmutableBuffer(request.bytes)
            }
        }
        self.writeJoined(context)
        context.flush()
        if dropped.requests > 0 { self.inbox.release(requests: dropped.requests, bytes: dropped.bytes) }
    }

    private func writeJoined(_ context: ChannelHandlerContext) {
        guard self.output.readableBytes > 0 else { return }
        self.write(self.output, context)
        self.output.clear()
    }

    /// Writes, and frees the bytes in the inbox when the kernel has them.
    private func write(_ bytes: ByteBuffer, _ context: ChannelHandlerContext) {
        let promise = context.eventLoop.makePromise(of: Void.self)
        let (inbox, size) = (self.inbox, bytes.readableBytes)
        promise.futureResult.whenComplete { _ in inbox.release(bytes: size) }
        context.write(Self.wrapOutboundOut(bytes), promise: promise)
    }

    private func expect(_ request: RedisRequest, at now: NIODeadline) {
        let callerDeadline = now + request.patience
        self.machine.sent(
            request,
            .init(
                replies: request.replies, endsAtError: request.endsAtError, callerDeadline: callerDeadline,
                connectionDeadline: max(callerDeadline, now + self.settings.replyDeadline)))
        guard let context = self.context else { return }
        if self.wake.map({ callerDeadline < $0.at }) ?? true { self.scheduleWake(context, at: callerDeadline) }
    }

    // MARK: What comes in

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard self.reason == nil else { return }
        self.parser.feed(Self.unwrapInboundIn(data))
        let now = context.eventLoop.now
        var completed = 0
        do throws(RedisError) {
            while let value = try self.parser.next() {
                completed += try self.receive(value, at: now)
            }
        } catch {
            self.finish(context, because: error)
        }
        if completed > 0 { self.inbox.release(requests: completed) }
        if self.machine.isDrained { self.finish(context, because: self.machine.refusal) }
    }

    /// Gives how many requests are complete with it.
    private func receive(_ value: RedisValue, at now: NIODeadline) throws(RedisError) -> Int {
        if let push = self.settings.pushes.elements(of: value) {
            self.machine.receivedPush(at: now)
            guard self.settings.pushes.isConfirmation(push), self.machine.pendingCount > 0 else {
                self.settings.onPush?(push)
                return 0
            }
        }
        switch self.machine.received(value, at: now) {
        case .incomplete: return 0
        case .unexpected: throw .protocolViolation("a reply that nobody asked for")
        case .complete(let request, let reply):
            request?.finish(.success(reply))
            if let error = reply.firstReconnectError {
                self.drain(because: RedisError(.unreachable, "the server answers \(error)", wasSent: true))
            }
            return 1
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.finish(context, because: RedisError(.closed, "the server closed the connection", wasSent: true))
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.finish(context, because: RedisConnector.explain(error))
    }

    // MARK: The end

    /// Sends nothing new, and closes when the last reply is here or too late.
    func drain(because error: RedisError) {
        guard let context = self.context, self.reason == nil else { return }
        self.inbox.refuse(error)
        self.machine.drain(because: error, until: context.eventLoop.now + self.settings.drainDeadline)
        // What waits in the inbox was not sent and is told so.
        self.takeRequests()
        if self.machine.isDrained { return self.finish(context, because: error) }
        self.scheduleWake(context)
    }

    /// Closes at once.
    func close(because error: RedisError) {
        guard let context = self.context else { return }
        self.finish(context, because: error)
    }

    private func finish(_ context: ChannelHandlerContext, because error: RedisError?) {
        guard self.reason == nil else { return }
        let error = error ?? RedisError(.closed, "the connection was closed")
        self.reason = error
        self.wake?.callback.cancel()
        self.wake = nil
        self.inbox.refuse(error)
        let waiters = self.machine.close(because: error)
        // Those who were promised a reply learn that there is none.
        for request in waiters { request.fail(Self.closed(error)) }
        self.takeRequests()
        self.settings.onClose?(error)
        context.close(promise: nil)
    }

    /// What others on the connection are told.
    private static func closed(_ error: RedisError) -> RedisError {
        switch error.code {
        case .protocolViolation, .tooLarge, .closed, .unreachable: error
        default: RedisError(.closed, error.message, wasSent: true)
        }
    }
}

// MARK: - Time

extension RedisChannelHandler {
    /// What the event loop calls; a value, because handlers stay on their loop.
    private struct Alarm: NIOScheduledCallbackHandler, Sendable {
        let handler: NIOLoopBound<RedisChannelHandler>

        func handleScheduledCallback(eventLoop: some EventLoop) {
            self.handler.value.timeHasCome()
        }
    }

    private func timeHasCome() {
        self.wake = nil
        guard let context = self.context, self.reason == nil else { return }
        let now = context.eventLoop.now
        let due = self.machine.due(at: now)
        for request in due.late {
            request.finish(.failure(RedisError(.timedOut, "the server did not answer in time", wasSent: true)))
        }
        if let failure = due.failure { return self.finish(context, because: failure) }
        if due.ping { self.ping(context, at: now) }
        self.scheduleWake(context)
    }

    private func ping(_ context: ChannelHandlerContext, at now: NIODeadline) {
        let deadline = now + self.settings.replyDeadline
        self.machine.sent(nil, .init(callerDeadline: deadline, connectionDeadline: deadline))
        self.inbox.countOne()
        context.writeAndFlush(Self.wrapOutboundOut(RedisCommand.ping.encoded), promise: nil)
    }

    private func scheduleWake(_ context: ChannelHandlerContext) {
        guard let next = self.machine.nextWake else { return }
        // Not more often than the grain, however many deadlines there are.
        self.scheduleWake(context, at: max(next, context.eventLoop.now + RedisConnection.grain))
    }

    private func scheduleWake(_ context: ChannelHandlerContext, at time: NIODeadline) {
        self.wake?.callback.cancel()
        self.wake = nil
        // Fails only when the loop is shut down, and with it the connection.
        let alarm = Alarm(handler: NIOLoopBound(self, eventLoop: context.eventLoop))
        guard let callback = try? context.eventLoop.scheduleCallback(at: time, handler: alarm) else { return }
        self.wake = (time, callback)
    }
}

extension RedisValue {
    /// The first error, also among the replies of a pipeline, that means that another server is to be looked for.
    fileprivate var firstReconnectError: RedisError? {
        switch self {
        case .error(let error): error.meansReconnect ? error : nil
        case .array(let elements):
            elements.lazy.compactMap { element in
                if case .error(let error) = element, error.meansReconnect { error } else { nil }
            }.first
        default: nil
        }
    }
}
