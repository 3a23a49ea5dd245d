//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
public import Logging
public import ParleyCore
public import RedisClient
import Synchronization

/// Leases, answer logs and stop requests of many nodes that share one Redis.
///
/// The log in Redis is the truth between nodes; this node keeps a ``TurnMirror`` of each turn that it writes or that
/// somebody reads here, and readers are served from that. While Redis is away the owner goes on and its own readers
/// with it; what Redis lacks is sent when it is back. Redis may be emptied at any moment: owners then
/// ``restore(_:)`` what they hold.
///
/// ``run()`` must be running, and the client's too: it ends waits at their deadline, follows the logs that are read
/// here, hears stops, and sends what is left over.
public final class RedisCluster: Sendable {
    /// What may be chosen.
    public struct Configuration: Hashable, Sendable {
        /// What all keys begin with.
        public var prefix: String
        /// How long a lease lives without renewal.
        public var leaseLife: Duration
        /// For how long turns are left alone of which a Redis that was emptied, restarted or just met knows nothing.
        public var grace: Duration

        public init(
            prefix: String = "parley:", leaseLife: Duration = CoreLimits.leaseLife,
            grace: Duration = CoreLimits.leaseLife
        ) {
            self.prefix = prefix
            self.leaseLife = leaseLife
            self.grace = grace
        }
    }

    typealias Instant = ContinuousClock.Instant

    /// What this node knows of one turn.
    struct Record: Sendable {
        enum Tail: Sendable {
            case none
            /// Followed, but not read to its end yet.
            case starting
            case following
        }

        var mirror: TurnMirror
        var usedAt: Instant
        /// When this node last did something under its lease.
        var heldAt: Instant?
        /// When somebody last waited for it here.
        var wantedAt: Instant?
        var tail = Tail.none
        var isFetching = false
        /// Sends under way.
        var sending = 0
        /// Somebody sends what is left over; appends wait for that.
        var isCatchingUp = false
        /// Redis knows nothing of the turn; only a restored lease helps.
        var isLost = false
        /// To be released as soon as Redis can be asked.
        var release: Lease?

        /// Whether this node writes the turn, as far as it knows: news come by themselves.
        func isOwner(at now: Instant) -> Bool {
            guard self.mirror.lease != nil, let heldAt = self.heldAt else { return false }
            return heldAt.duration(to: now) < CoreLimits.leaseLife
        }

        init(_ turn: TurnID, now: Instant) {
            self.mirror = TurnMirror(turnID: turn)
            self.usedAt = now
        }
    }

    struct State: Sendable {
        var records: [TurnID: Record] = [:]
        /// Redis did not answer when it was last asked.
        var isAway = false
        var age: RedisAge<Instant>
        var tails = 0
    }

    enum Errand: Sendable {
        case fetch(TurnID)
        case follow(TurnID)
    }

    let redis: TurnRedis
    let logger: Logger
    let clock = ContinuousClock()
    let state: Mutex<State>
    let readers = TurnWaits<Instant>()
    let fetches = TurnWaits<Instant>()
    let senders = TurnWaits<Instant>()
    let stops = Broadcast<TurnID>(capacity: ClusterLimits.waitingTurns)
    let frees = Broadcast<TurnID>(capacity: ClusterLimits.waitingTurns)
    let errands: AsyncStream<Errand>
    let addErrand: AsyncStream<Errand>.Continuation

    public init(client: RedisClient, configuration: Configuration = Configuration(), logger: Logger) {
        self.redis = TurnRedis(
            client: client, keys: TurnKeys(prefix: configuration.prefix), leaseLife: configuration.leaseLife)
        self.logger = logger
        self.state = Mutex(State(age: RedisAge(grace: configuration.grace)))
        (self.errands, self.addErrand) = AsyncStream.makeStream(
            of: Errand.self, bufferingPolicy: .bufferingOldest(ClusterLimits.waitingLogs))
    }

    /// Whether Redis did not answer when it was last asked; this node's readers are then ahead of others'.
    public var isAway: Bool {
        self.state.withLock { $0.isAway }
    }

    /// Runs `body` on the turn's record, which is made if need be.
    func with<Result: Sendable>(_ turn: TurnID, _ body: (inout Record) -> Result) -> Result {
        let now = self.clock.now
        return self.state.withLock { state in
            state.records[turn, default: Record(turn, now: now)].use(at: now, body)
        }
    }

    func fenced(_ lease: Lease) -> ClusterError {
        ClusterError(.fenced, "the lease of turn \(lease.turnID) at epoch \(lease.epoch) is no longer held")
    }

    func lost(_ lease: Lease) -> ClusterError {
        ClusterError(.lost, "Redis knows nothing of turn \(lease.turnID) at epoch \(lease.epoch)")
    }
}

extension RedisCluster.Record {
    fileprivate mutating func use<Result: Sendable>(
        at now: ContinuousClock.Instant, _ body: (inout RedisCluster.Record) -> Result
    ) -> Result {
        self.usedAt = now
        return body(&self)
    }
}

// MARK: Commands

extension RedisCluster: TurnCommands {
    /// A listener may be told twice, and of a stop that came while it listened to nothing it is told with the next
    /// append or renewal.
    public func requestStop(_ turn: TurnID) async throws(ClusterError) {
        self.stops.tell(turn)
        do {
            try await self.redis.requestStop(turn)
        } catch {
            throw ClusterError(error)
        }
    }

    public func stopRequests() async -> AsyncStream<TurnID> {
        self.stops.listen()
    }

    public func announceFree(_ turn: TurnID) async throws(ClusterError) {
        do {
            try await self.redis.announceFree(turn)
        } catch {
            self.frees.tell(turn)
            throw ClusterError(error)
        }
    }

    public func freeTurns() async -> AsyncStream<TurnID> {
        self.frees.listen()
    }
}
