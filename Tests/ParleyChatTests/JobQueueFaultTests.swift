//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Logging
import ParleyCluster
import ParleyCore
import ParleyTesting
import SeededRandom
import Synchronization
import Testing

@testable import ParleyChat

/// A shared queue of ids that can be emptied and taken away.
private final class UnreliableQueue: JobQueue {
    private struct State {
        var queue = InProcessJobQueue()
        var isAway = false
        var listeners: [AsyncStream<Void>.Continuation] = []
        var takes = 0
        var calls = 0
    }

    private let state = Mutex(State())
    let isShared = true

    var takes: Int { self.state.withLock { $0.takes } }
    var calls: Int { self.state.withLock { $0.calls } }

    /// As FLUSHALL does.
    func flush(tells: Bool = true) {
        let listeners = self.state.withLock { state in
            state.queue = InProcessJobQueue()
            return state.listeners
        }
        if tells { for listener in listeners { listener.yield() } }
    }

    func setAway(_ isAway: Bool) {
        self.state.withLock { $0.isAway = isAway }
    }

    private func present() throws(ClusterError) -> InProcessJobQueue {
        let (queue, isAway) = self.state.withLock { state in
            state.calls += 1
            return (state.queue, state.isAway)
        }
        guard !isAway else { throw ClusterError(.unavailable, "away") }
        return queue
    }

    func add(_ tickets: [JobTicket], now: Timestamp) async throws(ClusterError) -> Int {
        try await self.present().add(tickets, now: now)
    }

    func take(_ wanted: [JobKind: Int], now: Timestamp) async throws(ClusterError) -> JobTake {
        self.state.withLock { $0.takes += 1 }
        return try await self.present().take(wanted, now: now)
    }

    func wait(after take: JobTake, atMost: Duration) async {
        await self.state.withLock { $0.queue }.wait(after: take, atMost: atMost)
    }

    func extend(_ tickets: [JobTicket], now: Timestamp) async throws(ClusterError) {
        try await self.present().extend(tickets, now: now)
    }

    func putOff(_ tickets: [JobTicket], now: Timestamp) async throws(ClusterError) {
        try await self.present().putOff(tickets, now: now)
    }

    func remove(_ tickets: [JobTicket]) async throws(ClusterError) {
        try await self.present().remove(tickets)
    }

    func claimRound(_ name: String, for duration: Duration) async throws(ClusterError) -> Bool {
        _ = try self.present()
        return true
    }

    func losses() -> AsyncStream<Void> {
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self)
        self.state.withLock { $0.listeners.append(continuation) }
        return stream
    }

    func figures(now: Timestamp) async throws(ClusterError) -> JobQueueFigures {
        try await self.present().figures(now: now)
    }
}

private struct CountingHandler: JobHandler {
    var kind = JobKind.summarise
    var concurrency = 4
    var patience = Duration.seconds(30)
    var done: @Sendable (Job) async throws -> Void

    func run(_ job: Job, progress: JobProgress) async throws(JobError) {
        try await JobError.wrap { try await self.done(job) }
    }
}

@Suite("Jobs outlive their queue", .timeLimit(.minutes(1)))
struct JobQueueFaultTests {
    private let store = InMemoryJobStore()
    private let queue = UnreliableQueue()
    private let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    private func runner(
        _ handlers: [any JobHandler], wait: Duration = .seconds(3600), reconciliation: Duration = .seconds(3600)
    ) -> JobRunner {
        var timing = JobRunner.Timing()
        timing.poll = .milliseconds(5)
        timing.wait = wait
        timing.reconciliation = reconciliation
        return JobRunner(
            store: self.store, queue: self.queue, handlers: handlers, node: NodeID("n"), timing: timing,
            logger: self.silent)
    }

    private func add(_ payload: String = "", kind: JobKind = .summarise) async throws {
        _ = try await self.store.enqueue(NewJob(kind: kind, payload: payload, runAt: .now()))
    }

    private func until(_ condition: () async throws -> Bool) async throws {
        while try await !condition() { try await Task.sleep(for: .milliseconds(1)) }
    }

