//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
public import Logging
import Metrics
public import ParleyCore
public import ServiceLifecycle
import Synchronization

/// Does the background work of one node: takes jobs, as many of each kind as its handler allows, renews their leases,
/// and reports how they ended.
///
/// The queue of ids says what is due; the row, which is claimed next, says whether it is. While the queue cannot be
/// reached the rows are searched instead. A handler is cancelled when the job is no longer this node's, was discarded
/// or takes too long. On graceful shutdown nothing new is taken; after ``Timing/drainPatience`` what still runs is
/// cancelled and handed back. When ``run()`` is cancelled, as by a kill, the leases run out and other nodes take the
/// jobs.
///
/// Without handlers it only tells the queue of this node's new jobs, for workers elsewhere.
public final class JobRunner: Service {
    /// Its intervals.
    public struct Timing: Sendable {
        public var heartbeat = CoreLimits.jobHeartbeat
        /// How long without a heartbeat the store keeps the job for this worker.
        public var leaseLife = CoreLimits.jobLeaseLife
        public var poll = ChatLimits.jobPoll
        public var reconciliation = ChatLimits.jobReconciliation
        /// How long it relies on the news of the queue.
        public var wait = ChatLimits.jobWait
        public var drainPatience = ChatLimits.jobDrainPatience
        public var figures = ChatLimits.jobFiguresInterval

        public init() {}
    }

    let store: any JobStore
    let queue: any JobQueue
    let timing: Timing
    let now: @Sendable () -> Timestamp
    let logger: Logger
    let jobs = RunningJobs()
    private let node: NodeID
    private let slots: [JobSlots]
    private let feeder: JobFeeder
    private let isQueueAway = Mutex(false)
    private let completions: CommitGroup<JobLease, Result<Bool, StoreError>>

    /// - Parameters:
    ///   - queue: of this process, or shared by all nodes.
    ///   - handlers: at most one of each kind; others' jobs are left to other nodes.
    ///   - now: the wall clock, by which jobs are due.
    public init(
        store: any JobStore, queue: any JobQueue, handlers: [any JobHandler], node: NodeID,
        timing: Timing = Timing(), now: @escaping @Sendable () -> Timestamp = { .now() }, logger: Logger
    ) {
        self.store = store
        self.queue = queue
        self.slots = handlers.map { JobSlots($0) }
        self.node = node
        self.timing = timing
        self.now = now
        self.logger = logger
        self.feeder = JobFeeder(
            store: store, queue: queue, interval: queue.isShared ? timing.reconciliation : timing.poll, now: now,
            logger: logger)
        self.completions = CommitGroup(limit: ChatLimits.jobsPerCommit) { leases in
            await Self.complete(leases, store: store, queue: queue, now: now())
        }
    }

    /// How often jobs that take too long are looked for: late by an eighth at most.
    var watchInterval: Duration {
        let shortest = self.slots.map(\.handler.patience).min() ?? ChatLimits.jobWatch
        return min(max(shortest / 8, .milliseconds(1)), ChatLimits.jobWatch)
    }

    /// Jobs that this node is working on.
    public var runningJobs: Int { self.jobs.count }

    public func run() async throws {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.feeder.run() }
            group.addTask { await self.measure() }
            group.addTask { await self.beat() }
            group.addTask { await self.watch() }
            group.addTask { await self.drain() }
            await self.work()
            group.cancelAll()
        }
    }

    private func work() async {
        guard !self.slots.isEmpty else {
            _ = try? await gracefulShutdown()
            return
        }
        await withGracefulShutdownHandler {
            await withTaskGroup(of: Void.self) { group in
                for slots in self.slots {
                    group.addTask { await self.work(slots) }
                }
            }
        } onGracefulShutdown: {
            for slots in self.slots { slots.close() }
        }
    }

    private func work(_ slots: JobSlots) async {
        await withDiscardingTaskGroup { group in
            for await free in slots {
                let found = await self.find(slots.handler.kind, limit: min(free, ChatLimits.jobsPerTake))
                for lease in found.leases {
                    slots.take()
                    group.addTask {
                        await self.perform(lease, with: slots.handler)
                        slots.release()
                    }
                }
                await self.tell(found)
                if found.leases.isEmpty { await self.wait(after: found) }
            }
        }
    }

    // MARK: Finding jobs

    private struct Found {
        var leases: [JobLease] = []
        var ended: [JobTicket] = []
        var later: [JobTicket] = []
        /// `nil` when the queue cannot be reached.
        var take: JobTake?
    }

    private func find(_ kind: JobKind, limit: Int) async -> Found {
        let take: JobTake
        do {
            take = try await self.queue.take([kind: limit], now: self.now())
            self.note(absence: nil)
        } catch {
            self.note(absence: error)
            return Found(leases: await self.search(kind, limit: limit))
        }
        guard !take.tickets.isEmpty else { return Found(take: take) }
        Counter(label: "parley_job_leases_expired", dimensions: [("kind", kind.rawValue)]).increment(by: take.lapsed)
        do {
            let claim = try await self.store.claim(take.tickets.map(\.id), worker: self.node, now: self.now())
            let known = Set(claim.leases.map(\.job.id)).union(claim.later.map(\.id))
            return Found(
                leases: claim.leases, ended: take.tickets.filter { !known.contains($0.id) }, later: claim.later,
                take: take)
        } catch {
            self.logger.warning("jobs not claimed", metadata: ["error": "\(error)"])
            let again = self.now().advanced(by: self.timing.poll)
            return Found(later: take.tickets.map { JobTicket(id: $0.id, kind: kind, dueAt: again) }, take: take)
        }
    }

    /// Logs when the queue goes and when it comes back.
    private func note(absence error: ClusterError?) {
        let isNew = self.isQueueAway.withLock { isAway in
            defer { isAway = error != nil }
            return isAway != (error != nil)
        }
        guard isNew else { return }
        if let error {
            self.logger.warning(
                "the queue of jobs cannot be reached: rows are searched", metadata: ["error": "\(error)"])
        } else {
            self.logger.notice("the queue of jobs can be reached again")
            self.feeder.lose()
        }
    }

    /// Looks into the rows, without the queue.
    private func search(_ kind: JobKind, limit: Int) async -> [JobLease] {
        do {
            return try await self.store.claim(kinds: [kind], worker: self.node, limit: limit, now: self.now())
        } catch {
            self.logger.warning("jobs not looked for", metadata: ["error": "\(error)"])
            return []
        }
    }

    /// Tells the queue what it did not know of tickets. What it does not hear it learns when their leases run out.
    private func tell(_ found: Found) async {
        do {
            if !found.ended.isEmpty { try await self.queue.remove(found.ended) }
            if !found.later.isEmpty { try await self.queue.putOff(found.later, now: self.now()) }
        } catch {
            self.logger.debug("the queue of jobs was not told", metadata: ["error": "\(error)"])
        }
    }

    private func wait(after found: Found) async {
        guard let take = found.take else {
            let pause = self.timing.poll * Double.random(in: 0.8...1.2)
            _ = try? await cancelWhenGracefulShutdown { try await Task.sleep(for: pause) }
            return
        }
        guard take.tickets.isEmpty else { return }
        self.feeder.hunger()
        await cancelWhenGracefulShutdown {
            await self.queue.wait(after: take, atMost: self.timing.wait * Double.random(in: 0.8...1.2))
        }
    }
}

