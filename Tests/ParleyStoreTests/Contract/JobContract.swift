//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCore
import Testing

@Suite("a store keeps jobs")
struct JobContract {
    let node = NodeID("node")

    private func claim(
        _ store: any DurableStore, at ms: Int64, limit: Int = 1, _ kinds: [JobKind] = [.summarise]
    ) async throws -> [JobLease] {
        try await store.claim(kinds: kinds, worker: self.node, limit: limit, now: Samples.time(ms))
    }

    private static let life = CoreLimits.jobLeaseLife.milliseconds

    @Test("one unfinished job has a key; a finished one makes room", arguments: StoreFactory.all)
    func keys(_ factory: StoreFactory) async throws {
        try await factory.withStore { store in
            let first = Samples.job(key: "k")
            #expect(try await store.enqueue(first).isNew)
            let (same, isNew) = try await store.enqueue(Samples.job(key: "k"))
            #expect(!isNew && same.id == first.id)
            #expect(try await store.enqueue(Samples.job(key: nil)).isNew)
            await expectError(.conflict) { _ = try await store.enqueue(first.renamed(key: "other")) }
            let lease = try #require(try await self.claim(store, at: 0).first)
            #expect(lease.job.id == first.id)
            #expect(try await store.enqueue(Samples.job(key: "k")).isNew == false)
            #expect(try await store.complete(lease, now: Samples.time(1)))
            #expect(try await store.complete(lease, now: Samples.time(1)) == false)
            #expect(try await store.enqueue(Samples.job(key: "k")).isNew)
        }
    }

    @Test(
        "jobs are taken when they are due, the longest due first, of the kinds asked for", arguments: StoreFactory.all)
    func order(_ factory: StoreFactory) async throws {
        try await factory.withStore { store in
            let times: [Int64] = [50, 10, 30, 90]
            for time in times {
                _ = try await store.enqueue(Samples.job(time == 30 ? .remember : .summarise, at: time))
            }
            #expect(try await self.claim(store, at: 9).isEmpty)
            #expect(try await self.claim(store, at: 60, limit: 9, []).isEmpty)
            let all = try await self.claim(store, at: 60, limit: 2, [.summarise, .remember])
            #expect(all.map(\.job.runAt) == [Samples.time(10), Samples.time(30)])
            #expect(all.allSatisfy { $0.job.state == .running && $0.job.deliveries == 1 })
            #expect(try await self.claim(store, at: 60, limit: 9).map(\.job.runAt) == [Samples.time(50)])
            #expect(try await self.claim(store, at: 60, limit: 9).isEmpty)
            let figures = try await store.jobFigures(now: Samples.time(100))
            #expect(figures == JobFigures(waiting: 1, running: 3, dead: 0, oldestWaitingMs: 10))
        }
    }

    @Test("a heartbeat keeps the lease, and a lost one is good for nothing", arguments: StoreFactory.all)
    func leases(_ factory: StoreFactory) async throws {
        try await factory.withStore { store in
            _ = try await store.enqueue(Samples.job())
            let one = try #require(try await self.claim(store, at: 0).first)
            #expect(try await store.heartbeat(one, progress: 0.5, now: Samples.time(20_000)))
            #expect(try await self.claim(store, at: Self.life).isEmpty)
            let two = try #require(try await self.claim(store, at: 20_000 + Self.life).first)
            #expect(two.job.deliveries == 2 && two.token != one.token && two.job.progress == 0.5)
            let now = Samples.time(50_001)
            #expect(try await store.heartbeat(one, progress: 0.9, now: now) == false)
            #expect(try await store.complete(one, now: now) == false)
            #expect(try await store.fail(one, error: "x", retryable: true, now: now) == false)
            try await store.handBack(one, now: now)
            #expect(try await store.heartbeat(two, progress: nil, now: now))
            #expect(try await store.complete(two, now: now))
            let job = try #require(try await store.jobs(state: .completed, before: nil, limit: 9).elements.first)
            #expect(job.progress == 1 && job.failures == 0 && job.lastError == nil)
        }
    }

