//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
public import Logging
public import NIOCore
public import NIOPosix
public import ServiceLifecycle
import Synchronization

/// A client of one Redis server, or of the master that Sentinels name.
///
/// All tasks share a few connections, over which commands go without waiting for each other; subscriptions and blocking
/// reads have connections of their own. ``run()`` opens them and opens them again whenever they are lost.
///
/// A command whose bytes went out is never sent twice: when its connection ends before the reply, the caller gets an
/// error with ``RedisError/wasSent``. One that certainly was not sent goes out on another connection.
///
/// A caller that is cancelled, or whose deadline passes, is let go at once and the reply dropped when it comes. The
/// connection is closed, and all that is on its way with it, when a reply is missing for the ``RedisConfiguration``'s
/// command deadline.
public final class RedisClient: Sendable, Service {
    /// Whether commands can be sent.
    public enum State: Hashable, Sendable {
        /// The first attempt to connect is under way. Commands wait for it.
        case connecting
        /// At least one connection is open. The version is that of the server, such as `7.0.15`, or empty where we may
        /// not ask.
        case ready(serverVersion: String)
        /// No connection is open. Commands fail at once, or after ``RedisConfiguration/waitWhileDown``.
        case down(reason: RedisError, since: ContinuousClock.Instant)
    }

    let configuration: RedisConfiguration
    let logger: Logger
    let connector: RedisConnector
    let directory: SentinelDirectory?
    let hub: SubscriptionHub
    let dedicated: DedicatedConnections
    let status: ClientStatus
    /// Those who wait for a connection.
    let gate: WakeableWait
    /// Connection loops that pause.
    let pauses: WakeableWait
    private let hasRun = Atomic(false)

    /// - Parameters:
    ///   - configuration: Where the server is and how long is waited.
    ///   - logger: Tells of connections that come and go.
    ///   - eventLoopGroup: Where connections live.
    public init(
        _ configuration: RedisConfiguration, logger: Logger,
        eventLoopGroup: any EventLoopGroup = .singletonMultiThreadedEventLoopGroup
    ) {
        self.configuration = configuration
        self.logger = logger
        self.connector = RedisConnector(tls: configuration.tls, group: eventLoopGroup)
        let loop = eventLoopGroup.next()
        self.hub = SubscriptionHub(eventLoop: loop, patience: configuration.commandDeadline, logger: logger)
        self.status = ClientStatus(lanes: max(1, configuration.commandConnections))
        self.dedicated = DedicatedConnections(maximum: max(1, configuration.blockingConnections))
        self.gate = WakeableWait(
            eventLoop: loop, maximum: RedisClientLimits.commandsWaitingForConnection)
        self.pauses = WakeableWait(eventLoop: loop, maximum: RedisClientLimits.connectionLoops)
        switch configuration.server {
        case .fixed: self.directory = nil
        case .sentinel(let sentinel):
            self.directory = SentinelDirectory(
                sentinel, connector: self.connector, clientName: configuration.clientName)
        }
    }

    /// Keeps connections open until the task is cancelled or a graceful shutdown begins; both let the commands that are
    /// on their way have their replies. To be called once.
    ///
    /// Services that need Redis while they shut down come after this one in a `ServiceGroup`: it ends the last first.
    public func run() async throws {
        guard !self.hasRun.exchange(true, ordering: .relaxed) else {
            throw RedisError(.configuration, "a client runs once")
        }
        await cancelWhenGracefulShutdown {
            await withDiscardingTaskGroup { group in
                for lane in 0..<self.status.lanes {
                    group.addTask { await self.keepLane(lane) }
                }
                group.addTask { await self.keepSubscriptions() }
                if let directory = self.directory {
                    let watch = SentinelWatch(directory: directory, backoff: self.backoff, logger: self.logger) {
                        self.follow($0)
                    }
                    group.addTask { await watch.run() }
                }
            }
        }
        let reason = RedisError(.closed, "the client was shut down")
        self.status.end(because: reason)
        self.dedicated.close(because: reason)
        self.hub.end()
        self.gate.wakeAll()
    }

    // MARK: State

    /// Whether commands can be sent, at the moment.
    public var state: State { self.status.state }

    /// The state now and each one after it, until the client is shut down. A slow reader misses the older ones.
    public func states() -> AsyncStream<State> { self.status.states() }

    /// Waits until commands can be sent.
    ///
    /// - Throws: Why they cannot, when the duration is over; `cancelled`; `closed` after the shutdown.
    public func waitUntilReady(atMost duration: Duration) async throws(RedisError) {
        let clock = ContinuousClock()
        let end = clock.now + duration
        while !self.status.isReady {
            if let ended = self.status.ended { throw ended }
            let left = clock.now.duration(to: end)
            guard left > .zero else { throw self.status.unreachable }
            let outcome = await self.gate.wait(atMost: left) { self.status.isReady || self.status.ended != nil }
            switch outcome {
            case .woken, .timedOut: continue
            case .cancelled: throw RedisError(.cancelled, "the command was cancelled")
            case .refused: throw RedisError(.poolExhausted, "too many commands wait for a connection")
            }
        }
    }

    // MARK: Commands

