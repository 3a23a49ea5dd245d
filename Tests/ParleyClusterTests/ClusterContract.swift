//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCluster
import ParleyCore
import Testing

typealias AnyCluster = any LeaseStore & AnswerLog & TurnCommands

/// Where leases, logs and commands can be kept.
enum ClusterHome: CaseIterable {
    case process
    case redis

    /// Runs `body` on a cluster of one node.
    func run(
        lease: Duration = CoreLimits.leaseLife, _ body: @escaping @Sendable (AnyCluster) async throws -> Void
    ) async throws {
        switch self {
        case .process:
            let cluster = InProcessCluster(leaseLife: lease)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await cluster.run() }
                try await body(cluster)
                group.cancelAll()
            }
        case .redis: try await RedisNodes.run(1, lease: lease) { try await body($0.a) }
        }
    }
}

/// What every home of leases, logs and commands must do.
@Suite("Leases, logs and commands, in process and on Redis", .timeLimit(.minutes(1)))
struct ClusterContractTests {
    let a = NodeID("a")
    let b = NodeID("b")

    @Test("a lease is exclusive and fences older writers", arguments: ClusterHome.allCases)
    func leaseIsExclusiveAndFences(_ home: ClusterHome) async throws {
        try await home.run { [a, b] cluster in
            let turn = TurnID.generate()
            let first = try #require(await cluster.acquire(turn: turn, node: a, afterEpoch: 4))
            #expect(first.epoch == 5)
            #expect(try await cluster.acquire(turn: turn, node: b, afterEpoch: 4) == nil)
            #expect(try await cluster.live(among: [turn, .generate()]) == [turn])
            try await cluster.append([.started(model: "m")], firstSequence: 1, lease: first)
            try await cluster.release(first)
            #expect(try await cluster.live(among: [turn]).isEmpty)
            let second = try #require(await cluster.acquire(turn: turn, node: b, afterEpoch: 0))
            #expect(second.epoch == 6)
            await #expect(throws: ClusterError.self) {
                try await cluster.append([.delta("x")], firstSequence: 2, lease: first)
            }
            await #expect(throws: ClusterError.self) { try await cluster.renew(first) }
            try await cluster.renew(second)
            try await cluster.append([.delta("y")], firstSequence: 1, lease: second)
            let page = try await cluster.read(turn: turn, after: .start, limit: 100)
            #expect(page.events.map(\.id.description) == ["5-1", "6-1"])
        }
    }

    @Test("an append is idempotent and contiguous", arguments: ClusterHome.allCases)
    func appendIsIdempotentAndContiguous(_ home: ClusterHome) async throws {
        try await home.run { [a] cluster in
            let turn = TurnID.generate()
            let lease = try #require(await cluster.acquire(turn: turn, node: a, afterEpoch: 0))
            try await cluster.append([.started(model: "m"), .delta("a")], firstSequence: 1, lease: lease)
            try await cluster.append([.delta("a"), .delta("b")], firstSequence: 2, lease: lease)
            await #expect {
                try await cluster.append([.delta("x")], firstSequence: 9, lease: lease)
            } throws: {
                ($0 as? ClusterError)?.code == .gap
            }
            let page = try await cluster.read(turn: turn, after: EventID(epoch: 1, sequence: 1), limit: 100)
            #expect(page.events.map(\.kind) == [.delta("a"), .delta("b")])
            #expect(page.exists)
            #expect(try await !cluster.read(turn: .generate(), after: .start, limit: 1).exists)
        }
    }

    @Test("a waiting reader is woken by an event", arguments: ClusterHome.allCases)
    func waitingEndsWithAnEvent(_ home: ClusterHome) async throws {
        try await home.run { [a] cluster in
            let turn = TurnID.generate()
            let lease = try #require(await cluster.acquire(turn: turn, node: a, afterEpoch: 0))
            async let waited: Void = cluster.waitForEvents(turn: turn, after: .start, atMost: .seconds(30))
            try await cluster.append([.started(model: "m")], firstSequence: 1, lease: lease)
            try await waited
            // What is there already needs no wait.
            try await cluster.waitForEvents(turn: turn, after: .start, atMost: .seconds(30))
        }
    }

    @Test("a wait ends at its deadline and when it is cancelled", arguments: ClusterHome.allCases)
    func waitingEndsAtItsDeadlineAndWhenCancelled(_ home: ClusterHome) async throws {
        try await home.run { cluster in
            let turn = TurnID.generate()
            try await cluster.waitForEvents(turn: turn, after: .start, atMost: .milliseconds(10))
            await withTaskGroup(of: Void.self) { group in
                group.addTask { try? await cluster.waitForEvents(turn: turn, after: .start, atMost: .seconds(60)) }
                group.cancelAll()
            }
        }
    }

    @Test("a lease is restored unless another node has the turn", arguments: ClusterHome.allCases)
    func aLeaseIsRestoredUnlessAnotherHasTheTurn(_ home: ClusterHome) async throws {
        try await home.run { [a, b] cluster in
            let turn = TurnID.generate()
            let first = try #require(await cluster.acquire(turn: turn, node: a, afterEpoch: 0))
            try await cluster.append([.started(model: "m")], firstSequence: 1, lease: first)
            try await cluster.restore(first)
            try await cluster.append([.delta("a")], firstSequence: 2, lease: first)
            try await cluster.release(first)
            let second = try #require(await cluster.acquire(turn: turn, node: b, afterEpoch: 0))
            await #expect {
                try await cluster.restore(first)
            } throws: {
                ($0 as? ClusterError)?.code == .fenced
            }
            try await cluster.append([.started(model: "m")], firstSequence: 1, lease: second)
            let page = try await cluster.read(turn: turn, after: .start, limit: 100)
            #expect(page.events.map(\.id.description) == ["1-1", "1-2", "2-1"])
        }
    }

    @Test(
        "a lapsed lease is told of until it is taken, and is its owner's until then", arguments: ClusterHome.allCases)
    func aLapsedLeaseIsToldOfUntilItIsTakenOrTheTurnEnds(_ home: ClusterHome) async throws {
        let life = Duration.milliseconds(150)
        try await home.run(lease: life) { [a, b] cluster in
            let turn = TurnID.generate()
            let first = try #require(await cluster.acquire(turn: turn, node: a, afterEpoch: 0))
            #expect(try await !cluster.hasExpired())
            try await Task.sleep(for: life)
            #expect(try await cluster.hasExpired())
            #expect(try await cluster.live(among: [turn]).isEmpty)
            // Nobody took it: the epoch fences, not the clock.
            try await cluster.append([.started(model: "m")], firstSequence: 1, lease: first)
            try await cluster.renew(first)
            #expect(try await !cluster.hasExpired())
            try await Task.sleep(for: life)
            let second = try #require(await cluster.acquire(turn: turn, node: b, afterEpoch: 0))
            #expect(try await !cluster.hasExpired())
            await #expect {
                try await cluster.renew(first)
            } throws: {
                ($0 as? ClusterError)?.code == .fenced
            }
            try await cluster.release(second)
            #expect(try await !cluster.hasExpired())
        }
    }

    @Test("nothing follows the end of a turn", arguments: ClusterHome.allCases)
    func nothingFollowsTheEnd(_ home: ClusterHome) async throws {
        try await home.run { [a] cluster in
            let turn = TurnID.generate()
            let lease = try #require(await cluster.acquire(turn: turn, node: a, afterEpoch: 0))
            let end = TurnEvent.Kind.stopped(messageID: .generate())
            try await cluster.append([.started(model: "m"), end], firstSequence: 1, lease: lease)
            try await cluster.append([end], firstSequence: 2, lease: lease)
            await #expect {
                try await cluster.append([.delta("x")], firstSequence: 3, lease: lease)
            } throws: {
                ($0 as? ClusterError)?.code == .fenced
            }
            try await cluster.release(lease)
            let page = try await cluster.read(turn: turn, after: .start, limit: 100)
            #expect(page.events.map(\.kind) == [.started(model: "m"), end])
        }
    }

    @Test("a long log is read in pages", arguments: ClusterHome.allCases)
    func aLongLogIsReadInPages(_ home: ClusterHome) async throws {
        try await home.run { [a] cluster in
            let turn = TurnID.generate()
            let lease = try #require(await cluster.acquire(turn: turn, node: a, afterEpoch: 0))
            let texts = (1...2000).map { "\($0) " }
            for start in stride(from: 0, to: texts.count, by: 500) {
                let kinds = texts[start..<start + 500].map { TurnEvent.Kind.delta($0) }
                try await cluster.append(kinds, firstSequence: start + 1, lease: lease)
            }
            var position = EventID.start
            var read: [TurnEvent.Kind] = []
            while true {
                let page = try await cluster.read(turn: turn, after: position, limit: 10_000)
                guard let last = page.events.last else { break }
                #expect(page.events.count <= 512)
                read += page.events.map(\.kind)
                position = last.id
            }
            #expect(read == texts.map { .delta($0) })
        }
    }

    @Test("a round of upkeep is claimed", arguments: ClusterHome.allCases)
    func aRoundIsClaimed(_ home: ClusterHome) async throws {
        try await home.run { cluster in
            #expect(try await cluster.claimRound("search", for: .milliseconds(20)))
            try await Task.sleep(for: .milliseconds(40))
            #expect(try await cluster.claimRound("search", for: .milliseconds(20)))
        }
    }

    @Test("a turn that is free is told of", arguments: ClusterHome.allCases)
    func freeTurnsAreToldOf(_ home: ClusterHome) async throws {
        try await home.run { cluster in
            let turn = TurnID.generate()
            let free = await cluster.freeTurns()
            try await cluster.announceFree(turn)
            for await freed in free {
                #expect(freed == turn)
                break
            }
        }
    }

    @Test("a stop reaches those who listen", arguments: ClusterHome.allCases)
    func stopReachesListeners(_ home: ClusterHome) async throws {
        try await home.run { cluster in
            let turn = TurnID.generate()
            let requests = await cluster.stopRequests()
            try await cluster.requestStop(turn)
            for await request in requests {
                #expect(request == turn)
                break
            }
        }
    }
}
