//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
public import ParleyCore
import RedisClient
import Synchronization

extension RedisCluster: LeaseStore {
    /// - Throws: `.unavailable` also when the log that earlier epochs left cannot be read: who writes on must know it.
    public func acquire(turn: TurnID, node: NodeID, afterEpoch: Int) async throws(ClusterError) -> Lease? {
        let reply = try await self.ask { redis throws(RedisError) in
            try await redis.acquire(turn, node: node, afterEpoch: afterEpoch)
        }
        guard case .ok(_, let last, let epoch?) = reply else { return nil }
        let lease = Lease(turnID: turn, node: node, epoch: epoch)
        // Nobody else can append any more, so what is there now is all that earlier epochs said.
        if last > self.with(turn, { $0.mirror.visible }) {
            let isRead = await self.fetch(turn)
            guard isRead, last <= self.with(turn, { $0.mirror.visible }) else {
                self.with(turn) { $0.release = lease }
                try await self.release(lease)
                throw ClusterError(.unavailable, "the log of turn \(turn) could not be read")
            }
        }
        self.hold(lease, stored: last)
        self.with(turn) { $0.release = nil }
        return lease
    }

    private func hold(_ lease: Lease, stored last: EventID) {
        let now = self.clock.now
        self.with(lease.turnID) { record in
            record.mirror.take(lease, stored: last)
            record.isLost = false
            record.heldAt = now
        }
    }

    public func renew(_ lease: Lease) async throws(ClusterError) {
        let reply = try await self.ask { redis throws(RedisError) in try await redis.renew(lease) }
        try await self.took(reply, lease)
    }

    public func restore(_ lease: Lease) async throws(ClusterError) {
        let reply = try await self.ask { redis throws(RedisError) in try await redis.restore(lease) }
        if case .ok(_, let last, _) = reply {
            self.hold(lease, stored: last)
        }
        try await self.took(reply, lease)
    }

    /// What follows from an answer to the owner: how much Redis has, whether to stop, whether the turn is still ours.
    private func took(_ reply: TurnRedis.Reply, _ lease: Lease) async throws(ClusterError) {
        switch reply {
        case .ok(let stop, let last, _):
            let now = self.clock.now
            self.with(lease.turnID) { record in
                record.heldAt = now
                if record.mirror.lease == lease, last < record.mirror.stored {
                    record.mirror.found(last: last)
                }
            }
            if stop { self.stops.tell(lease.turnID) }
            try await self.catchUp(lease.turnID)
        case .lost:
            self.with(lease.turnID) { $0.isLost = true }
            throw self.lost(lease)
        case .fenced, .held, .gap:
            self.giveUp(lease)
            throw self.fenced(lease)
        }
    }

    public func release(_ lease: Lease) async throws(ClusterError) {
        let isLater = self.with(lease.turnID) { record in
            if record.isCatchingUp { record.release = lease }
            return record.isCatchingUp
        }
        guard !isLater else { return }
        do {
            _ = try await self.redis.release(lease)
        } catch {
            self.with(lease.turnID) { $0.release = lease }
            throw ClusterError(error)
        }
        self.with(lease.turnID) { record in
            if record.release == lease { record.release = nil }
        }
        self.giveUp(lease)
    }

    /// This node writes the turn no more; its readers follow whoever does.
    func giveUp(_ lease: Lease) {
        self.with(lease.turnID) { $0.mirror.give(lease) }
        self.readers.wake(lease.turnID)
    }

    public func live(among turns: [TurnID]) async throws(ClusterError) -> Set<TurnID> {
        var live: Set<TurnID> = []
        var rest = turns[...]
        while !rest.isEmpty {
            let some = rest.prefix(ClusterLimits.turnsPerQuestion)
            rest = rest.dropFirst(some.count)
            let answer = try await self.ask { redis throws(RedisError) in try await redis.live(among: some) }
            live.formUnion(answer.live)
            if self.isYoung(run: answer.run, age: answer.age) {
                live.formUnion(answer.unknown)
            }
        }
        return live
    }

    public func hasExpired() async throws(ClusterError) -> Bool {
        let answer = try await self.ask { redis throws(RedisError) in try await redis.hasExpired() }
        return answer.expired && !self.isYoung(run: answer.run, age: answer.age)
    }

    public func claimRound(_ name: String, for duration: Duration) async throws(ClusterError) -> Bool {
        try await self.ask { redis throws(RedisError) in
            try await redis.client.claimRound(redis.keys.round(name), for: duration)
        }
    }

    func isYoung(run: String, age: Duration) -> Bool {
        let now = self.clock.now
        return self.state.withLock { $0.age.isYoung(run: run, age: age, now: now) }
    }

    private func ask<Answer: Sendable>(
        _ question: @Sendable (TurnRedis) async throws(RedisError) -> Answer
    ) async throws(ClusterError) -> Answer {
        do {
            return try await question(self.redis)
        } catch {
            throw ClusterError(error)
        }
    }
}
