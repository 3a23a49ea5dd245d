//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Logging
import ParleyCluster
import ParleyCore
import ParleyTesting
import SeededRandom
import ServiceLifecycle
import Synchronization
import Testing

@testable import ParleyChat

/// A wall clock that goes on only when the test says so, however slow the machine is.
private final class TestClock: Sendable {
    private let milliseconds = Mutex<Int64>(1_000_000)

    func now() -> Timestamp {
        Timestamp(milliseconds: self.milliseconds.withLock { $0 })
    }

    func advance(by duration: Duration) {
        self.milliseconds.withLock { $0 += duration.milliseconds }
    }
}

private final class Dice: Sendable {
    private let random: Mutex<SeededGenerator>

    init(seed: UInt64) {
        self.random = Mutex(SeededGenerator(seed: seed))
    }

    /// From 0, below the number of sides.
    func roll(_ sides: Int) -> Int {
        self.random.withLock { Int.random(in: 0..<sides, using: &$0) }
    }
}

private struct FakeHandler: JobHandler {
    var kind = JobKind.summarise
    var concurrency = 3
    var patience = Duration.seconds(30)
    var body: @Sendable (Job, JobProgress) async throws -> Void

    func run(_ job: Job, progress: JobProgress) async throws(JobError) {
        try await JobError.wrap { try await self.body(job, progress) }
    }
}

@Suite("The worker of background jobs", .timeLimit(.minutes(1)))
struct JobRunnerTests {
    private let clock = TestClock()

    private func runner(_ store: InMemoryJobStore, _ handlers: FakeHandler..., name: String = "n") -> JobRunner {
        var timing = JobRunner.Timing()
        timing.heartbeat = .milliseconds(8)
        timing.poll = .milliseconds(5)
        timing.wait = .milliseconds(5)
        timing.drainPatience = .milliseconds(20)
        timing.figures = .milliseconds(20)
        let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        return JobRunner(
            store: store, queue: InProcessJobQueue(), handlers: handlers, node: NodeID(name), timing: timing,
            now: self.clock.now, logger: silent)
    }

    private func add(_ store: InMemoryJobStore, _ payload: String, kind: JobKind = .summarise) async throws {
        _ = try await store.enqueue(NewJob(kind: kind, payload: payload, runAt: self.clock.now()))
    }

    private func until(_ condition: () -> Bool) async throws {
        while !condition() { try await Task.sleep(for: .milliseconds(1)) }
    }