    @Test("failures are tried again later and later, then set aside", arguments: StoreFactory.all)
    func failures(_ factory: StoreFactory) async throws {
        try await factory.withStore { store in
            _ = try await store.enqueue(Samples.job(key: "k"))
            var now: Int64 = 0
            for failure in 1...CoreLimits.jobFailures {
                let lease = try #require(try await self.claim(store, at: now).first)
                #expect(lease.job.failures == failure - 1)
                #expect(try await store.fail(lease, error: "no \(failure)", retryable: true, now: Samples.time(now)))
                #expect(try await store.complete(lease, now: Samples.time(now)) == false)
                let least = JobBackoff.delay(failures: failure, jitter: 0).milliseconds
                #expect(least == Int64(failure * failure * failure * failure + 15) * 1000)
                #expect(try await self.claim(store, at: now + least - 1).isEmpty)
                now += JobBackoff.delay(failures: failure, jitter: 1).milliseconds
            }
            #expect(try await self.claim(store, at: now * 9).isEmpty)
            let dead = try #require(try await store.jobs(state: .dead, before: nil, limit: 9).elements.first)
            #expect(dead.lastError == "no \(CoreLimits.jobFailures)" && dead.failures == CoreLimits.jobFailures)
            let revived = try await store.revive(dead.id, now: Samples.time(now))
            #expect(revived.state == .waiting && revived.failures == 0)
            await expectError(.conflict) { _ = try await store.revive(dead.id, now: Samples.time(now)) }
            let again = try #require(try await self.claim(store, at: now).first)
            #expect(try await store.fail(again, error: "for good", retryable: false, now: Samples.time(now)))
            _ = try await store.enqueue(Samples.job(key: "k"))
            await expectError(.conflict) { _ = try await store.revive(dead.id, now: Samples.time(now)) }
            await expectError(.notFound) { _ = try await store.revive(.generate(), now: Samples.time(now)) }
            try await store.discard(dead.id)
            await expectError(.notFound) { try await store.discard(dead.id) }
        }
    }

    @Test("a job that its workers die on is set aside; failures between count apart", arguments: StoreFactory.all)
    func deaths(_ factory: StoreFactory) async throws {
        try await factory.withStore { store in
            _ = try await store.enqueue(Samples.job())
            var now: Int64 = 0
            for _ in 0..<2 {
                let lease = try #require(try await self.claim(store, at: now).first)
                #expect(try await store.fail(lease, error: "e", retryable: true, now: Samples.time(now)))
                now += 100_000
            }
            for delivery in 1...CoreLimits.jobDeliveries {
                let lease = try #require(try await self.claim(store, at: now).first)
                #expect(lease.job.deliveries == 2 + delivery)
                now += Self.life
            }
            #expect(try await self.claim(store, at: now).isEmpty)
            let dead = try #require(try await store.jobs(state: .dead, before: nil, limit: 9).elements.first)
            #expect(dead.lastError == "The worker process died three times on this job.")
        }
    }

    @Test("a job that is handed back counts no delivery", arguments: StoreFactory.all)
    func handBack(_ factory: StoreFactory) async throws {
        try await factory.withStore { store in
            _ = try await store.enqueue(Samples.job())
            for _ in 0..<9 {
                let lease = try #require(try await self.claim(store, at: 5).first)
                #expect(lease.job.deliveries == 1)
                await expectError(.conflict) { try await store.discard(lease.job.id) }
                try await store.handBack(lease, now: Samples.time(6))
                #expect(try await store.heartbeat(lease, progress: nil, now: Samples.time(6)) == false)
            }
        }
    }

    @Test("a document says what its job does, and why it failed", arguments: StoreFactory.all)
    func documents(_ factory: StoreFactory) async throws {
        let owner = UserID.generate()
        try await factory.withStore { store in
            let stored = try await store.create(Samples.collection(owner: owner))
            let (document, _) = try await store.add("a", content: 1, to: stored.collection.id, owner: owner)
            func state() async throws -> Document.State {
                try await store.document(document.id, readableBy: owner).state
            }
            #expect(try await self.claim(store, at: 0).isEmpty)
            var lease = try #require(try await self.claim(store, at: 0, [.readDocument]).first)
            let version = DocumentVersion(documentID: document.id, version: 1)
            try await store.setProgress(version, to: 0.25)
            #expect(try await store.document(version).progress == 0.25)
            #expect(try await state() == .indexing)
            try await store.handBack(lease, now: Samples.time(1))
            #expect(try await state() == .pending)
            lease = try #require(try await self.claim(store, at: 1, [.readDocument]).first)
            #expect(try await store.fail(lease, error: "busy", retryable: true, now: Samples.time(1)))
            #expect(try await state() == .pending)
            var now: Int64 = 100_000
            for _ in 0..<CoreLimits.jobDeliveries {
                #expect(try await self.claim(store, at: now, [.readDocument]).count == 1)
                now += Self.life
            }
            #expect(try await self.claim(store, at: now, [.readDocument]).isEmpty)
            let failed = try await store.document(document.id, readableBy: owner)
            #expect(failed.state == .failed)
            #expect(failed.failure == "The reader process died three times on this document.")
            let dead = try #require(try await store.jobs(state: .dead, before: nil, limit: 9).elements.first)
            _ = try await store.revive(dead.id, now: Samples.time(now))
            #expect(try await state() == .pending)
            lease = try #require(try await self.claim(store, at: now, [.readDocument]).first)
            try await store.publish(document, ["text"])
            #expect(try await store.complete(lease, now: Samples.time(now)))
            #expect(try await state() == .ready)
        }
    }

