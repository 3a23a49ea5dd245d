//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// Background work with a lease, retries and a dead set.
public struct Job: Hashable, Sendable {
    public enum State: String, Sendable, Codable {
        case waiting
        case running
        case completed
        /// Set aside: too many failures, or its worker died with it too often.
        case dead
    }

    public var id: JobID
    /// What kind of work: it chooses the handler.
    public var kind: JobKind
    /// JSON that the handler reads.
    public var payload: String
    /// At most one unfinished job has this key.
    public var dedupeKey: String?
    public var state: State
    /// Not before this time.
    public var runAt: Timestamp
    /// How often it was handed to a worker.
    public var deliveries: Int
    /// How often a worker reported a failure.
    public var failures: Int
    public var lastError: String?
    /// From 0 to 1.
    public var progress: Double
    public var createdAt: Timestamp
    public var updatedAt: Timestamp

    public init(
        id: JobID, kind: JobKind, payload: String, dedupeKey: String?, state: State = .waiting, runAt: Timestamp,
        deliveries: Int = 0, failures: Int = 0, lastError: String? = nil, progress: Double = 0,
        createdAt: Timestamp, updatedAt: Timestamp
    ) {
        self.id = id
        self.kind = kind
        self.payload = payload
        self.dedupeKey = dedupeKey
        self.state = state
        self.runAt = runAt
        self.deliveries = deliveries
        self.failures = failures
        self.lastError = lastError
        self.progress = progress
        self.createdAt = createdAt
        self.updatedAt = updatedAt
    }
}

/// The kinds of background work.
public enum JobKind: String, Sendable, Codable, CaseIterable {
    /// Reads one version of a document: the payload is a `DocumentVersion`.
    case readDocument = "document.read"
    /// Sums up the older part of a conversation.
    case summarise = "conversation.summarise"
    /// Looks for facts worth keeping in a finished exchange.
    case remember = "memory.extract"
}

/// A job to enqueue.
public struct NewJob: Hashable, Sendable {
    public var id: JobID
    public var kind: JobKind
    public var payload: String
    public var dedupeKey: String?
    public var runAt: Timestamp

    public init(id: JobID = .generate(), kind: JobKind, payload: String, dedupeKey: String? = nil, runAt: Timestamp) {
        self.id = id
        self.kind = kind
        self.payload = payload
        self.dedupeKey = dedupeKey
        self.runAt = runAt
    }
}

/// A job in a worker's hands. The token is checked at every step, so a worker that was given up cannot change it.
public struct JobLease: Hashable, Sendable {
    public var job: Job
    public var token: Int64

    public init(job: Job, token: Int64) {
        self.job = job
        self.token = token
    }
}

/// What became of jobs that a worker asked for by their ids.
public struct JobClaim: Hashable, Sendable {
    public var leases: [JobLease]
    /// Those to come back to, and when: not due yet, or another worker's until then. What is neither here nor in
    /// ``leases`` is no work any more.
    public var later: [JobTicket]

    public init(leases: [JobLease] = [], later: [JobTicket] = []) {
        self.leases = leases
        self.later = later
    }
}

/// A sign of life of a worker about one job.
public struct JobBeat: Hashable, Sendable {
    public var lease: JobLease
    /// From 0 to 1; `nil` leaves it.
    public var progress: Double?

    public init(_ lease: JobLease, progress: Double? = nil) {
        self.lease = lease
        self.progress = progress
    }
}

/// Unfinished jobs in the order of their rows, for the reconciliation of a ``JobQueue``.
public struct JobTicketPage: Hashable, Sendable {
    /// A job that runs is due when its lease ends.
    public var tickets: [JobTicket]
    /// Where the next page begins; `nil` after the last.
    public var next: Int64?

    public init(tickets: [JobTicket], next: Int64?) {
        self.tickets = tickets
        self.next = next
    }
}

