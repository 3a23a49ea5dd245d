//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import DequeModule
import Logging
import NIOCore
import Synchronization

/// All subscriptions of a client on one connection: who listens to what, and what the server must know of it.
///
/// Commands leave in the order in which listeners come and go, under one lock, so that the server ends up with what is
/// wanted. Each listener subscribes by itself, also to what another has already: the server takes it, and its answer
/// says that from now on nothing is missed.
final class SubscriptionHub: Sendable {
    private struct Listener {
        let sink: SubscriptionSink
        let channels: [String]
        let patterns: [String]
        /// Answers that are missing until it hears everything; nil when it was not asked for on this connection.
        var missing: Int?
        /// Who waits for the first time that it hears everything.
        var joiner: CheckedContinuation<RedisError?, Never>?
        var timer: Scheduled<Void>?
    }

    private struct State {
        var listeners: [UInt64: Listener] = [:]
        var byChannel: [String: Set<UInt64>] = [:]
        var byPattern: [String: Set<UInt64>] = [:]
        var connection: RedisConnection?
        var endpoint: RedisEndpoint?
        /// Counts connections, so that late answers of an older one are known.
        var generation = 0
        var next: UInt64 = 0
        var isEnded = false
        /// Cancelled before they came to wait.
        var cancelled: Set<UInt64> = []
    }

    private let state = Mutex(State())
    private let eventLoop: any EventLoop
    private let patience: TimeAmount
    private let logger: Logger
    /// Told when there is somebody to connect for.
    private let wanted: (stream: AsyncStream<Void>, continuation: AsyncStream<Void>.Continuation)

