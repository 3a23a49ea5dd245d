//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
public import ParleyCore
public import ServiceLifecycle
import Synchronization

/// Leases, answer logs and stop requests of a single node, in memory.
///
/// Readers are never pushed to: an append wakes those that wait, and each reads on from its own position at its own
/// pace, so a slow reader costs no memory. ``run()`` must be running for waits to end at their deadline.
public final class InProcessCluster<C: Clock>: Sendable where C.Duration == Duration, C.Instant: Sendable {
    private struct State: Sendable {
        var leases: LeaseTable<C.Instant>
        var logs: [TurnID: TurnLog] = [:]
        var changedAt: [TurnID: C.Instant] = [:]
    }

    private let clock: C
    private let state: Mutex<State>
    private let readers = TurnWaits<C.Instant>()
    private let stops = Broadcast<TurnID>(capacity: ClusterLimits.waitingTurns)
    private let frees = Broadcast<TurnID>(capacity: ClusterLimits.waitingTurns)

    public init(clock: C = ContinuousClock(), leaseLife: Duration = CoreLimits.leaseLife) {
        self.clock = clock
        self.state = Mutex(State(leases: LeaseTable(life: leaseLife)))
    }
}

// MARK: Leases

extension InProcessCluster: LeaseStore {
    public func acquire(turn: TurnID, node: NodeID, afterEpoch: Int) async throws(ClusterError) -> Lease? {
        let now = self.clock.now
        return self.state.withLock { state in
            state.changedAt[turn] = now
            return state.leases.acquire(turn: turn, node: node, afterEpoch: afterEpoch, now: now)
        }
    }

    public func renew(_ lease: Lease) async throws(ClusterError) {
        let now = self.clock.now
        let renewed = self.state.withLock { $0.leases.renew(lease, now: now) }
        guard renewed else { throw Self.fenced(lease) }
    }

    public func release(_ lease: Lease) async throws(ClusterError) {
        self.state.withLock { $0.leases.release(lease) }
    }

    /// Nothing is ever lost here but together with this process.
    public func restore(_ lease: Lease) async throws(ClusterError) {
        try await self.renew(lease)
    }

    public func hasExpired() async throws(ClusterError) -> Bool {
        let now = self.clock.now
        return self.state.withLock { $0.leases.hasExpired(now: now) }
    }

    /// There is no other node.
    public func claimRound(_ name: String, for duration: Duration) async throws(ClusterError) -> Bool {
        true
    }

    public func live(among turns: [TurnID]) async throws(ClusterError) -> Set<TurnID> {
        let now = self.clock.now
        return self.state.withLock { state in
            Set(turns.filter { state.leases.isLive($0, now: now) })
        }
    }

    private static func fenced(_ lease: Lease) -> ClusterError {
        ClusterError(.fenced, "the lease of turn \(lease.turnID) at epoch \(lease.epoch) is no longer held")
    }
}

// MARK: Answer log

extension InProcessCluster: AnswerLog {
    public func append(
        _ events: [TurnEvent.Kind], firstSequence: Int, lease: Lease
    ) async throws(ClusterError) {
        let now = self.clock.now
        let result = self.state.withLock { state -> TurnLog.Append in
            guard state.leases.holds(lease) else { return .fenced }
            let turnID = lease.turnID
            let result = state.logs[turnID, default: TurnLog(turnID: turnID)]
                .append(events, firstSequence: firstSequence, epoch: lease.epoch)
            guard case .appended = result else { return result }
            state.changedAt[turnID] = now
            return result
        }
        switch result {
        case .appended: self.readers.wake(lease.turnID)
        case .fenced: throw Self.fenced(lease)
        case .gap: throw ClusterError(.gap, "event \(lease.epoch)-\(firstSequence) would leave a hole")
        case .full: throw ClusterError(.full, "the log of turn \(lease.turnID) is full")
        }
    }

    public func read(turn: TurnID, after: EventID, limit: Int) async throws(ClusterError) -> AnswerLogPage {
        // Copied under the lock: a log kept outside it would be copied whole by the next append.
        self.state.withLock { state in
            guard let log = state.logs[turn] else { return AnswerLogPage(events: [], exists: false) }
            let events = log.events(after: after, limit: min(limit, ClusterLimits.eventsPerRead))
            return AnswerLogPage(events: Array(events), exists: true)
        }
    }

    public func waitForEvents(turn: TurnID, after: EventID, atMost: Duration) async throws(ClusterError) {
        await self.readers.wait(for: turn, until: self.clock.now.advanced(by: atMost)) {
            self.state.withLock { ($0.logs[turn]?.last ?? .start) > after }
        }
    }
}

// MARK: Commands

extension InProcessCluster: TurnCommands {
    public func requestStop(_ turn: TurnID) async throws(ClusterError) {
        self.stops.tell(turn)
    }

    public func stopRequests() async -> AsyncStream<TurnID> {
        self.stops.listen()
    }

    public func announceFree(_ turn: TurnID) async throws(ClusterError) {
        self.frees.tell(turn)
    }

    public func freeTurns() async -> AsyncStream<TurnID> {
        self.frees.listen()
    }
}

// MARK: Upkeep

extension InProcessCluster: Service {
    /// Ends waits at their deadline and forgets logs that have had their time, until cancelled.
    public func run() async throws {
        while !Task.isCancelled {
            guard (try? await self.clock.sleep(for: ClusterLimits.sweepInterval)) != nil else { break }
            self.sweep()
        }
    }

    /// One round of upkeep.
    func sweep() {
        let now = self.clock.now
        self.state.withLock { state in
            for (turn, changedAt) in state.changedAt where Self.isOver(turn, changedAt, now, state) {
                state.logs[turn] = nil
                state.changedAt[turn] = nil
                state.leases.forget(turn)
            }
        }
        self.readers.endDue(now: now)
    }

    private static func isOver(_ turn: TurnID, _ changedAt: C.Instant, _ now: C.Instant, _ state: State) -> Bool {
        if state.logs[turn]?.isFinished == true {
            return changedAt.advanced(by: ClusterLimits.finishedLogLife) <= now
        }
        return !state.leases.isLive(turn, now: now)
            && changedAt.advanced(by: ClusterLimits.abandonedLogLife) <= now
    }
}
