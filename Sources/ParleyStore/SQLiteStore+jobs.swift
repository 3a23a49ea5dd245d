//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import GRDB
public import ParleyCore

/// The queue of background work. A worker's token is checked in every statement that changes a running job.
extension SQLiteStore: JobStore {
    public func enqueue(_ job: NewJob) async throws(StoreError) -> (job: Job, isNew: Bool) {
        try await self.write { db in
            try JobRow.insert(job, db)
        }
    }

    /// Nothing is written, and nobody held up, while nothing is due.
    public func claim(
        kinds: [JobKind], worker: NodeID, limit: Int, now: Timestamp
    ) async throws(StoreError) -> [JobLease] {
        let limit = min(max(limit, 1), StoreLimits.claimedJobs)
        let isAnyDue = try await self.read { db in
            try !Self.due(kinds, limit: 1, now: now, db).isEmpty || !Self.lost(kinds, now: now, db).isEmpty
        }
        guard isAnyDue else { return [] }
        return try await self.write { db in
            var candidates: [JobRow] = []
            for row in try Self.lost(kinds, now: now, db) {
                if row.job.deliveries - row.job.failures >= CoreLimits.jobDeliveries {
                    try Self.setAside(row, at: now, db)
                } else {
                    candidates.append(row)
                }
            }
            candidates += try Self.due(kinds, limit: limit, now: now, db)
            candidates.sort { ($0.job.runAt, $0.row) < ($1.job.runAt, $1.row) }
            return try candidates.prefix(limit).map { try Self.lease($0, to: worker, now: now, db) }
        }
    }

    public func claim(_ ids: [JobID], worker: NodeID, now: Timestamp) async throws(StoreError) -> JobClaim {
        try await self.each(ids) { id, db in try Self.take(id, for: worker, now: now, db) }
            .reduce(into: JobClaim()) { claim, taken in
                switch taken {
                case .lease(let lease): claim.leases.append(lease)
                case .later(let ticket): claim.later.append(ticket)
                case .gone: break
                }
            }
    }

    private enum Taken: Sendable {
        case lease(JobLease)
        case later(JobTicket)
        case gone
    }

    private static func take(
        _ id: JobID, for worker: NodeID, now: Timestamp, _ db: Database
    ) throws -> Taken {
        // One statement for what is by far the most common.
        let taken = try db.first(
            """
            UPDATE jobs SET state = 'running', token = token + 1, deliveries = deliveries + 1, worker = ?1,
                lease_end = ?2, updated = ?3
            WHERE id = ?4 AND state = 'waiting' AND run_at <= ?3 RETURNING \(JobRow.columns)
            """,
            [
                worker.name.storable, now.advanced(by: CoreLimits.jobLeaseLife).milliseconds, now.milliseconds,
                id.blob,
            ], JobRow.init)
        if let taken {
            try taken.setDocument(.indexing, at: now, db)
            return .lease(JobLease(job: taken.job, token: taken.token))
        }
        guard let other = try db.first(Self.unfinishedJob, [id.blob]) else { return .gone }
        let found = try JobRow(other)
        var ticket = found.job.ticket
        guard found.job.state == .running else { return .later(ticket) }
        if let end = try db.integer("SELECT lease_end FROM jobs WHERE row = ?", [found.row]), end > now.milliseconds {
            ticket.dueAt = Timestamp(milliseconds: end)
            return .later(ticket)
        }
        guard found.job.deliveries - found.job.failures < CoreLimits.jobDeliveries else {
            try Self.setAside(found, at: now, db)
            return .gone
        }
        return .lease(try Self.lease(found, to: worker, now: now, db))
    }

    static let unfinishedJob = "SELECT \(JobRow.columns) FROM jobs WHERE id = ? AND state IN ('waiting', 'running')"

    private static func due(
        _ kinds: [JobKind], limit: Int, now: Timestamp, _ db: Database
    ) throws -> [JobRow] {
        try Set(kinds).flatMap { kind in
            try db.rows(Self.dueJobs, [kind.rawValue, now.milliseconds, limit]).map(JobRow.init)
        }
    }

    static let dueJobs = """
        SELECT \(JobRow.columns) FROM jobs WHERE state = 'waiting' AND kind = ? AND run_at <= ?
        ORDER BY run_at, row LIMIT ?
        """

    /// Running jobs whose lease has run out.
    private static func lost(_ kinds: [JobKind], now: Timestamp, _ db: Database) throws -> [JobRow] {
        try Set(kinds).flatMap { kind in
            try db.rows(Self.lostJobs, [kind.rawValue, now.milliseconds, StoreLimits.claimedJobs]).map(JobRow.init)
        }
    }

    static let lostJobs = """
        SELECT \(JobRow.columns) FROM jobs WHERE state = 'running' AND kind = ? AND lease_end <= ?
        ORDER BY lease_end LIMIT ?
        """

