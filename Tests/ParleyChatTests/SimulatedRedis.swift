//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCluster
import ParleyCore
import Synchronization

/// A ``SimulatedCluster`` for each turn, behind the ports that an engine uses: what nodes share, with the faults that a
/// test wants.
final class SimulatedRedis: Sendable {
    private struct State: Sendable {
        var turns: [TurnID: SimulatedCluster] = [:]
        var isUp = true
        var ahead = Duration.zero
        var calls: [String: Int] = [:]
    }

    private let state = Mutex(State())
    private let commands = InProcessCluster()

    var isUp: Bool {
        get { self.state.withLock { $0.isUp } }
        set {
            self.state.withLock { state in
                state.isUp = newValue
                for turn in state.turns.keys { state.turns[turn]?.isUp = newValue }
            }
        }
    }

    /// Leases grow older at once by this.
    func advance(by duration: Duration) {
        self.state.withLock { $0.ahead += duration }
    }

    func flush() {
        self.state.withLock { state in
            let now = Self.now(state)
            for turn in state.turns.keys { state.turns[turn]?.flush(now: now) }
        }
    }

    /// How often a port was called, by its name.
    func calls(_ name: String) -> Int {
        self.state.withLock { $0.calls[name, default: 0] }
    }

    func events(_ turn: TurnID) -> [TurnEvent] {
        self.state.withLock { $0.turns[turn]?.log.events ?? [] }
    }

    private static func now(_ state: State) -> ContinuousClock.Instant {
        ContinuousClock.now.advanced(by: state.ahead)
    }

    private func with<Value: Sendable>(
        _ turn: TurnID, _ name: String,
        _ body: (inout SimulatedCluster, ContinuousClock.Instant) -> Value
    ) -> Value {
        self.state.withLock { state in
            state.calls[name, default: 0] += 1
            var cluster = state.turns[turn] ?? SimulatedCluster(turnID: turn)
            cluster.isUp = state.isUp
            defer { state.turns[turn] = cluster }
            return body(&cluster, Self.now(state))
        }
    }

    private static func check(_ answer: SimulatedCluster.Answer) throws(ClusterError) {
        switch answer {
        case .done: return
        case .fenced: throw ClusterError(.fenced, "fenced")
        case .lost: throw ClusterError(.lost, "lost")
        case .away: throw ClusterError(.unavailable, "away")
        case .broken(let what): throw ClusterError(.gap, what)
        }
    }

    private func reach() throws(ClusterError) {
        guard self.isUp else { throw ClusterError(.unavailable, "away") }
    }
}

extension SimulatedRedis {
    /// What one of three nodes sees of it.
    struct View: Sendable {
        let redis: SimulatedRedis
        let index: Int

        var id: NodeID { NodeID("\(self.index)") }
    }
}

extension SimulatedRedis.View: LeaseStore {
    func acquire(turn: TurnID, node: NodeID, afterEpoch: Int) async throws(ClusterError) -> Lease? {
        try self.redis.reach()
        return self.redis.with(turn, "acquire") { $0.acquire(self.index, afterEpoch: afterEpoch, now: $1) }
    }

    func renew(_ lease: Lease) async throws(ClusterError) {
        try SimulatedRedis.check(self.redis.with(lease.turnID, "renew") { $0.renew(lease, self.index, now: $1) })
    }

    func restore(_ lease: Lease) async throws(ClusterError) {
        try SimulatedRedis.check(self.redis.with(lease.turnID, "restore") { $0.restore(lease, self.index, now: $1) })
    }

    func release(_ lease: Lease) async throws(ClusterError) {
        try self.redis.reach()
        self.redis.with(lease.turnID, "release") { cluster, _ in cluster.release(lease, self.index) }
    }

    func live(among turns: [TurnID]) async throws(ClusterError) -> Set<TurnID> {
        try self.redis.reach()
        return Set(turns.filter { self.redis.with($0, "live") { $0.isLive(now: $1) } })
    }

    func hasExpired() async throws(ClusterError) -> Bool {
        try self.redis.reach()
        return self.redis.state.withLock { state in
            state.turns.values.contains { $0.hasExpired(now: SimulatedRedis.now(state)) }
        }
    }

    func claimRound(_ name: String, for duration: Duration) async throws(ClusterError) -> Bool {
        try self.redis.reach()
        return true
    }
}

extension SimulatedRedis.View: AnswerLog {
    func append(_ events: [TurnEvent.Kind], firstSequence: Int, lease: Lease) async throws(ClusterError) {
        try SimulatedRedis.check(
            self.redis.with(lease.turnID, "append") { cluster, _ in
                cluster.append(events, firstSequence: firstSequence, lease, self.index)
            })
    }

    func read(turn: TurnID, after: EventID, limit: Int) async throws(ClusterError) -> AnswerLogPage {
        self.redis.with(turn, "read") { cluster, _ in
            cluster.tail(self.index)
            let mirror = cluster.mirrors[self.index]
            return AnswerLogPage(
                events: Array(mirror.events(after: after, limit: limit)), exists: !mirror.events.isEmpty)
        }
    }

    func waitForEvents(turn: TurnID, after: EventID, atMost: Duration) async throws(ClusterError) {
        // The waiting ends early, as it may, and the follower counts it as waited.
        try? await Task.sleep(for: .milliseconds(2))
    }
}

extension SimulatedRedis.View: TurnCommands {
    func requestStop(_ turn: TurnID) async throws(ClusterError) {
        try self.redis.reach()
        try await self.redis.commands.requestStop(turn)
    }

    func stopRequests() async -> AsyncStream<TurnID> {
        await self.redis.commands.stopRequests()
    }

    func announceFree(_ turn: TurnID) async throws(ClusterError) {
        try self.redis.reach()
        self.redis.with(turn, "announceFree") { _, _ in }
        try await self.redis.commands.announceFree(turn)
    }

    func freeTurns() async -> AsyncStream<TurnID> {
        await self.redis.commands.freeTurns()
    }
}
