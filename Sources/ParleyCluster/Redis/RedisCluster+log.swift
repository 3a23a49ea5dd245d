//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Logging
public import ParleyCore
import RedisClient
import Synchronization

extension RedisCluster: AnswerLog {
    public func append(
        _ events: [TurnEvent.Kind], firstSequence: Int, lease: Lease
    ) async throws(ClusterError) {
        let turn = lease.turnID
        let now = self.clock.now
        let (result, isAway) = self.state.withLock { state -> (TurnLog.Append, Bool) in
            let isAway = state.isAway
            let result = state.records[turn, default: Record(turn, now: now)].append(
                events, firstSequence: firstSequence, lease: lease, isAway: isAway, now: now)
            return (result, isAway)
        }
        switch result {
        case .appended: break
        case .fenced: throw self.fenced(lease)
        case .gap: throw ClusterError(.gap, "event \(lease.epoch)-\(firstSequence) would leave a hole")
        case .full: throw ClusterError(.full, "the log of turn \(turn) is full")
        }
        if isAway {
            self.readers.wake(turn)
        } else {
            try await self.sendOwn(lease, until: now.advanced(by: ClusterLimits.appendPatience))
        }
    }

    /// Sends what an append added, or lets whoever sends what was left over do it, and hears how that went.
    private func sendOwn(_ lease: Lease, until deadline: Instant) async throws(ClusterError) {
        let turn = lease.turnID
        if self.with(turn, { $0.isCatchingUp }) {
            await self.senders.wait(for: turn, until: deadline) {
                self.with(turn) { !$0.isCatchingUp }
            }
        }
        let isLeft = self.with(turn) { $0.mirror.hasUnsent && !$0.isCatchingUp }
        if isLeft { try await self.send(turn) }
        // Somebody else may have been told meanwhile that the turn is no longer ours.
        guard self.with(turn, { $0.mirror.lease == lease }) else { throw self.fenced(lease) }
    }

    /// Sends what Redis lacks. If Redis does not answer, readers of this node get it now and Redis later.
    func send(_ turn: TurnID) async throws(ClusterError) {
        self.with(turn) { $0.sending += 1 }
        defer { self.with(turn) { $0.sending -= 1 } }
        var gaps = 0
        while let batch = self.with(turn, { $0.mirror.unsent() }) {
            let reply: TurnRedis.Reply
            do {
                reply = try await self.trySending(batch)
            } catch {
                guard !Task.isCancelled else { throw ClusterError(error) }
                self.goAway(error)
                if self.with(turn, { $0.mirror.show() }) { self.readers.wake(turn) }
                return
            }
            switch reply {
            case .ok(let stop, let last, _):
                if self.with(turn, { $0.mirror.accepted(upTo: last) }) { self.readers.wake(turn) }
                if stop { self.stops.tell(turn) }
            case .gap(let last) where gaps < CoreLimits.turnAttempts:
                gaps += 1
                self.logger.notice("Redis lost the end of a log", metadata: ["turn": "\(turn)", "last": "\(last)"])
                self.with(turn) { $0.mirror.found(last: last) }
            case .gap: throw ClusterError(.gap, "the log of turn \(turn) in Redis and here do not meet")
            case .lost:
                self.with(turn) { $0.isLost = true }
                throw self.lost(batch.lease)
            case .fenced, .held:
                self.giveUp(batch.lease)
                throw self.fenced(batch.lease)
            }
        }
    }

    /// An append may be repeated: what is there already is skipped. So a connection that breaks costs one more try.
    private func trySending(_ batch: TurnMirror.Batch) async throws(RedisError) -> TurnRedis.Reply {
        do {
            return try await self.redis.append(batch)
        } catch {
            guard error.code == .closed, !Task.isCancelled else { throw error }
        }
        return try await self.redis.append(batch)
    }