    private static func lease(
        _ found: JobRow, to worker: NodeID, now: Timestamp, _ db: Database
    ) throws -> JobLease {
        let row = try db.first(
            """
            UPDATE jobs SET state = 'running', token = token + 1, deliveries = deliveries + 1, worker = ?,
                lease_end = ?, updated = ?
            WHERE row = ? RETURNING \(JobRow.columns)
            """,
            [
                worker.name.storable, now.advanced(by: CoreLimits.jobLeaseLife).milliseconds, now.milliseconds,
                found.row,
            ])
        guard let row else { throw StoreError(.internal, "The job could not be taken.") }
        let taken = try JobRow(row)
        try taken.setDocument(.indexing, at: now, db)
        return JobLease(job: taken.job, token: taken.token)
    }

    /// Puts a job into the dead set whose worker died with it too often.
    private static func setAside(_ row: JobRow, at now: Timestamp, _ db: Database) throws {
        let times = CoreLimits.jobDeliveries == 3 ? "three" : "\(CoreLimits.jobDeliveries)"
        try db.run(
            """
            UPDATE jobs SET state = 'dead', last_error = ?, lease_end = NULL, token = token + 1, updated = ?
            WHERE row = ?
            """, ["The worker process died \(times) times on this job.", now.milliseconds, row.row])
        if let version = row.version {
            let reason = "The reader process died \(times) times on this document."
            try Self.fail(version, reason: reason, at: now, db)
        }
    }

    public func heartbeat(_ beats: [JobBeat], now: Timestamp) async throws(StoreError) -> [Bool] {
        try await self.each(beats) { beat, db in
            try db.run(
                """
                UPDATE jobs SET lease_end = max(lease_end, ?), progress = coalesce(?, progress), updated = ?
                WHERE id = ? AND state = 'running' AND token = ?
                """,
                [
                    now.advanced(by: CoreLimits.jobLeaseLife).milliseconds,
                    beat.progress.map { min(max($0, 0), 1) }, now.milliseconds, beat.lease.job.id.blob,
                    beat.lease.token,
                ])
            return db.changesCount == 1
        }
    }

    public func complete(_ leases: [JobLease], now: Timestamp) async throws(StoreError) -> [Bool] {
        try await self.each(leases) { lease, db in
            try db.run(
                """
                UPDATE jobs SET state = 'completed', progress = 1, lease_end = NULL, updated = ?
                WHERE id = ? AND state = 'running' AND token = ?
                """, [now.milliseconds, lease.job.id.blob, lease.token])
            return db.changesCount == 1
        }
    }

    /// Does the same to each element, as many in one commit as ``StoreLimits/jobsPerCommit``.
    private func each<Element: Sendable, Value: Sendable>(
        _ elements: [Element], _ body: @escaping @Sendable (Element, Database) throws -> Value
    ) async throws(StoreError) -> [Value] {
        var values: [Value] = []
        var rest = elements[...]
        while !rest.isEmpty {
            let part = rest.prefix(StoreLimits.jobsPerCommit)
            rest = rest.dropFirst(part.count)
            values += try await self.write { db in try part.map { try body($0, db) } }
        }
        return values
    }

    public func fail(
        _ lease: JobLease, error: String, retryable: Bool, now: Timestamp
    ) async throws(StoreError) -> Job? {
        let error = String(error.unicodeScalars.prefix(StoreLimits.jobErrorScalars)).storable
        let jitter = self.jitter()
        return try await self.write { db in
            guard let found = try Self.held(lease, db) else { return nil }
            let failures = found.job.failures + 1
            let isRetried = retryable && failures < CoreLimits.jobFailures
            let delay = JobBackoff.delay(failures: failures, jitter: jitter)
            try db.run(
                """
                UPDATE jobs SET state = ?, failures = ?, last_error = ?, run_at = ?, lease_end = NULL, updated = ?
                WHERE row = ?
                """,
                [
                    isRetried ? "waiting" : "dead", failures, error,
                    (isRetried ? now.advanced(by: delay) : found.job.runAt).milliseconds, now.milliseconds, found.row,
                ])
            if isRetried {
                try found.setDocument(.pending, at: now, db)
            } else if let version = found.version {
                try Self.fail(version, reason: error, at: now, db)
            }
            return try JobRow.find(lease.job.id, db).job
        }
    }

    /// The job, if the lease holds it.
    private static func held(_ lease: JobLease, _ db: Database) throws -> JobRow? {
        try db.first(
            "SELECT \(JobRow.columns) FROM jobs WHERE id = ? AND state = 'running' AND token = ?",
            [lease.job.id.blob, lease.token]
        ).map(JobRow.init)
    }

    public func handBack(_ lease: JobLease, now: Timestamp) async throws(StoreError) {
        try await self.write { db in
            guard let found = try Self.held(lease, db) else { return }
            try db.run(
                """
                UPDATE jobs SET state = 'waiting', deliveries = max(deliveries - 1, 0), lease_end = NULL, updated = ?
                WHERE row = ?
                """, [now.milliseconds, found.row])
            try found.setDocument(.pending, at: now, db)
        }
    }