// MARK: One job

extension JobRunner {
    private func perform(_ lease: JobLease, with handler: any JobHandler) async {
        let start = ContinuousClock.now
        let kind = lease.job.kind
        if lease.job.deliveries - lease.job.failures > 1 {
            Counter(label: "parley_jobs_redelivered", dimensions: [("kind", kind.rawValue)]).increment()
        }
        let running = RunningJob(lease, deadline: start + handler.patience)
        self.jobs.insert(running)
        let ending = await running.run(handler)
        let outcome = await self.report(ending, of: lease, patience: handler.patience)
        self.jobs.remove(running)
        let dimensions = [("kind", kind.rawValue), ("outcome", outcome)]
        Counter(label: "parley_jobs_ended", dimensions: dimensions).increment()
        Metrics.Timer(label: "parley_job_duration", dimensions: dimensions).record(
            duration: ContinuousClock.now - start)
    }

    /// - Returns: the outcome's name in metrics.
    private func report(_ ending: RunningJob.Ending, of lease: JobLease, patience: Duration) async -> String {
        // Made only where something is to be said: most jobs say nothing.
        let logger = { self.logger(of: lease.job) }
        switch ending {
        case .done:
            await self.report(logger) { try await self.completions.submit(lease).get() }
            return "completed"
        case .failed(let error):
            logger().warning("job failed", metadata: ["error": "\(error.message)"])
            await self.report(logger) { try await self.fail(lease, error.message, isRetryable: error.isRetryable) }
            return error.isRetryable ? "failed" : "refused"
        case .late:
            logger().warning("job took too long")
            let message = "took longer than \(patience)"
            await self.report(logger) { try await self.fail(lease, message, isRetryable: true) }
            return "late"
        case .drained:
            await self.report(logger) {
                try await self.store.handBack(lease, now: self.now())
                await self.tell(Found(later: [lease.job.ticket]))
                return true
            }
            return "handed_back"
        case .lost, .cancelled:
            logger().notice("job left off: it is no longer this node's")
            return "lost"
        }
    }

    /// Tells the store how a job ended; tries again while it is away. If it never hears of it, the lease runs out and
    /// the job is done again.
    private func report(_ logger: () -> Logger, _ tell: () async throws -> Bool) async {
        for attempt in 0..<ChatLimits.jobReportTries {
            do {
                if try await !tell() { logger().notice("the end of a job came too late") }
                return
            } catch {
                logger().warning("the end of a job is not written", metadata: ["error": "\(error)"])
                guard (try? await Task.sleep(for: .milliseconds(100 << attempt))) != nil else { return }
            }
        }
    }

    private func logger(of job: Job) -> Logger {
        var logger = self.logger
        logger[metadataKey: "job"] = "\(job.id)"
        logger[metadataKey: "kind"] = "\(job.kind.rawValue)"
        return logger
    }

    private func fail(_ lease: JobLease, _ error: String, isRetryable: Bool) async throws -> Bool {
        let job = try await self.store.fail(lease, error: error, retryable: isRetryable, now: self.now())
        guard let job else { return false }
        await self.tell(job.state == .waiting ? Found(later: [job.ticket]) : Found(ended: [job.ticket]))
        return true
    }

    private static func complete(
        _ leases: [JobLease], store: any JobStore, queue: any JobQueue, now: Timestamp
    ) async -> [Result<Bool, StoreError>] {
        do throws(StoreError) {
            let areOurs = try await store.complete(leases, now: now)
            // The queue need not hear of it: a row that has ended is no work.
            try? await queue.remove(zip(leases, areOurs).filter(\.1).map(\.0.job.ticket))
            return areOurs.map { .success($0) }
        } catch {
            return leases.map { _ in .failure(error) }
        }
    }
}