    @Test("jobs are listed newest first in pages, and completed ones purged", arguments: StoreFactory.all)
    func listing(_ factory: StoreFactory) async throws {
        try await factory.withStore { store in
            var ids: [JobID] = []
            for number in 0..<5 {
                ids.append(try await store.enqueue(Samples.job(at: Int64(number))).job.id)
            }
            let first = try await store.jobs(state: nil, before: nil, limit: 3)
            let rest = try await store.jobs(state: .waiting, before: first.next, limit: 3)
            #expect((first.elements + rest.elements).map(\.id) == ids.reversed() && rest.next == nil)
            await expectError(.invalid) { _ = try await store.jobs(state: nil, before: "d.1", limit: 3) }
            for lease in try await self.claim(store, at: 9, limit: 2) {
                #expect(try await store.complete(lease, now: Samples.time(10)))
            }
            try await store.purgeJobs(completedBefore: Samples.time(10))
            #expect(try await store.jobs(state: .completed, before: nil, limit: 9).elements.count == 2)
            try await store.purgeJobs(completedBefore: Samples.time(11))
            #expect(try await store.jobs(state: nil, before: nil, limit: 9).elements.count == 3)
        }
    }
}

extension NewJob {
    fileprivate func renamed(key: String?) -> NewJob {
        NewJob(id: self.id, kind: self.kind, payload: self.payload, dedupeKey: key, runAt: self.runAt)
    }
}

@Suite("workers that crash, pause and come back")
struct JobSimulation {
    /// What one worker does with a job, by chance.
    private enum Fate: CaseIterable {
        case complete, completeTwice, fail, giveUp, crash, pause, beatAndComplete, handBack
    }

    private struct Random: RandomNumberGenerator {
        var state: UInt64

        /// SplitMix64 (https://prng.di.unimi.it/splitmix64.c).
        mutating func next() -> UInt64 {
            self.state &+= 0x9E37_79B9_7F4A_7C15
            var z = self.state
            z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
            z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
            return z ^ (z >> 31)
        }
    }

    @Test(
        "each job ends once, completed or set aside; none is lost, none has two holders",
        arguments: StoreFactory.all, [1, 2, 3, 4, 5])
    func simulate(_ factory: StoreFactory, _ seed: UInt64) async throws {
        try await factory.withStore { store in
            var random = Random(state: seed)
            var now: Int64 = 0
            var completions: [JobID: Int] = [:]
            var all: Set<JobID> = []
            var paused: [JobLease] = []
            for _ in 0..<30 {
                all.insert(
                    try await store.enqueue(Samples.job(at: Int64.random(in: 0..<60_000, using: &random))).job.id)
            }
            for _ in 0..<1500 {
                now += Int64.random(in: 0..<20_000, using: &random)
                // A worker that was thought dead goes on with what it held.
                if let late = paused.popLast(), Bool.random(using: &random) {
                    if try await store.complete(late, now: Samples.time(now)) {
                        completions[late.job.id, default: 0] += 1
                    }
                }
                let leases = try await store.claim(
                    kinds: [.summarise], worker: NodeID("w"), limit: Int.random(in: 1...3, using: &random),
                    now: Samples.time(now))
                for lease in leases {
                    #expect(lease.job.deliveries - lease.job.failures <= CoreLimits.jobDeliveries)
                    #expect(completions[lease.job.id] == nil, "a completed job came back")
                    let fate = Fate.allCases.randomElement(using: &random) ?? .complete
                    if try await Self.live(fate, store, lease, now: &now, &paused) {
                        completions[lease.job.id, default: 0] += 1
                    }
                }
            }
            let completed = try await store.jobs(state: .completed, before: nil, limit: 200).elements
            let dead = try await store.jobs(state: .dead, before: nil, limit: 200).elements
            #expect(Set(completed.map(\.id)) == Set(completions.keys))
            #expect(completions.values.allSatisfy { $0 == 1 })
            #expect(Set(completed.map(\.id) + dead.map(\.id)) == all, "a job was lost")
            for job in dead {
                let deaths = job.deliveries - job.failures
                #expect(deaths == CoreLimits.jobDeliveries || job.failures > 0)
            }
        }
    }

    /// - Returns: whether the worker was told that its completion counts.
    private static func live(
        _ fate: Fate, _ store: any DurableStore, _ lease: JobLease, now: inout Int64, _ paused: inout [JobLease]
    ) async throws -> Bool {
        switch fate {
        case .complete:
            return try await store.complete(lease, now: Samples.time(now))
        case .completeTwice:
            let first = try await store.complete(lease, now: Samples.time(now))
            #expect(try await store.complete(lease, now: Samples.time(now)) == false)
            return first
        case .fail:
            _ = try await store.fail(lease, error: "e", retryable: true, now: Samples.time(now))
        case .giveUp:
            _ = try await store.fail(lease, error: "e", retryable: false, now: Samples.time(now))
        case .crash:
            break
        case .pause:
            paused.append(lease)
        case .beatAndComplete:
            now += CoreLimits.jobHeartbeat.milliseconds
            guard try await store.heartbeat(lease, progress: 0.5, now: Samples.time(now)) else { return false }
            return try await store.complete(lease, now: Samples.time(now))
        case .handBack:
            try await store.handBack(lease, now: Samples.time(now))
        }
        return false
    }
}