    init(eventLoop: any EventLoop, patience: Duration, logger: Logger) {
        self.eventLoop = eventLoop
        self.patience = TimeAmount(patience)
        self.logger = logger
        self.wanted = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// How many listen.
    var count: Int { self.state.withLock { $0.listeners.count } }

    // MARK: Listeners

    /// Adds a listener and waits until it hears everything.
    ///
    /// - Parameter deadline: How long may pass until then.
    func subscribe(
        _ channels: [String], patterns: [String], capacity: Int, deadline: Duration
    ) async throws(RedisError) -> RedisSubscription {
        guard !channels.isEmpty || !patterns.isEmpty else {
            throw RedisError(.configuration, "a subscription needs a channel or a pattern")
        }
        guard channels.count + patterns.count <= RedisClientLimits.channelsPerSubscription else {
            throw RedisError(.tooLarge, "a subscription names too many channels")
        }
        guard !Task.isCancelled else { throw RedisError(.cancelled, "the command was cancelled") }
        let sink = SubscriptionSink(capacity: capacity)
        let id = try self.add(Listener(sink: sink, channels: channels, patterns: patterns))
        defer { self.state.withLock { _ = $0.cancelled.remove(id) } }
        let failure = await withTaskCancellationHandler {
            await withCheckedContinuation { self.join(id, deadline: TimeAmount(deadline), $0) }
        } onCancel: {
            let isHere = self.state.withLock { state in
                guard state.listeners[id]?.joiner == nil else { return true }
                state.cancelled.insert(id)
                return false
            }
            if isHere { self.remove(id, because: RedisError(.cancelled, "the command was cancelled")) }
        }
        if let failure { throw failure }
        return RedisSubscription(source: .init(sink: sink) { [weak self] in self?.remove(id, because: nil) })
    }

    private func add(_ listener: Listener) throws(RedisError) -> UInt64 {
        let added = self.state.withLock { state -> Result<UInt64, RedisError> in
            guard !state.isEnded else { return .failure(RedisError(.closed, "the client was shut down")) }
            guard state.listeners.count < RedisClientLimits.subscriptions else {
                return .failure(RedisError(.poolExhausted, "too many subscriptions"))
            }
            state.next += 1
            state.listeners[state.next] = listener
            for channel in listener.channels { state.byChannel[channel, default: []].insert(state.next) }
            for pattern in listener.patterns { state.byPattern[pattern, default: []].insert(state.next) }
            return .success(state.next)
        }
        return try added.get()
    }

    private func join(_ id: UInt64, deadline: TimeAmount, _ continuation: CheckedContinuation<RedisError?, Never>) {
        let timer = self.eventLoop.scheduleTask(in: deadline) {
            self.remove(id, because: RedisError(.unreachable, "no connection for subscriptions in time"))
        }
        let refusal = self.state.withLock { state -> RedisError? in
            if state.cancelled.contains(id) { return RedisError(.cancelled, "the command was cancelled") }
            // Gone when the client was shut down in between.
            guard state.listeners[id] != nil else { return RedisError(.closed, "the client was shut down") }
            state.listeners[id]?.joiner = continuation
            state.listeners[id]?.timer = timer
            if let connection = state.connection { self.ask(for: id, on: connection, &state) }
            return nil
        }
        if let refusal {
            timer.cancel()
            self.remove(id, because: nil)
            continuation.resume(returning: refusal)
        } else {
            self.wanted.continuation.yield()
        }
    }

    /// Takes a listener away and tells the server what nobody listens to any more.
    private func remove(_ id: UInt64, because error: RedisError?) {
        let listener = self.state.withLock { state -> Listener? in
            guard let listener = state.listeners.removeValue(forKey: id) else { return nil }
            let channels = Self.forget(listener.channels, of: id, in: &state.byChannel)
            let patterns = Self.forget(listener.patterns, of: id, in: &state.byPattern)
            if let connection = state.connection {
                self.tell("UNSUBSCRIBE", channels, on: connection)
                self.tell("PUNSUBSCRIBE", patterns, on: connection)
            }
            return listener
        }
        guard let listener else { return }
        listener.timer?.cancel()
        listener.joiner?.resume(returning: error ?? RedisError(.closed, "the subscription was cancelled"))
        listener.sink.end()
    }

    /// Gives the names that nobody listens to any more.
    private static func forget(
        _ names: [String], of id: UInt64, in listeners: inout [String: Set<UInt64>]
    ) -> [String] {
        names.filter { name in
            listeners[name]?.remove(id)
            guard listeners[name]?.isEmpty == true else { return false }
            listeners[name] = nil
            return true
        }
    }

    // MARK: The server

    /// Sends what the listener wants to hear. Called under the lock.
    private func ask(for id: UInt64, on connection: RedisConnection, _ state: inout State) {
        guard let listener = state.listeners[id] else { return }
        let generation = state.generation
        var missing = 0
        for (name, names) in [("SUBSCRIBE", listener.channels), ("PSUBSCRIBE", listener.patterns)] where !names.isEmpty
        {
            let request = self.request(name, names) { [weak self] outcome in
                self?.answered(id, generation, outcome)
            }
            // A refusal means that the connection ends: the next one asks again.
            if connection.submit(request) == nil { missing += 1 }
        }
        state.listeners[id]?.missing = missing > 0 ? missing : nil
    }

    private func tell(_ name: String, _ names: [String], on connection: RedisConnection) {
        guard !names.isEmpty else { return }
        // Refused only when the connection ends, and with it what is unsubscribed from.
        _ = connection.submit(self.request(name, names) { _ in })
    }

    private func request(
        _ name: String, _ names: [String], _ callback: @escaping @Sendable (RedisRequest.Outcome) -> Void
    ) -> RedisRequest {
        RedisRequest(
            RedisCommand(name, arguments: names.map { .string($0) }).encoded, replies: names.count,
            endsAtError: true, patience: self.patience, waiter: .callback(callback))
    }

    private func answered(_ id: UInt64, _ generation: Int, _ outcome: RedisRequest.Outcome) {
        switch outcome {
        case .failure: return  // The connection ends; the next one asks again.
        case .success(.error(let error)):
            self.logger.warning("a subscription was refused", metadata: ["error": "\(error)"])
            self.remove(id, because: error)
        case .success:
            let listener = self.state.withLock { state -> Listener? in
                guard state.generation == generation, let missing = state.listeners[id]?.missing else { return nil }
                state.listeners[id]?.missing = missing > 1 ? missing - 1 : nil
                guard missing == 1 else { return nil }
                defer {
                    state.listeners[id]?.joiner = nil
                    state.listeners[id]?.timer = nil
                }
                return state.listeners[id]
            }
            guard let listener else { return }
            listener.timer?.cancel()
            if let joiner = listener.joiner {
                joiner.resume(returning: nil)
            } else {
                listener.sink.push(.resubscribed)
            }
        }
    }

    // MARK: The connection

    /// Waits until somebody listens; false when the task is cancelled or the hub has ended.
    func waitUntilWanted() async -> Bool {
        var iterator = self.wanted.stream.makeAsyncIterator()
        while !Task.isCancelled {
            let (isWanted, isEnded) = self.state.withLock { (!$0.listeners.isEmpty, $0.isEnded) }
            if isEnded { return false }
            if isWanted { return true }
            if await iterator.next() == nil { return false }
        }
        return false
    }

    /// Takes a new connection and asks for everything again.
    func attach(_ connection: RedisConnection, to endpoint: RedisEndpoint) {
        self.state.withLock { state in
            state.generation += 1
            state.connection = connection
            state.endpoint = endpoint
            for id in state.listeners.keys.sorted() { self.ask(for: id, on: connection, &state) }
        }
    }

    /// The connection is gone.
    func detach(_ connection: RedisConnection) {
        self.state.withLock { state in
            if state.connection === connection { state.connection = nil }
        }
    }

    /// Leaves a server that is no longer the master.
    func leave(allBut endpoint: RedisEndpoint, because reason: RedisError) {
        let connection = self.state.withLock { $0.endpoint == endpoint ? nil : $0.connection }
        connection?.close(because: reason)
    }

    /// Hands a message on. Called on the connection's event loop.
    func deliver(_ push: [RedisValue]) {
        guard push.count >= 3, let kind = try? push[0].string() else { return }
        switch (kind, push.count) {
        case ("message", 3):
            guard let channel = try? push[1].string(), let payload = try? push[2].bytes() else { return }
            self.deliver(channel: channel, payload) { $0.byChannel[channel] }
        case ("pmessage", 4):
            guard let pattern = try? push[1].string(), let channel = try? push[2].string(),
                let payload = try? push[3].bytes()
            else { return }
            self.deliver(channel: channel, payload) { $0.byPattern[pattern] }
        default: return
        }
    }

    private func deliver(channel: String, _ payload: ByteBuffer, to ids: (borrowing State) -> Set<UInt64>?) {
        let sinks = self.state.withLock { state in
            (ids(state) ?? []).compactMap { state.listeners[$0]?.sink }
        }
        for sink in sinks { sink.push(.message(channel: channel, payload: payload)) }
    }

    /// Ends all subscriptions, for ever.
    func end() {
        let ids = self.state.withLock { state in
            state.isEnded = true
            state.connection = nil
            return Array(state.listeners.keys)
        }
        for id in ids { self.remove(id, because: RedisError(.closed, "the client was shut down")) }
        self.wanted.continuation.finish()
    }
}