    /// Runs the runner while the body runs, then cancels it.
    private func running(_ runner: JobRunner, _ body: () async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await runner.run() }
            try await body()
            group.cancelAll()
        }
    }

    @Test("does each job once, no more of a kind at once than its handler allows")
    func concurrency() async throws {
        let store = InMemoryJobStore()
        let state = Mutex((now: 0, most: 0, done: [String]()))
        let handler = FakeHandler { job, _ in
            state.withLock {
                $0.now += 1; $0.most = max($0.most, $0.now)
            }
            try await Task.sleep(for: .milliseconds(3))
            state.withLock {
                $0.now -= 1; $0.done.append(job.payload)
            }
        }
        for index in 0..<20 { try await self.add(store, "\(index)") }
        try await self.add(store, "other", kind: .remember)
        try await self.running(self.runner(store, handler)) {
            try await self.until { store.all.count { $0.state == .completed } == 20 }
        }
        #expect(state.withLock { $0.most } == 3)
        #expect(state.withLock { $0.done.sorted() } == (0..<20).map(String.init).sorted())
        #expect(store.all.last?.state == .waiting)
    }

    @Test("a failure is tried again later, one that cannot be mended is set aside at once")
    func failures() async throws {
        let store = InMemoryJobStore()
        let tries = Mutex(0)
        let handler = FakeHandler { job, _ in
            guard job.payload == "again" else { throw JobError("never", isRetryable: false) }
            if tries.withLock({
                $0 += 1; return $0
            }) < 2 {
                throw JobError("not yet", isRetryable: true)
            }
        }
        try await self.add(store, "again")
        try await self.add(store, "never")
        try await self.running(self.runner(store, handler)) {
            try await self.until { store.all.map(\.failures) == [1, 1] }
            #expect(store.all.map(\.state) == [.waiting, .dead])
            self.clock.advance(by: .seconds(16))
            try await self.until { store.all.map(\.state) == [.completed, .dead] }
        }
        #expect(store.all.map(\.failures) == [1, 1])
        #expect(store.all.map(\.lastError) == ["not yet", "never"])
    }

    @Test("heartbeats keep a long job and carry its progress; a discarded job is cancelled")
    func heartbeats() async throws {
        let store = InMemoryJobStore()
        let cancelled = Mutex(false)
        let handler = FakeHandler { _, progress in
            progress.report(0.25)
            do {
                try await Task.sleep(for: .seconds(3600))
            } catch {
                cancelled.withLock { $0 = true }
                throw error
            }
        }
        try await self.add(store, "long")
        try await self.running(self.runner(store, handler)) {
            try await self.until { store.all.first?.progress == 0.25 }
            // Longer than a lease lives, in steps that are shorter.
            for _ in 0..<4 {
                self.clock.advance(by: CoreLimits.jobLeaseLife * 0.7)
                try await self.until { store.all[0].updatedAt == self.clock.now() }
            }
            #expect(store.all[0].deliveries == 1 && store.all[0].state == .running)
            try await store.discard(store.all[0].id)
            try await self.until { cancelled.withLock { $0 } }
        }
    }

    @Test("a job that takes too long counts as failed")
    func late() async throws {
        let store = InMemoryJobStore()
        var handler = FakeHandler { _, _ in try await Task.sleep(for: .seconds(3600)) }
        handler.patience = .milliseconds(10)
        try await self.add(store, "slow")
        try await self.running(self.runner(store, handler)) {
            try await self.until { store.all[0].failures > 0 }
        }
        #expect(store.all[0].lastError?.contains("longer than") == true)
    }

    @Test("a node that drains hands its jobs back uncounted")
    func drains() async throws {
        let store = InMemoryJobStore()
        let began = Mutex(false)
        let handler = FakeHandler { _, _ in
            began.withLock { $0 = true }
            try await Task.sleep(for: .seconds(3600))
        }
        try await self.add(store, "x")
        let runner = self.runner(store, handler)
        let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let group = ServiceGroup(configuration: .init(services: [.init(service: runner)], logger: silent))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            try await self.until { began.withLock { $0 } }
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
        #expect(store.all[0].state == .waiting && store.all[0].deliveries == 0 && store.all[0].failures == 0)
        #expect(runner.runningJobs == 0)
    }

    @Test("a new job is begun at once")
    func announcements() async throws {
        let store = InMemoryJobStore()
        let handler = FakeHandler { _, _ in }
        var timing = JobRunner.Timing()
        timing.poll = .seconds(3600)
        let runner = JobRunner(
            store: store, queue: InProcessJobQueue(), handlers: [handler], node: NodeID("n"), timing: timing,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        try await self.running(runner) {
            // The first look finds nothing.
            try await Task.sleep(for: .milliseconds(20))
            _ = try await store.enqueue(NewJob(kind: .summarise, payload: "", runAt: .now()))
            try await self.until { store.all[0].state == .completed }
        }
    }

    @Test(
        "whatever fails, every job is done or set aside, and none is lost", arguments: UInt64(0)..<6)
    func chaos(seed: UInt64) async throws {
        let store = InMemoryJobStore()
        let dice = Dice(seed: seed)
        let done = Mutex<[String: Int]>([:])
        let handler = FakeHandler { job, progress in
            progress.report(0.5)
            try await Task.sleep(for: .milliseconds(dice.roll(12)))
            switch dice.roll(10) {
            case 0, 1: throw JobError("now and then", isRetryable: true)
            case 2: throw JobError("for good", isRetryable: false)
            default: done.withLock { $0[job.payload, default: 0] += 1 }
            }
        }
        for index in 0..<30 { try await self.add(store, "\(index)") }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for node in 0..<3 {
                let (runner, other) = (
                    self.runner(store, handler, name: "\(node)a"), self.runner(store, handler, name: "\(node)b")
                )
                group.addTask {
                    // The node is killed after a while; another begins in its place.
                    try await withThrowingTaskGroup(of: Void.self) { life in
                        life.addTask { try await runner.run() }
                        try await Task.sleep(for: .milliseconds(10 + dice.roll(40)))
                        life.cancelAll()
                    }
                    try await other.run()
                }
            }
            for _ in 0..<5 {
                try await Task.sleep(for: .milliseconds(dice.roll(10)))
                store.setAway(true)
                try await Task.sleep(for: .milliseconds(dice.roll(15)))
                store.setAway(false)
            }
            try await self.until {
                self.clock.advance(by: .milliseconds(500))
                return store.all.allSatisfy { $0.state == .completed || $0.state == .dead }
            }
            group.cancelAll()
        }
        #expect(store.all.count == 30)
        for job in store.all where job.state == .completed {
            #expect(done.withLock { $0[job.payload, default: 0] } >= 1)
        }
        for job in store.all where job.state == .dead && job.lastError == nil {
            #expect(job.deliveries == CoreLimits.jobDeliveries)
        }
    }
}
