//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// What the queue keeps of a job: which one it is, and when it is due. All else is in the job's row.
public struct JobTicket: Hashable, Sendable {
    public var id: JobID
    public var kind: JobKind
    /// Not before this time.
    public var dueAt: Timestamp

    public init(id: JobID, kind: JobKind, dueAt: Timestamp) {
        self.id = id
        self.kind = kind
        self.dueAt = dueAt
    }
}

extension Job {
    /// For when it is to run.
    public var ticket: JobTicket { JobTicket(id: self.id, kind: self.kind, dueAt: self.runAt) }
}

/// What one look into the queue found.
public struct JobTake: Hashable, Sendable {
    /// Taken under a lease of `CoreLimits.jobLeaseLife`. A shared queue does not know when they were due.
    public var tickets: [JobTicket]
    /// How many of them another worker had taken and never given back.
    public var lapsed: Int
    /// How long until the next ticket of these kinds is due; `nil` when the queue holds none.
    public var nextDue: Duration?
    /// How much had been heard of each kind before the look: ``JobQueue/wait(after:atMost:)`` waits for more.
    public var heard: [JobKind: UInt64]

    public init(tickets: [JobTicket], lapsed: Int, nextDue: Duration?, heard: [JobKind: UInt64]) {
        self.tickets = tickets
        self.lapsed = lapsed
        self.nextDue = nextDue
        self.heard = heard
    }
}

/// A queue of jobs' ids beside the rows of a ``JobStore``, so that workers need not search the rows for what is due.
///
/// **The rows are the truth.** A ticket that is lost is added again from its row, one too many
/// leads to a row that says so. Therefore nothing here carries a token: a caller removes, puts off or extends a ticket
/// only after the store has confirmed that the job was its own. Each implementation passes one contract test suite.
///
/// `now` is the caller's wall clock, by which rows are due. A shared queue uses it only to find how far away that is.
public protocol JobQueue: Sendable {
    /// Whether it is one queue for all nodes. If not, only this process knows what lies in it, and rows that other
    /// processes add must be looked for more often.
    var isShared: Bool { get }

    /// Puts in tickets. One that is there already, waiting or taken, is left as it is.
    ///
    /// - Returns: how many had no room (`CoreLimits.queuedJobs` of a kind).
    @discardableResult
    func add(_ tickets: [JobTicket], now: Timestamp) async throws(ClusterError) -> Int

    /// Takes tickets that are due, the longest due first, at most so many of each kind; first those whose lease has
    /// run out. Never waits.
    func take(_ wanted: [JobKind: Int], now: Timestamp) async throws(ClusterError) -> JobTake

    /// Returns when more of these kinds was heard of after the look, when the next ticket that it saw is due, when
    /// `atMost` has passed, or when the task is cancelled.
    func wait(after take: JobTake, atMost: Duration) async

    /// Keeps tickets from other workers for another `CoreLimits.jobLeaseLife`, also ones that the queue has lost.
    func extend(_ tickets: [JobTicket], now: Timestamp) async throws(ClusterError)

    /// Puts tickets back, taken or lost, for the time that they say.
    func putOff(_ tickets: [JobTicket], now: Timestamp) async throws(ClusterError)

    /// Forgets tickets whose jobs have ended.
    func remove(_ tickets: [JobTicket]) async throws(ClusterError)

    /// Claims a round of upkeep as ``LeaseStore/claimRound(_:for:)`` does.
    func claimRound(_ name: String, for duration: Duration) async throws(ClusterError) -> Bool

    /// One element whenever the queue may have lost tickets from now on: it was emptied, or could not be reached.
    func losses() -> AsyncStream<Void>

    func figures(now: Timestamp) async throws(ClusterError) -> JobQueueFigures
}

/// The state of a queue of ids, for metrics.
public struct JobQueueFigures: Hashable, Sendable {
    /// Of one kind.
    public struct Depth: Hashable, Sendable {
        /// Not taken, due or not.
        public var waiting: Int
        public var taken: Int
        /// How long the oldest ticket that is due has waited, in milliseconds.
        public var oldestDueMs: Int64

        public init(waiting: Int = 0, taken: Int = 0, oldestDueMs: Int64 = 0) {
            self.waiting = waiting
            self.taken = taken
            self.oldestDueMs = oldestDueMs
        }
    }

    public var depths: [JobKind: Depth]

    public init(depths: [JobKind: Depth]) {
        self.depths = depths
    }
}
