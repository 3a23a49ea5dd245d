//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
public import ParleyCore
import Synchronization

/// A queue of jobs that lives as long as the object, for tests of what works on jobs.
public final class InMemoryJobStore: JobStore {
    private struct Entry: Sendable {
        var job: Job
        var token: Int64 = 0
        var leaseEnd: Timestamp?

        /// `nil` when it has ended.
        var ticket: JobTicket? {
            switch self.job.state {
            case .waiting: self.job.ticket
            case .running: JobTicket(id: self.job.id, kind: self.job.kind, dueAt: self.leaseEnd ?? self.job.runAt)
            case .completed, .dead: nil
            }
        }
    }

    private struct State: Sendable {
        var entries: [Entry] = []
        var lastToken: Int64 = 0
        var isAway = false
        let added = Broadcast<[JobTicket]>(capacity: 10_000)

        func announce(_ job: Job) {
            self.added.tell([job.ticket])
        }
    }

    private let state = Mutex(State())

    public init() {}

    /// While true every call throws `.unavailable`.
    public func setAway(_ isAway: Bool) {
        self.state.withLock { $0.isAway = isAway }
    }

    /// All jobs in the order of their making.
    public var all: [Job] {
        self.state.withLock { $0.entries.map(\.job) }
    }

    private func change<Value: Sendable>(
        _ body: (inout State) throws(StoreError) -> Value
    ) throws(StoreError) -> Value {
        let result: Result<Value, StoreError> = self.state.withLock { state in
            guard !state.isAway else { return .failure(StoreError(.unavailable, "away")) }
            do throws(StoreError) {
                return .success(try body(&state))
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    /// Changes the job if the lease is still its own.
    private func change(
        _ lease: JobLease, now: Timestamp, _ body: (inout Entry) -> Void
    ) throws(StoreError) -> Bool {
        try self.change { state in
            let place = state.entries.firstIndex { $0.job.id == lease.job.id }
            guard let place, state.entries[place].token == lease.token, state.entries[place].job.state == .running
            else { return false }
            body(&state.entries[place])
            state.entries[place].job.updatedAt = now
            return true
        }
    }

    public func enqueue(_ new: NewJob) async throws(StoreError) -> (job: Job, isNew: Bool) {
        try self.change { state in
            let known = state.entries.first { entry in
                entry.job.dedupeKey == new.dedupeKey && (entry.job.state == .waiting || entry.job.state == .running)
            }
            if new.dedupeKey != nil, let known { return (known.job, false) }
            let job = Job(
                id: new.id, kind: new.kind, payload: new.payload, dedupeKey: new.dedupeKey, runAt: new.runAt,
                createdAt: new.runAt, updatedAt: new.runAt)
            state.entries.append(Entry(job: job))
            state.announce(job)
            return (job, true)
        }
    }

    public func claim(
        kinds: [JobKind], worker: NodeID, limit: Int, now: Timestamp
    ) async throws(StoreError) -> [JobLease] {
        try self.change { state in
            var leases: [JobLease] = []
            for place in state.entries.indices where leases.count < limit {
                guard kinds.contains(state.entries[place].job.kind) else { continue }
                if let lease = Self.lease(place, now: now, &state) { leases.append(lease) }
            }
            return leases
        }
    }

    public func claim(_ ids: [JobID], worker: NodeID, now: Timestamp) async throws(StoreError) -> JobClaim {
        try self.change { state in
            var claim = JobClaim()
            for id in ids {
                guard let place = state.entries.firstIndex(where: { $0.job.id == id }) else { continue }
                if let lease = Self.lease(place, now: now, &state) {
                    claim.leases.append(lease)
                } else if let ticket = state.entries[place].ticket {
                    claim.later.append(ticket)
                }
            }
            return claim
        }
    }

    /// Takes the job if it is due or lost.
    private static func lease(_ place: Int, now: Timestamp, _ state: inout State) -> JobLease? {
        var entry = state.entries[place]
        let isDue = entry.job.state == .waiting && entry.job.runAt <= now
        let isLost = entry.job.state == .running && (entry.leaseEnd ?? now) <= now
        guard isDue || isLost else { return nil }
        state.lastToken += 1
        entry.token = state.lastToken
        defer { state.entries[place] = entry }
        guard entry.job.deliveries < CoreLimits.jobDeliveries else {
            entry.job.state = .dead
            return nil
        }
        entry.job.state = .running
        entry.job.deliveries += 1
        entry.leaseEnd = now.advanced(by: CoreLimits.jobLeaseLife)
        return JobLease(job: entry.job, token: entry.token)
    }

    public func heartbeat(_ beats: [JobBeat], now: Timestamp) async throws(StoreError) -> [Bool] {
        var areOurs: [Bool] = []
        for beat in beats {
            let isOurs = try self.change(beat.lease, now: now) { entry in
                entry.leaseEnd = now.advanced(by: CoreLimits.jobLeaseLife)
                entry.job.progress = beat.progress ?? entry.job.progress
            }
            areOurs.append(isOurs)
        }
        return areOurs
    }

    public func complete(_ leases: [JobLease], now: Timestamp) async throws(StoreError) -> [Bool] {
        var areOurs: [Bool] = []
        for lease in leases {
            let isOurs = try self.change(lease, now: now) { entry in
                entry.job.state = .completed
                entry.job.progress = 1
            }
            areOurs.append(isOurs)
        }
        return areOurs
    }

    public func addedJobs() -> AsyncStream<[JobTicket]> {
        self.state.withLock { $0.added.listen() }
    }

    public func unfinishedJobs(after: Int64, limit: Int) async throws(StoreError) -> JobTicketPage {
        try self.change { state in
            let places = state.entries.indices.dropFirst(Int(after))
            let page = places.prefix(limit)
            return JobTicketPage(
                tickets: page.compactMap { state.entries[$0].ticket },
                next: places.count > limit ? Int64(page.endIndex) : nil)
        }
    }

    public func fail(
        _ lease: JobLease, error: String, retryable: Bool, now: Timestamp
    ) async throws(StoreError) -> Job? {
        let isOurs = try self.change(lease, now: now) { entry in
            entry.job.failures += 1
            // Whoever reports a failure has come back: only lost deliveries in a row count.
            entry.job.deliveries = 0
            entry.job.lastError = error
            let isDead = !retryable || entry.job.failures >= CoreLimits.jobFailures
            entry.job.state = isDead ? .dead : .waiting
            entry.job.runAt = now.advanced(by: JobBackoff.delay(failures: entry.job.failures, jitter: 0))
        }
        return isOurs ? self.all.first { $0.id == lease.job.id } : nil
    }

    public func handBack(_ lease: JobLease, now: Timestamp) async throws(StoreError) {
        _ = try self.change(lease, now: now) { entry in
            entry.job.state = .waiting
            entry.job.deliveries -= 1
        }
    }

    public func jobs(state: Job.State?, before: String?, limit: Int) async throws(StoreError) -> Page<Job> {
        let found = self.all.filter { state == nil || $0.state == state }.reversed()
        return Page(elements: Array(found.prefix(limit)), next: nil)
    }

    public func revive(_ id: JobID, now: Timestamp) async throws(StoreError) -> Job {
        try self.change { (state) throws(StoreError) in
            guard let place = state.entries.firstIndex(where: { $0.job.id == id }) else {
                throw StoreError(.notFound, "There is no such job.")
            }
            guard state.entries[place].job.state == .dead else { throw StoreError(.conflict, "It is not dead.") }
            state.entries[place].job.state = .waiting
            state.entries[place].job.runAt = now
            state.entries[place].job.deliveries = 0
            state.entries[place].job.failures = 0
            state.announce(state.entries[place].job)
            return state.entries[place].job
        }
    }

    public func discard(_ id: JobID) async throws(StoreError) {
        try self.change { $0.entries.removeAll { $0.job.id == id } }
    }

    public func jobFigures(now: Timestamp) async throws(StoreError) -> JobFigures {
        let jobs = self.all
        let due = jobs.filter { $0.state == .waiting && $0.runAt <= now }
        return JobFigures(
            waiting: jobs.count { $0.state == .waiting }, running: jobs.count { $0.state == .running },
            dead: jobs.count { $0.state == .dead },
            oldestWaitingMs: due.map { now.milliseconds - $0.runAt.milliseconds }.max() ?? 0)
    }

    public func purgeJobs(completedBefore: Timestamp) async throws(StoreError) {
        try self.change { state in
            state.entries.removeAll { $0.job.state == .completed && $0.job.updatedAt < completedBefore }
        }
    }
}
