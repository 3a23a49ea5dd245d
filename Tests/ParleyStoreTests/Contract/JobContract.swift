//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCore
import SeededRandom
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
            #expect(try await store.fail(one, error: "x", retryable: true, now: now) == nil)
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
                let failed = try await store.fail(
                    lease, error: "no \(failure)", retryable: true, now: Samples.time(now))
                #expect(failed?.failures == failure)
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
            #expect(try await store.fail(again, error: "for good", retryable: false, now: Samples.time(now)) != nil)
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
                #expect(try await store.fail(lease, error: "e", retryable: true, now: Samples.time(now)) != nil)
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

    @Test("jobs are claimed by their ids: due, lost, too early, another's, ended", arguments: StoreFactory.all)
    func claimByID(_ factory: StoreFactory) async throws {
        try await factory.withStore { store in
            var ids: [JobID] = []
            for time: Int64 in [0, 0, 50, 0] { ids.append(try await store.enqueue(Samples.job(at: time)).job.id) }
            let ended = try #require(try await self.claim(store, at: 0).first)
            #expect(try await store.complete(ended, now: Samples.time(1)))
            let all = ids + [.generate()]
            let first = try await store.claim(all, worker: self.node, now: Samples.time(1))
            #expect(first.leases.map(\.job.id) == [ids[1], ids[3]])
            #expect(first.leases.allSatisfy { $0.job.state == .running && $0.job.deliveries == 1 })
            #expect(first.later == [JobTicket(id: ids[2], kind: .summarise, dueAt: Samples.time(50))])
            let second = try await store.claim(all, worker: NodeID("b"), now: Samples.time(50))
            let end = Samples.time(1 + Self.life)
            #expect(second.leases.map(\.job.id) == [ids[2]])
            #expect(second.later.map(\.id) == [ids[1], ids[3]] && second.later.allSatisfy { $0.dueAt == end })
            let third = try await store.claim(all, worker: NodeID("b"), now: end)
            #expect(third.leases.map(\.job.id) == [ids[1], ids[3]])
            #expect(try await store.complete(first.leases + third.leases, now: end) == [false, false, true, true])
            let beats = [first.leases[0], second.leases[0]].map { JobBeat($0, progress: 0.5) }
            #expect(try await store.heartbeat(beats, now: end) == [false, true])
            #expect(try await store.claim([], worker: self.node, now: end) == JobClaim())
        }
    }

    @Test("a job claimed by its id on which workers die is set aside", arguments: StoreFactory.all)
    func deathsByID(_ factory: StoreFactory) async throws {
        try await factory.withStore { store in
            let id = try await store.enqueue(Samples.job()).job.id
            for delivery in 0..<CoreLimits.jobDeliveries {
                let now = Samples.time(Int64(delivery) * Self.life)
                #expect(try await store.claim([id], worker: self.node, now: now).leases.count == 1)
            }
            let now = Samples.time(Int64(CoreLimits.jobDeliveries) * Self.life)
            #expect(try await store.claim([id], worker: self.node, now: now) == JobClaim())
            #expect(try await store.jobs(state: .dead, before: nil, limit: 9).elements.map(\.id) == [id])
        }
    }

    @Test("unfinished jobs are paged through as tickets", arguments: StoreFactory.all)
    func unfinished(_ factory: StoreFactory) async throws {
        try await factory.withStore { store in
            var ids: [JobID] = []
            for number in 0..<7 { ids.append(try await store.enqueue(Samples.job(at: Int64(number))).job.id) }
            let leases = try await self.claim(store, at: 1, limit: 2)
            #expect(try await store.complete(leases[0], now: Samples.time(2)))
            var found: [JobTicket] = []
            var cursor: Int64? = 0
            while let after = cursor {
                let page = try await store.unfinishedJobs(after: after, limit: 2)
                #expect(page.tickets.count <= 2)
                found += page.tickets
                cursor = page.next
            }
            #expect(found.map(\.id) == Array(ids.dropFirst()))
            #expect(found[0].dueAt == Samples.time(1 + Self.life))
            #expect(found[1].dueAt == Samples.time(2))
        }
    }

    @Test(
        "new and revived jobs are told of, each after its commit", .timeLimit(.minutes(1)), arguments: StoreFactory.all)
    func announcements(_ factory: StoreFactory) async throws {
        let owner = UserID.generate()
        try await factory.withStore { store in
            _ = try await store.enqueue(Samples.job(key: "before"))
            var told = store.addedJobs().makeAsyncIterator()
            let job = try await store.enqueue(Samples.job(key: "k", at: 5)).job
            #expect(await told.next() == [JobTicket(id: job.id, kind: .summarise, dueAt: Samples.time(5))])
            _ = try await store.enqueue(Samples.job(key: "k", at: 5))
            await expectError(.conflict) {
                let again = NewJob(id: job.id, kind: .summarise, payload: "", runAt: Samples.time(0))
                _ = try await store.enqueue(again)
            }
            let collection = try await store.create(Samples.collection(owner: owner)).collection
            _ = try await store.add("a", content: 1, to: collection.id, owner: owner)
            let reading = try #require(try await store.jobs(state: nil, before: nil, limit: 1).elements.first)
            let ticket = reading.ticket
            #expect(await told.next() == [ticket])
            let claim = try await store.claim([reading.id], worker: self.node, now: reading.runAt)
            let lease = try #require(claim.leases.first)
            #expect(try await store.fail(lease, error: "e", retryable: false, now: reading.runAt)?.state == .dead)
            _ = try await store.revive(reading.id, now: reading.runAt)
            #expect(await told.next() == [ticket])
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
            #expect(try await store.fail(lease, error: "busy", retryable: true, now: Samples.time(1)) != nil)
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
    @Test(
        "each job ends once, completed or set aside; none is lost, none has two holders",
        arguments: StoreFactory.all, [1, 2, 3, 4, 5])
    func simulate(_ factory: StoreFactory, _ seed: UInt64) async throws {
        try await factory.withStore { store in
            let workers = SimulatedWorkers(store: store, seed: seed)
            try await workers.enqueue(30)
            for _ in 0..<1500 {
                try await workers.step()
            }
            let completed = try await store.jobs(state: .completed, before: nil, limit: 200).elements
            let dead = try await store.jobs(state: .dead, before: nil, limit: 200).elements
            let completions = await workers.completions
            #expect(Set(completed.map(\.id)) == Set(completions.keys))
            #expect(completions.values.allSatisfy { $0 == 1 })
            let all = await workers.jobs
            #expect(Set(completed.map(\.id) + dead.map(\.id)) == all, "a job was lost")
            for job in dead {
                #expect(job.deliveries - job.failures == CoreLimits.jobDeliveries || job.failures > 0)
            }
        }
    }
}

/// Workers that do by chance what workers do.
private actor SimulatedWorkers {
    private enum Fate: CaseIterable {
        case complete, completeTwice, fail, giveUp, crash, pause, beatAndComplete, handBack
    }

    private let store: any DurableStore
    private var random: SeededGenerator
    private var now: Int64 = 0
    private var paused: [JobLease] = []
    private(set) var jobs: Set<JobID> = []
    /// How often a worker was told that its completion counts.
    private(set) var completions: [JobID: Int] = [:]

    init(store: any DurableStore, seed: UInt64) {
        self.store = store
        self.random = SeededGenerator(seed: seed)
    }

    func enqueue(_ count: Int) async throws {
        for _ in 0..<count {
            let job = Samples.job(at: Int64.random(in: 0..<60_000, using: &self.random))
            self.jobs.insert(try await self.store.enqueue(job).job.id)
        }
    }

    func step() async throws {
        self.now += Int64.random(in: 0..<20_000, using: &self.random)
        // A worker that was thought dead goes on with what it held.
        if Bool.random(using: &self.random), let late = self.paused.popLast() {
            try await self.complete(late)
        }
        let limit = Int.random(in: 1...3, using: &self.random)
        let leases = try await self.store.claim(
            kinds: [.summarise], worker: NodeID("w"), limit: limit, now: Samples.time(self.now))
        for lease in leases {
            #expect(lease.job.deliveries - lease.job.failures <= CoreLimits.jobDeliveries)
            #expect(self.completions[lease.job.id] == nil, "a completed job came back")
            try await self.live(with: lease)
        }
    }

    private func complete(_ lease: JobLease) async throws {
        if try await self.store.complete(lease, now: Samples.time(self.now)) {
            self.completions[lease.job.id, default: 0] += 1
        }
    }

    private func live(with lease: JobLease) async throws {
        let now = Samples.time(self.now)
        switch Fate.allCases.randomElement(using: &self.random) ?? .complete {
        case .complete:
            try await self.complete(lease)
        case .completeTwice:
            try await self.complete(lease)
            try await self.complete(lease)
        case .fail:
            _ = try await self.store.fail(lease, error: "e", retryable: true, now: now)
        case .giveUp:
            _ = try await self.store.fail(lease, error: "e", retryable: false, now: now)
        case .crash:
            break
        case .pause:
            self.paused.append(lease)
        case .beatAndComplete:
            self.now += CoreLimits.jobHeartbeat.milliseconds
            let isHeld = try await self.store.heartbeat(lease, progress: 0.5, now: Samples.time(self.now))
            if isHeld { try await self.complete(lease) }
        case .handBack:
            try await self.store.handBack(lease, now: now)
        }
    }
}