    // MARK: For the queue of ids

    public func addedJobs() -> AsyncStream<[JobTicket]> {
        self.jobAnnouncer.listen()
    }

    public func unfinishedJobs(after: Int64, limit: Int) async throws(StoreError) -> JobTicketPage {
        let limit = min(max(limit, 1), StoreLimits.feedElements)
        return try await self.read { db in
            let rows = try [Self.waitingJobs, Self.runningJobs].flatMap { try db.rows($0, [after, limit + 1]) }
                .sorted { ($0[0] as Int64) < ($1[0] as Int64) }
            let page = rows.prefix(limit)
            return JobTicketPage(
                tickets: page.compactMap(JobRow.ticket), next: rows.count > limit ? page.last?[0] : nil)
        }
    }

    static let waitingJobs = """
        SELECT row, id, kind, run_at FROM jobs INDEXED BY jobs_by_state
        WHERE state = 'waiting' AND row > ? ORDER BY row LIMIT ?
        """

    static let runningJobs = """
        SELECT row, id, kind, coalesce(lease_end, 0) FROM jobs INDEXED BY jobs_by_state
        WHERE state = 'running' AND row > ? ORDER BY row LIMIT ?
        """

    // MARK: For operators

    public func jobs(
        state: Job.State?, before: String?, limit: Int
    ) async throws(StoreError) -> Page<Job> {
        let limit = Self.clamped(limit)
        var end = Int64.max
        if let before {
            guard case .job(let row) = try PageCursor(before) else {
                throw StoreError(.invalid, "The cursor is of another list.")
            }
            end = row
        }
        return try await self.read { [end] db in
            let rows =
                if let state {
                    try db.rows(Self.jobsInState, [state.rawValue, end, limit + 1])
                } else {
                    try db.rows(Self.jobsInOrder, [end, limit + 1])
                }
            let found = try rows.map(JobRow.init)
            let page = found.prefix(limit)
            return Page(
                elements: page.map(\.job),
                next: found.count > limit ? page.last.map { PageCursor.job($0.row).text } : nil)
        }
    }

    static let jobsInOrder = "SELECT \(JobRow.columns) FROM jobs WHERE row < ? ORDER BY row DESC LIMIT ?"

    static let jobsInState = """
        SELECT \(JobRow.columns) FROM jobs WHERE state = ? AND row < ? ORDER BY row DESC LIMIT ?
        """

    public func revive(_ id: JobID, now: Timestamp) async throws(StoreError) -> Job {
        let job = try await self.write { db in
            let found = try JobRow.find(id, db)
            guard found.job.state == .dead else {
                throw StoreError(.conflict, "Only a job that was set aside can be tried again.")
            }
            if let key = found.job.dedupeKey, try db.first(JobRow.unfinished, [key]) != nil {
                throw StoreError(.conflict, "The same work is in the queue already.")
            }
            try db.run(
                """
                UPDATE jobs SET state = 'waiting', run_at = ?1, deliveries = 0, failures = 0, progress = 0,
                    updated = ?1
                WHERE row = ?2
                """, [now.milliseconds, found.row])
            try found.setDocument(.pending, at: now, db)
            return try JobRow.find(id, db).job
        }
        self.jobAnnouncer.announce([job.ticket])
        return job
    }

    /// - Throws: `.notFound`; `.conflict` when it runs.
    public func discard(_ id: JobID) async throws(StoreError) {
        try await self.write { db in
            let found = try JobRow.find(id, db)
            guard found.job.state != .running else {
                throw StoreError(.conflict, "The job is running.")
            }
            try db.run("DELETE FROM jobs WHERE row = ?", [found.row])
            if found.job.state == .waiting, let version = found.version {
                try Self.fail(version, reason: "Its reading was cancelled.", at: .now(), db)
            }
        }
    }

    public func jobFigures(now: Timestamp) async throws(StoreError) -> JobFigures {
        try await self.read { db in
            func count(_ state: Job.State) throws -> Int {
                Int(try db.integer("SELECT count(*) FROM jobs WHERE state = ?", [state.rawValue]) ?? 0)
            }
            let oldest = try JobKind.allCases.compactMap { kind in
                try db.integer(
                    "SELECT min(run_at) FROM jobs WHERE state = 'waiting' AND kind = ? AND run_at <= ?",
                    [kind.rawValue, now.milliseconds])
            }.min()
            return JobFigures(
                waiting: try count(.waiting), running: try count(.running), dead: try count(.dead),
                oldestWaitingMs: oldest.map { now.milliseconds - $0 } ?? 0)
        }
    }

    public func purgeJobs(completedBefore end: Timestamp) async throws(StoreError) {
        try await self.write { db in
            try db.run(
                """
                DELETE FROM jobs WHERE row IN (
                    SELECT row FROM jobs INDEXED BY jobs_completed
                    WHERE state = 'completed' AND updated < ? ORDER BY updated LIMIT ?)
                """, [end.milliseconds, StoreLimits.purgedJobsPerCommit])
        }
    }
}