    /// Sends a command and waits for its reply.
    ///
    /// - Parameters:
    ///   - command: One that answers once and at once: blocking reads go through ``block(_:atMost:)``, subscriptions
    ///     through ``subscribe(_:patterns:capacity:)``, transactions through ``transaction(_:)``.
    ///   - deadline: How long to wait; nil for that of the configuration.
    /// - Throws: The server's error; what kept the reply from coming.
    public func send(_ command: RedisCommand, deadline: Duration? = nil) async throws(RedisError) -> RedisValue {
        let value = try await self.perform(command.encoded, replies: 1, deadline: deadline)
        if case .error(let error) = value { throw error }
        return value
    }

    /// Sends commands in one piece, in order, and waits for all replies. Other tasks' commands do not come in between,
    /// on this connection; on the server they may.
    ///
    /// - Returns: What each command would give or throw.
    /// - Throws: What kept the replies from coming.
    public func pipeline(_ commands: [RedisCommand]) async throws(RedisError) -> [Result<RedisValue, RedisError>] {
        guard !commands.isEmpty else { return [] }
        guard commands.count < RedisClientLimits.commandsPerPipeline else {
            throw RedisError(.tooLarge, "a pipeline has too many commands")
        }
        let value = try await self.perform(commands.joined(), replies: commands.count, deadline: nil)
        return commands.count == 1 ? [value.result] : try value.array().map(\.result)
    }

    /// Sends commands that the server runs as one step, without another client's in between.
    ///
    /// - Returns: What each command gave. A command that fails does not undo the others.
    /// - Throws: `server("EXECABORT")` when the server refuses one beforehand and so runs none; what kept the replies
    ///   from coming.
    public func transaction(_ commands: [RedisCommand]) async throws(RedisError) -> [Result<RedisValue, RedisError>] {
        guard !commands.isEmpty else { return [] }
        let replies = try await self.pipeline([RedisCommand("MULTI")] + commands + [RedisCommand("EXEC")])
        guard let last = replies.last else { return [] }
        do throws(RedisError) {
            return try last.get().array().map(\.result)
        } catch  where error.serverPrefix == "EXECABORT" {
            // Why is said where the command was refused.
            let refused = replies.lazy.compactMap { reply in
                if case .failure(let error) = reply { error } else { nil }
            }.first
            throw RedisError(error.code, "\(refused ?? error)", wasSent: true)
        }
    }

    /// Runs a script, by its digest where the server knows it.
    ///
    /// - Parameter deadline: How long to wait, twice where the server does not know the script; nil for that of the
    ///   configuration.
    /// - Throws: The script's or the server's error; what kept the reply from coming.
    public func run(
        _ script: RedisScript, keys: [String], arguments: [RedisArgument], deadline: Duration? = nil
    ) async throws(RedisError) -> RedisValue {
        do throws(RedisError) {
            return try await self.send(script.byDigest(keys: keys, arguments: arguments), deadline: deadline)
        } catch {
            // The server has not run it, so that it can be sent again.
            guard error.serverPrefix == "NOSCRIPT" else { throw error }
            return try await self.send(script.bySource(keys: keys, arguments: arguments), deadline: deadline)
        }
    }

    /// Makes scripts known to the server, so that ``RedisScript/byDigest(keys:arguments:)`` can be used in pipelines.
    /// The server forgets them when it restarts.
    public func load(_ scripts: [RedisScript]) async throws(RedisError) {
        for reply in try await self.pipeline(scripts.map { RedisCommand("SCRIPT", "LOAD", .string($0.lua)) }) {
            _ = try reply.get()
        }
    }

    /// Sends a command that waits on the server, such as `BLMOVE` or `XREAD BLOCK`, over a connection of its own; it is
    /// closed when the task is cancelled.
    ///
    /// - Parameters:
    ///   - command: The command with its own timeout.
    ///   - atMost: That timeout again; the reply is waited for as much longer as any other.
    /// - Throws: The server's error; what kept the reply from coming; `poolExhausted` when too many block.
    public func block(_ command: RedisCommand, atMost: Duration) async throws(RedisError) -> RedisValue {
        guard self.status.ended == nil else { throw RedisError(.closed, "the client was shut down") }
        let patience = TimeAmount(atMost + self.configuration.commandDeadline)
        let value = try await self.dedicated.perform(command.encoded, patience: patience) { () throws(RedisError) in
            try await self.openDedicated()
        }
        if case .error(let error) = value { throw error }
        return value
    }

    /// Listens to channels and to all channels that match patterns.
    ///
    /// - Parameter capacity: Messages that are kept for a slow reader; what comes beyond is dropped, and the reader is
    ///   told with ``RedisSubscription/Element/resubscribed``.
    /// - Returns: Once the server has confirmed, so that nothing is missed that is published from now on.
    /// - Throws: `unreachable` when there is no connection within the connect deadline; the server's error.
    public func subscribe(
        _ channels: [String], patterns: [String] = [], capacity: Int
    ) async throws(RedisError) -> RedisSubscription {
        try await self.hub.subscribe(
            channels, patterns: patterns, capacity: capacity, deadline: self.configuration.connectDeadline)
    }
}

extension RedisValue {
    /// The value, or the failure that it is.
    fileprivate var result: Result<RedisValue, RedisError> {
        if case .error(let error) = self { .failure(error) } else { .success(self) }
    }
}
