//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import NIOCore

/// One connection to a server, shared by any number of tasks: commands go out in the order in which they come in, as
/// many at a time as there are, and each gets its reply.
final class RedisConnection: Sendable {
    static let grain = TimeAmount(RedisClientLimits.deadlineGrain)

    /// What a connection may do.
    struct Settings: Sendable {
        var limits = RESPParser.Limits()
        /// An idle connection is tested as often; nil for never.
        var keepAlive: TimeAmount?
        /// The connection is given up when a reply does not come for as long; a command may ask for more.
        var replyDeadline = TimeAmount(RedisClientLimits.commandDeadline)
        /// How long replies are waited for when no new commands are taken.
        var drainDeadline = TimeAmount(RedisClientLimits.drainDeadline)
        /// What counts as sent unasked.
        var pushes = PushForm.none
        /// Called on the event loop with each push that is no confirmation; must not block.
        var onPush: (@Sendable ([RedisValue]) -> Void)?
        /// Called on the event loop when the connection is closed, once.
        var onClose: (@Sendable (RedisError) -> Void)?
    }

    let eventLoop: any EventLoop
    private let channel: any Channel
    private let handler: NIOLoopBound<RedisChannelHandler>
    private let inbox: RequestInbox

    /// Takes over a channel, on its event loop. The pipeline's last handler must be one of bytes.
    init(on channel: any Channel, settings: Settings, inbox: RequestInbox = RequestInbox()) throws {
        self.channel = channel
        self.eventLoop = channel.eventLoop
        self.inbox = inbox
        let handler = RedisChannelHandler(inbox: inbox, settings: settings, eventLoop: channel.eventLoop)
        self.handler = NIOLoopBound(handler, eventLoop: channel.eventLoop)
        try channel.pipeline.syncOperations.addHandler(handler)
    }

    /// Whether commands are taken.
    var isOpen: Bool { self.inbox.refusal == nil }

    /// Why it takes no more commands; nil when it does.
    var refusal: RedisError? { self.inbox.refusal }

    /// Commands that have no reply yet.
    var load: Int { self.inbox.count }

    // MARK: Commands

    /// Sends bytes that hold as many commands as replies are expected and waits.
    ///
    /// - Returns: The reply, which may be an error of the server; an array of all when there are several.
    /// - Throws: What kept the reply from coming.
    func perform(_ bytes: ByteBuffer, replies: Int = 1, patience: TimeAmount) async throws(RedisError) -> RedisValue {
        guard !Task.isCancelled else { throw RedisError(.cancelled, "the command was cancelled") }
        let request = RedisRequest(bytes, replies: replies, patience: patience)
        let outcome = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                guard request.attach(.task(continuation)) else { return }
                if let refusal = self.submit(request) { request.finish(.failure(refusal)) }
            }
        } onCancel: {
            request.cancel()
        }
        return try outcome.get()
    }

    /// Takes a request, from any thread, without waiting. Gives why not when it does not.
    func submit(_ request: RedisRequest) -> RedisError? {
        switch self.inbox.put(request) {
        case .failure(let refusal): return refusal
        case .success(false): return nil
        case .success(true):
            self.eventLoop.execute { self.handler.value.takeRequests() }
            return nil
        }
    }

    // MARK: The end

    /// Takes no more commands and closes when the last reply is here.
    func drain(because error: RedisError) {
        self.inbox.refuse(error)
        self.eventLoop.execute { self.handler.value.drain(because: error) }
    }

    /// Closes at once; who waits is told.
    func close(because error: RedisError) {
        self.inbox.refuse(error)
        self.eventLoop.execute { self.handler.value.close(because: error) }
    }

    /// Waits until it is closed, which a cancelled task makes it be once the last reply is here.
    ///
    /// - Returns: Why it was closed.
    func closed() async -> RedisError {
        await withTaskCancellationHandler {
            // The future only ever succeeds.
            try? await self.channel.closeFuture.get()
        } onCancel: {
            self.drain(because: RedisError(.closed, "the client was shut down"))
        }
        return self.inbox.refusal ?? RedisError(.closed, "the connection was closed")
    }
}