    /// Sends what was left over, alone: appends meanwhile leave their events to this.
    func catchUp(_ turn: TurnID) async throws(ClusterError) {
        let begins = self.with(turn) { record in
            guard record.mirror.hasUnsent, !record.isCatchingUp, record.sending == 0, !record.isLost else {
                return false
            }
            record.isCatchingUp = true
            return true
        }
        guard begins else { return }
        defer { self.senders.wake(turn) }
        do {
            var goesOn = true
            while goesOn {
                try await self.send(turn)
                let isAway = self.isAway
                goesOn = self.with(turn) { record in
                    record.isCatchingUp = record.mirror.hasUnsent && !isAway
                    return record.isCatchingUp
                }
            }
        } catch {
            self.with(turn) { $0.isCatchingUp = false }
            throw error
        }
        if let lease = self.with(turn, { $0.release }) {
            try await self.release(lease)
        }
    }

    public func read(turn: TurnID, after: EventID, limit: Int) async throws(ClusterError) -> AnswerLogPage {
        let isAway = self.isAway
        let now = self.clock.now
        let (waits, asks) = self.with(turn) { $0.beginReading(isAway: isAway, now: now) }
        if asks, !self.add(.fetch(turn)) {
            self.with(turn) { $0.isFetching = false }
        } else if waits {
            // Read by a task of this node: a reader that goes away must not cut off a command that others wait for.
            let deadline = self.clock.now.advanced(by: ClusterLimits.commandPatience)
            await self.fetches.wait(for: turn, until: deadline) {
                self.with(turn) { !$0.isFetching }
            }
        }
        return self.with(turn) { $0.mirror.page(after: after, limit: min(limit, ClusterLimits.eventsPerRead)) }
    }

    public func waitForEvents(turn: TurnID, after: EventID, atMost: Duration) async throws(ClusterError) {
        let now = self.clock.now
        let (isFed, begins) = self.state.withLock { state -> (Bool, Bool) in
            let begins = state.records[turn, default: Record(turn, now: now)].want(
                at: now, mayFollow: state.tails < ClusterLimits.tails)
            state.tails += begins ? 1 : 0
            return (state.records[turn]?.isFed(at: now) ?? false, begins)
        }
        if begins, !self.add(.follow(turn)) {
            self.endTail(turn)
        }
        let patience = isFed ? atMost : min(atMost, ClusterLimits.tailInterval)
        await self.readers.wait(for: turn, until: now.advanced(by: patience)) {
            self.with(turn) { $0.mirror.visible > after }
        }
    }

    private func add(_ errand: Errand) -> Bool {
        if case .enqueued = self.addErrand.yield(errand) { true } else { false }
    }
}

extension RedisCluster.Record {
    /// Whether news come by themselves: this node writes the turn or follows it, or nothing will come.
    fileprivate func isFed(at now: ContinuousClock.Instant) -> Bool {
        self.isOwner(at: now) || self.tail != .none || self.mirror.isFinished
    }

    /// While Redis is away readers have it at once.
    fileprivate mutating func append(
        _ events: [TurnEvent.Kind], firstSequence: Int, lease: Lease, isAway: Bool, now: ContinuousClock.Instant
    ) -> TurnLog.Append {
        self.usedAt = now
        self.heldAt = now
        let result = self.mirror.append(events, firstSequence: firstSequence, lease: lease)
        if case .appended = result, isAway { _ = self.mirror.show() }
        return result
    }

    /// - Returns: whether the log must be read from Redis first, and whether nobody does that yet.
    fileprivate mutating func beginReading(isAway: Bool, now: ContinuousClock.Instant) -> (waits: Bool, asks: Bool) {
        guard !self.isOwner(at: now), self.tail != .following, !self.mirror.isFinished, !isAway else {
            return (false, false)
        }
        defer { self.isFetching = true }
        return (true, !self.isFetching)
    }

    /// - Returns: whether the log must be followed from now on.
    fileprivate mutating func want(at now: ContinuousClock.Instant, mayFollow: Bool) -> Bool {
        self.usedAt = now
        self.wantedAt = now
        guard !self.isFed(at: now), mayFollow else { return false }
        self.tail = .starting
        return true
    }
}
