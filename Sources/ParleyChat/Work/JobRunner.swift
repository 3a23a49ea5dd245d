//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
public import Logging
import Metrics
public import ParleyCore
public import ServiceLifecycle
import Synchronization

/// Does the background work of one node: takes jobs from the queue, as many of each kind as its handler allows, renews
/// their leases, and reports how they ended.
///
/// A handler is cancelled when the job is no longer this node's, was discarded or takes too long. On graceful shutdown
/// nothing new is taken; after ``Timing/drainPatience`` what still runs is cancelled and handed back. When ``run()`` is
/// cancelled, as by a kill, the leases run out and other nodes take the jobs.
public final class JobRunner: Service {
    /// Its intervals.
    public struct Timing: Sendable {
        public var heartbeat = CoreLimits.jobHeartbeat
        /// How long without a heartbeat the store keeps the job for this worker.
        public var leaseLife = CoreLimits.jobLeaseLife
        public var poll = ChatLimits.jobPoll
        public var drainPatience = ChatLimits.jobDrainPatience
        public var figures = ChatLimits.jobFiguresInterval

        public init() {}
    }

    private enum Step: Sendable {
        case done
        case failed(JobError)
        case lost
        case late
        case drained
        case nothing
    }

    private let store: any JobStore
    private let handlers: [any JobHandler]
    private let node: NodeID
    private let timing: Timing
    private let now: @Sendable () -> Timestamp
    private let logger: Logger
    private let running = Mutex<[JobKind: Int]>([:])
    private let wakes: AsyncStream<Void>
    private let wake: AsyncStream<Void>.Continuation

    /// - Parameters:
    ///   - handlers: at most one of each kind; others' jobs are left to other nodes.
    ///   - now: the wall clock, by which jobs are due.
    public init(
        store: any JobStore, handlers: [any JobHandler], node: NodeID, timing: Timing = Timing(),
        now: @escaping @Sendable () -> Timestamp = { .now() }, logger: Logger
    ) {
        self.store = store
        self.handlers = handlers
        self.node = node
        self.timing = timing
        self.now = now
        self.logger = logger
        (self.wakes, self.wake) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Says that a job was put into the queue: it is looked at now instead of at the next poll.
    public func nudge() {
        self.wake.yield()
    }

    /// Jobs that this node is working on.
    public var runningJobs: Int {
        self.running.withLock { $0.values.reduce(0, +) }
    }

    public func run() async throws {
        await withGracefulShutdownHandler {
            await withTaskGroup(of: Void.self) { group in
                group.addTask { await self.poll() }
                group.addTask { await self.measure() }
                await self.work()
                group.cancelAll()
            }
        } onGracefulShutdown: {
            self.wake.finish()
        }
    }

    private func poll() async {
        repeat {
            self.wake.yield()
        } while (try? await Task.sleep(for: self.timing.poll * Double.random(in: 0.8...1.2))) != nil
    }

    private func work() async {
        await withDiscardingTaskGroup { jobs in
            for await _ in self.wakes {
                for handler in self.handlers {
                    for lease in await self.claim(for: handler) {
                        jobs.addTask {
                            await self.perform(lease, with: handler)
                            self.running.withLock { $0[handler.kind, default: 1] -= 1 }
                            self.wake.yield()
                        }
                    }
                }
            }
        }
    }

    /// Takes as many jobs as the handler is free for, and counts them as running.
    private func claim(for handler: any JobHandler) async -> [JobLease] {
        let free = handler.concurrency - self.running.withLock { $0[handler.kind, default: 0] }
        guard free > 0, !Task.isCancelled else { return [] }
        do {
            let leases = try await self.store.claim(
                kinds: [handler.kind], worker: self.node, limit: free, now: self.now())
            self.running.withLock { $0[handler.kind, default: 0] += leases.count }
            return leases
        } catch {
            self.logger.warning("jobs not looked for", metadata: ["error": "\(error)"])
            return []
        }
    }
}

// MARK: One job

extension JobRunner {
    private func perform(_ lease: JobLease, with handler: any JobHandler) async {
        let start = ContinuousClock.now
        let step = await self.work(on: lease, with: handler)
        var logger = self.logger
        logger[metadataKey: "job"] = "\(lease.job.id)"
        logger[metadataKey: "kind"] = "\(lease.job.kind.rawValue)"
        let outcome: String
        switch step {
        case .done:
            outcome = "completed"
            await self.report(logger) { try await self.store.complete(lease, now: self.now()) }
        case .failed(let error):
            outcome = error.isRetryable ? "failed" : "refused"
            logger.warning("job failed", metadata: ["error": "\(error.message)"])
            await self.report(logger) {
                try await self.store.fail(
                    lease, error: error.message, retryable: error.isRetryable, now: self.now())
            }
        case .late:
            outcome = "late"
            logger.warning("job took too long")
            let message = "took longer than \(handler.patience)"
            await self.report(logger) {
                try await self.store.fail(lease, error: message, retryable: true, now: self.now())
            }
        case .drained:
            outcome = "handed_back"
            await self.report(logger) {
                try await self.store.handBack(lease, now: self.now())
                return true
            }
        case .lost, .nothing:
            outcome = "lost"
            logger.notice("job left off: it is no longer this node's")
        }
        let dimensions = [("kind", lease.job.kind.rawValue), ("outcome", outcome)]
        Counter(label: "parley_jobs_ended", dimensions: dimensions).increment()
        Metrics.Timer(label: "parley_job_duration", dimensions: dimensions).record(
            duration: ContinuousClock.now - start)
    }

