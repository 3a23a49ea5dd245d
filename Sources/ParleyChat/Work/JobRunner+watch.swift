//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Logging
import Metrics
import ParleyCore
import ServiceLifecycle

// What goes on beside the jobs. One task does each for all of them, since a timer for each job would outlive it.
extension JobRunner {
    /// Renews the leases of all jobs until cancelled. One is given up when it is not ours any more, or nothing was
    /// heard of the store for as long as it lives.
    func beat() async {
        while (try? await Task.sleep(for: self.timing.heartbeat)) != nil {
            let jobs = self.jobs.all
            guard !jobs.isEmpty else { continue }
            await self.beat(jobs)
        }
    }

    private func beat(_ jobs: [RunningJob]) async {
        let start = ContinuousClock.now
        do {
            let areOurs = try await self.store.heartbeat(
                jobs.map { JobBeat($0.lease, progress: $0.progress.fraction) }, now: self.now())
            for (job, isOurs) in zip(jobs, areOurs) {
                if isOurs { job.hear(at: start) } else { job.end(.lost) }
            }
            // Some may have ended meanwhile: then the ticket leads to a row that has ended.
            let held = zip(jobs, areOurs).filter(\.1).map(\.0.lease.job.ticket)
            try? await self.queue.extend(held, now: self.now())
        } catch {
            self.logger.warning("no heartbeat of jobs", metadata: ["error": "\(error)"])
            for job in jobs where ContinuousClock.now - job.heardOfStore >= self.timing.leaseLife {
                job.end(.lost)
            }
        }
    }

    /// Ends jobs that take too long, until cancelled.
    func watch() async {
        while (try? await Task.sleep(for: self.watchInterval)) != nil {
            let now = ContinuousClock.now
            for job in self.jobs.all where job.deadline <= now { job.end(.late) }
        }
    }

    /// Hands back what still runs some time after the graceful shutdown began.
    func drain() async {
        guard (try? await gracefulShutdown()) != nil,
            (try? await Task.sleep(for: self.timing.drainPatience)) != nil
        else { return }
        self.jobs.drain()
    }

    // MARK: Figures

    func measure() async {
        repeat {
            do {
                try await self.measureRows()
                try await self.measureQueue()
            } catch {
                self.logger.debug("the queue of jobs was not measured", metadata: ["error": "\(error)"])
            }
        } while (try? await Task.sleep(for: self.timing.figures * Double.random(in: 0.8...1.2))) != nil
    }

    private func measureRows() async throws {
        let now = self.now()
        let figures = try await self.store.jobFigures(now: now)
        for (state, count) in [("waiting", figures.waiting), ("running", figures.running), ("dead", figures.dead)] {
            Gauge(label: "parley_jobs", dimensions: [("state", state)]).record(count)
        }
        Gauge(label: "parley_jobs_oldest_waiting_seconds").record(Double(figures.oldestWaitingMs) / 1000)
        try await self.store.purgeJobs(completedBefore: now.advanced(by: .zero - CoreLimits.completedJobLife))
    }

    private func measureQueue() async throws {
        for (kind, depth) in try await self.queue.figures(now: self.now()).depths {
            let kind = ("kind", kind.rawValue)
            Gauge(label: "parley_job_queue", dimensions: [kind, ("state", "waiting")]).record(depth.waiting)
            Gauge(label: "parley_job_queue", dimensions: [kind, ("state", "taken")]).record(depth.taken)
            Gauge(label: "parley_job_queue_oldest_due_seconds", dimensions: [kind])
                .record(Double(depth.oldestDueMs) / 1000)
        }
    }
}