    private func running(_ runner: JobRunner, _ body: () async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await runner.run() }
            try await body()
            group.cancelAll()
        }
    }

    private var areAllCompleted: Bool { self.store.all.allSatisfy { $0.state == .completed } }

    @Test("rows that were there before are found at the start, and new ones without looking again")
    func starts() async throws {
        for _ in 0..<30 { try await self.add() }
        try await self.running(self.runner([CountingHandler { _ in }])) {
            try await self.until { self.areAllCompleted }
            for _ in 0..<30 { try await self.add() }
            try await self.until { self.areAllCompleted }
            let figures = try await self.queue.figures(now: .now())
            #expect(figures.depths.values.allSatisfy { $0.waiting == 0 })
        }
    }

    @Test("an idle worker asks neither queue nor rows")
    func idles() async throws {
        try await self.running(self.runner([CountingHandler { _ in }])) {
            try await self.add()
            try await self.until { self.areAllCompleted }
            try await Task.sleep(for: .milliseconds(20))
            let takes = self.queue.takes
            try await Task.sleep(for: .milliseconds(60))
            #expect(self.queue.takes == takes)
        }
    }

    @Test("a queue that was emptied is filled again from the rows")
    func flush() async throws {
        let gate = Mutex(false)
        let handler = CountingHandler { _ in
            while !gate.withLock({ $0 }) { try await Task.sleep(for: .milliseconds(1)) }
        }
        for _ in 0..<40 { try await self.add() }
        try await self.running(self.runner([handler])) {
            try await self.until { self.store.all.count { $0.state == .running } == 4 }
            self.queue.flush()
            gate.withLock { $0 = true }
            try await self.until { self.areAllCompleted }
        }
        #expect(self.store.all.allSatisfy { $0.deliveries == 1 })
    }

    @Test("a loss that nobody is told of is found by the next round")
    func silentLoss() async throws {
        let runner = self.runner([CountingHandler { _ in }], wait: .milliseconds(5), reconciliation: .milliseconds(20))
        try await self.running(runner) {
            try await self.until { self.queue.takes > 2 }
            for round in 0..<5 {
                self.queue.setAway(true)
                try await self.add("\(round)")
                self.queue.flush(tells: false)
                self.queue.setAway(false)
            }
            try await self.until { self.areAllCompleted }
        }
    }

    @Test("while the queue is away the rows are searched")
    func away() async throws {
        self.queue.setAway(true)
        for _ in 0..<10 { try await self.add() }
        try await self.running(self.runner([CountingHandler { _ in }])) {
            try await self.until { self.areAllCompleted }
            self.queue.setAway(false)
            try await self.add()
            try await self.until { self.areAllCompleted }
        }
    }

    @Test("a node that does no work itself tells the others of its jobs")
    func feeds() async throws {
        try await self.add("before")
        try await self.running(self.runner([])) {
            try await self.until { try await self.queue.figures(now: .now()).depths[.summarise]?.waiting == 1 }
            try await self.add("after", kind: .remember)
            try await self.until { try await self.queue.figures(now: .now()).depths[.remember]?.waiting == 1 }
        }
        #expect(self.store.all.allSatisfy { $0.state == .waiting && $0.deliveries == 0 })
    }

    @Test("a failed job waits in the queue for its next time, a dead one leaves it")
    func failures() async throws {
        let handler = CountingHandler { job in throw JobError("no", isRetryable: job.payload == "again") }
        try await self.add("again")
        try await self.add("never")
        try await self.running(self.runner([handler])) {
            try await self.until { self.store.all.map(\.failures) == [1, 1] }
            try await self.until {
                let depth = try await self.queue.figures(now: .now()).depths[.summarise]
                return depth?.waiting == 1 && depth?.taken == 0
            }
        }
    }

    @Test(
        "each effect comes once, whatever happens to queue, store and workers", arguments: UInt64(0)..<8)
    func chaos(seed: UInt64) async throws {
        var dice = SeededGenerator(seed: seed)
        for index in 0..<60 { try await self.add("\(index)") }
        let handler = CountingHandler { _ in try await Task.sleep(for: .milliseconds(1)) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<2 {
                let runner = self.runner([handler], wait: .milliseconds(10), reconciliation: .milliseconds(30))
                group.addTask { try await runner.run() }
            }
            for index in 60..<100 {
                try await self.add("\(index)")
                switch Int.random(in: 0..<8, using: &dice) {
                case 0: self.queue.flush()
                case 1: self.queue.flush(tells: false)
                case 2: self.queue.setAway(true)
                case 3: self.queue.setAway(false)
                default: try await Task.sleep(for: .milliseconds(Int.random(in: 0...3, using: &dice)))
                }
            }
            self.queue.setAway(false)
            try await self.until { self.areAllCompleted }
            group.cancelAll()
        }
        #expect(self.store.all.count == 100 && self.store.all.allSatisfy { $0.deliveries == 1 })
    }
}

@Suite("Commits of many callers", .timeLimit(.minutes(1)))
struct CommitGroupTests {
    @Test("each item is committed once, many together, and each caller gets its own outcome")
    func commits() async {
        let commits = Mutex<[[Int]]>([])
        let group = CommitGroup<Int, Int>(limit: 7) { items in
            commits.withLock { $0.append(items) }
            try? await Task.sleep(for: .microseconds(200))
            return items.map { $0 * 2 }
        }
        await withTaskGroup(of: Bool.self) { tasks in
            for item in 0..<300 {
                tasks.addTask { await group.submit(item) == item * 2 }
            }
            for await isRight in tasks { #expect(isRight) }
        }
        let all = commits.withLock { $0 }
        #expect(all.flatMap(\.self).sorted() == Array(0..<300))
        #expect(all.allSatisfy { (1...7).contains($0.count) } && all.count < 150)
    }
}