    /// Runs the handler beside whatever may end it. What happens first decides, but work that is done is done.
    private func work(on lease: JobLease, with handler: any JobHandler) async -> Step {
        let progress = JobProgress()
        return await withTaskGroup(of: Step.self) { group in
            group.addTask { await Self.run(handler, lease.job, progress) }
            group.addTask { await self.keep(lease, progress) }
            group.addTask {
                (try? await Task.sleep(for: handler.patience)) == nil ? .nothing : .late
            }
            group.addTask {
                guard (try? await gracefulShutdown()) != nil,
                    (try? await Task.sleep(for: self.timing.drainPatience)) != nil
                else { return .nothing }
                return .drained
            }
            var first = await group.next() ?? .nothing
            let isCancelled = Task.isCancelled
            group.cancelAll()
            for await step in group {
                if case .done = step { first = .done }
            }
            // What failed because everything was cancelled has not failed.
            if isCancelled, case .failed = first { return .nothing }
            return first
        }
    }

    private static func run(_ handler: any JobHandler, _ job: Job, _ progress: JobProgress) async -> Step {
        do {
            try await handler.run(job, progress: progress)
            return .done
        } catch {
            return .failed(error)
        }
    }

    /// Renews the lease until cancelled.
    ///
    /// - Returns: `.lost` when it is not ours any more, or nothing was heard of the store for as long as it lives.
    private func keep(_ lease: JobLease, _ progress: JobProgress) async -> Step {
        var renewed = ContinuousClock.now
        while (try? await Task.sleep(for: self.timing.heartbeat)) != nil {
            do {
                let isOurs = try await self.store.heartbeat(lease, progress: progress.fraction, now: self.now())
                guard isOurs else { return .lost }
                renewed = .now
            } catch {
                self.logger.warning("no heartbeat of a job", metadata: ["error": "\(error)"])
                guard ContinuousClock.now - renewed < self.timing.leaseLife else { return .lost }
            }
        }
        return .nothing
    }

    /// Tells the store how a job ended; tries again while it is away. If it never hears of it, the lease runs out and
    /// the job is done again.
    private func report(_ logger: Logger, _ tell: () async throws -> Bool) async {
        for attempt in 0..<ChatLimits.jobReportTries {
            do {
                if try await !tell() { logger.notice("the end of a job came too late") }
                return
            } catch {
                logger.warning("the end of a job is not written", metadata: ["error": "\(error)"])
                guard (try? await Task.sleep(for: .milliseconds(100 << attempt))) != nil else { return }
            }
        }
    }
}

// MARK: Figures

extension JobRunner {
    private func measure() async {
        repeat {
            do {
                try await self.measureOnce()
            } catch {
                self.logger.debug("the queue of jobs was not measured", metadata: ["error": "\(error)"])
            }
        } while (try? await Task.sleep(for: self.timing.figures * Double.random(in: 0.8...1.2))) != nil
    }

    private func measureOnce() async throws {
        let now = self.now()
        let figures = try await self.store.jobFigures(now: now)
        for (state, count) in [("waiting", figures.waiting), ("running", figures.running), ("dead", figures.dead)] {
            Gauge(label: "parley_jobs", dimensions: [("state", state)]).record(count)
        }
        Gauge(label: "parley_jobs_oldest_waiting_seconds").record(Double(figures.oldestWaitingMs) / 1000)
        try await self.store.purgeJobs(completedBefore: now.advanced(by: .zero - CoreLimits.completedJobLife))
    }
}
