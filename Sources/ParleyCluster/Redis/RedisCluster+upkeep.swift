//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Logging
import NIOCore
import ParleyCore
import RedisClient
public import ServiceLifecycle
import Synchronization

extension RedisCluster: Service {
    /// Follows the logs that are read here, hears stops, sends what is left over, and forgets what nobody needs, until
    /// cancelled.
    public func run() async throws {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.runErrands() }
            group.addTask { await self.hearCommands() }
            group.addTask { await self.watchRedis() }
            while (try? await self.clock.sleep(for: ClusterLimits.sweepInterval)) != nil {
                self.sweep()
            }
            group.cancelAll()
        }
    }

    private func runErrands() async {
        await withDiscardingTaskGroup { group in
            for await errand in self.errands {
                switch errand {
                case .fetch(let turn):
                    group.addTask {
                        await self.fetch(turn)
                        self.with(turn) { $0.isFetching = false }
                        self.fetches.wake(turn)
                    }
                case .follow(let turn):
                    group.addTask { await self.follow(turn) }
                }
            }
            group.cancelAll()
        }
    }

    private func hearCommands() async {
        let keys = self.redis.keys
        let hints = RedisHints(
            client: self.redis.client, channels: [keys.stops, keys.free], capacity: ClusterLimits.waitingTurns,
            logger: self.logger)
        await hints.read {
            // Of what was missed an owner learns with its next append or renewal, and a reaper in its round.
        } onMessage: { channel, payload in
            guard let turn = TurnID(String(buffer: payload)) else { return }
            (channel == keys.stops ? self.stops : self.frees).tell(turn)
        }
    }

    // MARK: Redis away and back

    func goAway(_ error: RedisError) {
        let isNew = self.state.withLock { state in
            defer { state.isAway = true }
            return !state.isAway
        }
        if isNew {
            self.logger.warning(
                "Redis does not answer; answers go on for readers of this node", metadata: ["error": "\(error)"])
        }
    }

    /// Asks Redis now and then whether it is there, and sends it what it lacks.
    private func watchRedis() async {
        while (try? await self.clock.sleep(
            for: self.isAway ? ClusterLimits.awayInterval : ClusterLimits.watchInterval)) != nil
        {
            do {
                let answer = try await self.redis.live(among: [TurnID](), patience: ClusterLimits.appendPatience)
                _ = self.isYoung(run: answer.run, age: answer.age)
            } catch {
                if !Task.isCancelled { self.goAway(error) }
                continue
            }
            let (wasAway, turns) = self.state.withLock { state -> (Bool, [TurnID]) in
                defer { state.isAway = false }
                let turns = state.records.filter { $0.value.mirror.hasUnsent || $0.value.release != nil }
                return (state.isAway, Array(turns.keys))
            }
            if wasAway {
                self.logger.notice("Redis answers again", metadata: ["turns to send": "\(turns.count)"])
            }
            await self.sendLeftovers(turns)
        }
    }

    private func sendLeftovers(_ turns: [TurnID]) async {
        await withTaskGroup(of: Void.self) { group in
            for (index, turn) in turns.enumerated() {
                if index >= ClusterLimits.turnsCaughtUpAtOnce { await group.next() }
                group.addTask {
                    // An owner that was refused, or whose turn is not known, hears of it with its next append.
                    try? await self.catchUp(turn)
                    if let lease = self.with(turn, { $0.mirror.hasUnsent ? nil : $0.release }) {
                        try? await self.release(lease)
                    }
                }
            }
        }
    }

    // MARK: Following logs

    /// Reads what Redis has after what is visible here.
    ///
    /// - Returns: whether that was read to its end.
    @discardableResult
    func fetch(_ turn: TurnID) async -> Bool {
        let limit = ClusterLimits.eventsPerRead
        for _ in 0...(CoreLimits.logEventsPerTurn / limit) {
            let after = self.with(turn) { $0.mirror.visible }
            guard let events = try? await self.redis.events(turn, after: after, limit: limit) else { return false }
            guard let isShown = self.with(turn, { $0.mirror.merge(events) }) else {
                self.logger.warning(
                    "a log in Redis lacks events", metadata: ["turn": "\(turn)", "after": "\(after)"])
                return false
            }
            if isShown { self.readers.wake(turn) }
            if events.count < limit { return true }
        }
        return false
    }

    /// Follows a log for as long as somebody reads it here: at each hint, and at least every second.
    private func follow(_ turn: TurnID) async {
        let signal = Signal()
        signal.send()
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.hearNews(of: turn, signal) }
            group.addTask {
                while (try? await self.clock.sleep(for: ClusterLimits.tailInterval)) != nil {
                    signal.send()
                }
            }
            for await _ in signal.stream {
                let isRead = await self.fetch(turn)
                if self.isTailOver(turn, isRead: isRead) { break }
            }
            group.cancelAll()
        }
        self.endTail(turn)
    }

    private func hearNews(of turn: TurnID, _ signal: Signal) async {
        let hints = RedisHints(
            client: self.redis.client, channels: [self.redis.keys.news(turn)], capacity: ClusterLimits.waitingNews,
            logger: self.logger)
        await hints.read {
            signal.send()
        } onMessage: { _, payload in
            if let last = EventID(String(buffer: payload)), last <= self.with(turn, { $0.mirror.visible }) { return }
            signal.send()
        }
    }

    private func isTailOver(_ turn: TurnID, isRead: Bool) -> Bool {
        let hasReaders = self.readers.hasWaiters(turn)
        let now = self.clock.now
        return self.state.withLock { state in
            if isRead { state.records[turn]?.tail = .following }
            guard let record = state.records[turn] else { return true }
            if record.mirror.isFinished || record.isOwner(at: now) { return true }
            guard !hasReaders, let wantedAt = record.wantedAt else { return !hasReaders }
            return wantedAt.duration(to: now) > ClusterLimits.tailLife
        }
    }

    func endTail(_ turn: TurnID) {
        self.state.withLock { state in
            guard state.records[turn].map({ $0.tail != .none }) ?? false else { return }
            state.records[turn]?.tail = .none
            state.tails -= 1
        }
        self.readers.wake(turn)
    }

    // MARK: Forgetting

    /// One round of upkeep.
    func sweep() {
        let now = self.clock.now
        self.readers.endDue(now: now)
        self.fetches.endDue(now: now)
        self.senders.endDue(now: now)
        self.state.withLock { state in
            for (turn, record) in state.records where record.isOver(now) {
                state.records[turn] = nil
            }
            var bytes = state.records.values.reduce(0) { $0 + $1.mirror.bytes }
            guard bytes > ClusterLimits.mirrorBytes else { return }
            for (turn, record) in state.records.sorted(by: { $0.value.usedAt < $1.value.usedAt })
            where record.mirror.lease == nil && record.tail == .none && record.release == nil {
                bytes -= record.mirror.bytes
                state.records[turn] = nil
                if bytes <= ClusterLimits.mirrorBytes { break }
            }
        }
    }
}

extension RedisCluster.Record {
    fileprivate func isOver(_ now: ContinuousClock.Instant) -> Bool {
        let idle = self.usedAt.duration(to: now)
        guard self.tail == .none, !self.isFetching, self.sending == 0 else { return false }
        // What Redis never got is kept for an owner that comes back to it; then the database has the answer.
        if self.mirror.lease != nil || self.release != nil { return idle > ClusterLimits.abandonedLogLife }
        return idle > ClusterLimits.mirrorLife
    }
}
