//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCore
import Synchronization

/// A job in work, and what ends it: its handler, or whoever watches over it.
final class RunningJob: Sendable {
    enum Ending: Sendable {
        case done
        case failed(JobError)
        /// It is not this node's any more.
        case lost
        case late
        case drained
        /// The node is being ended.
        case cancelled
    }

    private struct State {
        var ending: Ending?
        var continuation: CheckedContinuation<Ending, Never>?
        var heardOfStore: ContinuousClock.Instant
    }

    let lease: JobLease
    let progress = JobProgress()
    /// When it counts as failed.
    let deadline: ContinuousClock.Instant
    private let state: Mutex<State>

    init(_ lease: JobLease, deadline: ContinuousClock.Instant) {
        self.lease = lease
        self.deadline = deadline
        self.state = Mutex(State(heardOfStore: .now))
    }

    /// When the store last said that the job is ours.
    var heardOfStore: ContinuousClock.Instant {
        self.state.withLock { $0.heardOfStore }
    }

    func hear(at time: ContinuousClock.Instant) {
        self.state.withLock { $0.heardOfStore = time }
    }

    /// Ends it; what was first stands.
    func end(_ ending: Ending) {
        let continuation = self.state.withLock { state -> CheckedContinuation<Ending, Never>? in
            guard state.ending == nil else { return nil }
            state.ending = ending
            defer { state.continuation = nil }
            return state.continuation
        }
        continuation?.resume(returning: ending)
    }

    /// Runs the handler until it has returned. It is cancelled when something else ends the job, but work that is done
    /// is done.
    func run(_ handler: any JobHandler) async -> Ending {
        await withTaskGroup(of: Ending.self) { group in
            group.addTask {
                let ending = await Self.call(handler, self.lease.job, self.progress)
                self.end(ending)
                return ending
            }
            let ending = await self.ending()
            // What failed because everything was cancelled has not failed.
            let isCancelled = Task.isCancelled
            group.cancelAll()
            if case .done = await group.next() { return .done }
            if isCancelled, case .failed = ending { return .cancelled }
            return ending
        }
    }

    private func ending() async -> Ending {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let ending = self.state.withLock { state -> Ending? in
                    if state.ending == nil { state.continuation = continuation }
                    return state.ending
                }
                if let ending { continuation.resume(returning: ending) }
            }
        } onCancel: {
            self.end(.cancelled)
        }
    }

    private static func call(_ handler: any JobHandler, _ job: Job, _ progress: JobProgress) async -> Ending {
        do {
            try await handler.run(job, progress: progress)
            return .done
        } catch {
            return .failed(error)
        }
    }
}

/// The jobs that a node works on.
final class RunningJobs: Sendable {
    private struct State {
        var jobs: [ObjectIdentifier: RunningJob] = [:]
        var isDrained = false
    }

    private let state = Mutex(State())

    var all: [RunningJob] {
        self.state.withLock { Array($0.jobs.values) }
    }

    var count: Int {
        self.state.withLock { $0.jobs.count }
    }

    func insert(_ job: RunningJob) {
        let isDrained = self.state.withLock { state in
            state.jobs[ObjectIdentifier(job)] = job
            return state.isDrained
        }
        if isDrained { job.end(.drained) }
    }

    func remove(_ job: RunningJob) {
        self.state.withLock { $0.jobs[ObjectIdentifier(job)] = nil }
    }

    /// Ends them all, and those that are still to come, to be handed back.
    func drain() {
        let jobs = self.state.withLock { state in
            state.isDrained = true
            return Array(state.jobs.values)
        }
        for job in jobs { job.end(.drained) }
    }
}