/// The durable rows of background work. Every implementation passes one contract test suite.
public protocol JobStore: Sendable {
    /// - Returns: the job, or the unfinished one that has the same dedupe key.
    func enqueue(_ job: NewJob) async throws(StoreError) -> (job: Job, isNew: Bool)

    /// Takes jobs that are due, oldest first, and those whose lease has run out. One that was delivered
    /// `CoreLimits.jobDeliveries` times and never came back is set aside instead.
    func claim(
        kinds: [JobKind], worker: NodeID, limit: Int, now: Timestamp
    ) async throws(StoreError) -> [JobLease]

    /// Takes those of these jobs that are due or whose lease has run out, all in one commit. As above, one that never
    /// came back too often is set aside.
    func claim(_ ids: [JobID], worker: NodeID, now: Timestamp) async throws(StoreError) -> JobClaim

    /// Extends leases by `CoreLimits.jobLeaseLife`, all in one commit.
    ///
    /// - Returns: for each, false when the lease is lost or the job cancelled: the worker stops.
    func heartbeat(_ beats: [JobBeat], now: Timestamp) async throws(StoreError) -> [Bool]

    /// Ends jobs, all in one commit.
    ///
    /// - Returns: for each, false when the lease is lost.
    func complete(_ leases: [JobLease], now: Timestamp) async throws(StoreError) -> [Bool]

    /// Counts a failure: again after `failures⁴ + 15 s` and jitter, or into the dead set after
    /// `CoreLimits.jobFailures`, or at once when it is not `retryable`.
    ///
    /// - Returns: the job as it is now; `nil` when the lease is lost.
    func fail(
        _ lease: JobLease, error: String, retryable: Bool, now: Timestamp
    ) async throws(StoreError) -> Job?

    /// Hands a job back without counting the delivery, for a node that drains.
    func handBack(_ lease: JobLease, now: Timestamp) async throws(StoreError)

    /// Jobs that this process puts into the store or back into it from now on, each after its commit, for as long as
    /// the sequence is read. A slow reader misses the oldest.
    func addedJobs() -> AsyncStream<[JobTicket]>

    /// Jobs that wait or run, in the order of their rows.
    ///
    /// - Parameter after: where the page before ended; 0 for the first.
    func unfinishedJobs(after: Int64, limit: Int) async throws(StoreError) -> JobTicketPage

    /// Newest first.
    func jobs(state: Job.State?, before: String?, limit: Int) async throws(StoreError) -> Page<Job>

    /// Puts a dead job back into the queue.
    ///
    /// - Throws: `.notFound`; `.conflict` when it is not dead.
    func revive(_ id: JobID, now: Timestamp) async throws(StoreError) -> Job

    /// Removes a job that is not running.
    func discard(_ id: JobID) async throws(StoreError)

    func jobFigures(now: Timestamp) async throws(StoreError) -> JobFigures

    /// Removes completed jobs that ended before this time, at most a batch.
    func purgeJobs(completedBefore: Timestamp) async throws(StoreError)
}

extension JobStore {
    /// ``heartbeat(_:now:)`` of one job.
    public func heartbeat(_ lease: JobLease, progress: Double?, now: Timestamp) async throws(StoreError) -> Bool {
        try await self.heartbeat([JobBeat(lease, progress: progress)], now: now).first ?? false
    }

    /// ``complete(_:now:)`` of one job.
    public func complete(_ lease: JobLease, now: Timestamp) async throws(StoreError) -> Bool {
        try await self.complete([lease], now: now).first ?? false
    }
}

/// The state of the rows, for metrics and operators.
public struct JobFigures: Hashable, Sendable {
    public var waiting: Int
    public var running: Int
    public var dead: Int
    /// How long the oldest job that is due has waited, in milliseconds.
    public var oldestWaitingMs: Int64

    public init(waiting: Int, running: Int, dead: Int, oldestWaitingMs: Int64) {
        self.waiting = waiting
        self.running = running
        self.dead = dead
        self.oldestWaitingMs = oldestWaitingMs
    }
}
