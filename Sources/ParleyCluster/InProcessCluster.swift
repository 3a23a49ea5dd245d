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
    private struct Waiter {
        var turnID: TurnID
        var deadline: C.Instant
        var continuation: CheckedContinuation<Void, Never>
    }

    private struct State: Sendable {
        var leases = LeaseTable<C.Instant>()
        var logs: [TurnID: TurnLog] = [:]
        var changedAt: [TurnID: C.Instant] = [:]
        var waiters: [UInt64: Waiter] = [:]
        var waitersByTurn: [TurnID: Set<UInt64>] = [:]
        var nextWaiter: UInt64 = 0
    }

    private let clock: C
    private let state = Mutex(State())
    private let stops = TurnBroadcast()
    private let frees = TurnBroadcast()

    public init(clock: C = ContinuousClock()) {
        self.clock = clock
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
        let (result, woken) = self.state.withLock { state -> (TurnLog.Append, [Waiter]) in
            guard state.leases.holds(lease) else { return (.fenced, []) }
            let turnID = lease.turnID
            let result = state.logs[turnID, default: TurnLog(turnID: turnID)]
                .append(events, firstSequence: firstSequence, epoch: lease.epoch)
            guard case .appended = result else { return (result, []) }
            state.changedAt[turnID] = now
            return (result, Self.removeWaiters(of: turnID, from: &state))
        }
        for waiter in woken {
            waiter.continuation.resume()
        }
        switch result {
        case .appended: return
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
        let deadline = self.clock.now.advanced(by: atMost)
        let id = self.state.withLock { state in
            state.nextWaiter += 1
            return state.nextWaiter
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let mustWait = self.state.withLock { state in
                    guard !Task.isCancelled, (state.logs[turn]?.last ?? .start) <= after else { return false }
                    state.waiters[id] = Waiter(turnID: turn, deadline: deadline, continuation: continuation)
                    state.waitersByTurn[turn, default: []].insert(id)
                    return true
                }
                if !mustWait {
                    continuation.resume()
                }
            }
        } onCancel: {
            self.state.withLock { Self.removeWaiter(id, from: &$0) }?.continuation.resume()
        }
    }

    private static func removeWaiters(of turn: TurnID, from state: inout State) -> [Waiter] {
        (state.waitersByTurn.removeValue(forKey: turn) ?? []).compactMap { state.waiters.removeValue(forKey: $0) }
    }

    private static func removeWaiter(_ id: UInt64, from state: inout State) -> Waiter? {
        guard let waiter = state.waiters.removeValue(forKey: id) else { return nil }
        state.waitersByTurn[waiter.turnID]?.remove(id)
        if state.waitersByTurn[waiter.turnID]?.isEmpty == true {
            state.waitersByTurn[waiter.turnID] = nil
        }
        return waiter
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
        let expired = self.state.withLock { state -> [Waiter] in
            for (turn, changedAt) in state.changedAt where Self.isOver(turn, changedAt, now, state) {
                state.logs[turn] = nil
                state.changedAt[turn] = nil
                state.leases.forget(turn)
            }
            let due = state.waiters.filter { $0.value.deadline <= now }
            return due.keys.compactMap { Self.removeWaiter($0, from: &state) }
        }
        for waiter in expired {
            waiter.continuation.resume()
        }
    }

    private static func isOver(_ turn: TurnID, _ changedAt: C.Instant, _ now: C.Instant, _ state: State) -> Bool {
        if state.logs[turn]?.isFinished == true {
            return changedAt.advanced(by: ClusterLimits.finishedLogLife) <= now
        }
        return !state.leases.isLive(turn, now: now)
            && changedAt.advanced(by: ClusterLimits.abandonedLogLife) <= now
    }
}
