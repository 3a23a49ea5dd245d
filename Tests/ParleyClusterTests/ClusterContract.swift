//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCore
import Testing

/// What every home of leases, logs and commands must do. One suite, run on each of them.
struct ClusterContract<Cluster: LeaseStore & AnswerLog & TurnCommands> {
    let cluster: Cluster
    let a = NodeID("a")
    let b = NodeID("b")

    func leaseIsExclusiveAndFences() async throws {
        let turn = TurnID.generate()
        let first = try #require(await self.cluster.acquire(turn: turn, node: self.a, afterEpoch: 4))
        #expect(first.epoch == 5)
        #expect(try await self.cluster.acquire(turn: turn, node: self.b, afterEpoch: 4) == nil)
        #expect(try await self.cluster.live(among: [turn, .generate()]) == [turn])
        try await self.cluster.append([.started(model: "m")], firstSequence: 1, lease: first)
        try await self.cluster.release(first)
        #expect(try await self.cluster.live(among: [turn]).isEmpty)
        let second = try #require(await self.cluster.acquire(turn: turn, node: self.b, afterEpoch: 0))
        #expect(second.epoch == 6)
        await #expect(throws: ClusterError.self) {
            try await self.cluster.append([.delta("x")], firstSequence: 2, lease: first)
        }
        await #expect(throws: ClusterError.self) { try await self.cluster.renew(first) }
        try await self.cluster.renew(second)
        try await self.cluster.append([.delta("y")], firstSequence: 1, lease: second)
        let page = try await self.cluster.read(turn: turn, after: .start, limit: 100)
        #expect(page.events.map(\.id.description) == ["5-1", "6-1"])
    }

    func appendIsIdempotentAndContiguous() async throws {
        let turn = TurnID.generate()
        let lease = try #require(await self.cluster.acquire(turn: turn, node: self.a, afterEpoch: 0))
        try await self.cluster.append([.started(model: "m"), .delta("a")], firstSequence: 1, lease: lease)
        try await self.cluster.append([.delta("a"), .delta("b")], firstSequence: 2, lease: lease)
        await #expect {
            try await self.cluster.append([.delta("x")], firstSequence: 9, lease: lease)
        } throws: {
            ($0 as? ClusterError)?.code == .gap
        }
        let page = try await self.cluster.read(turn: turn, after: EventID(epoch: 1, sequence: 1), limit: 100)
        #expect(page.events.map(\.kind) == [.delta("a"), .delta("b")])
        #expect(page.exists)
        #expect(try await !self.cluster.read(turn: .generate(), after: .start, limit: 1).exists)
    }

    func waitingEndsWithAnEvent() async throws {
        let turn = TurnID.generate()
        let lease = try #require(await self.cluster.acquire(turn: turn, node: self.a, afterEpoch: 0))
        async let waited: Void = self.cluster.waitForEvents(turn: turn, after: .start, atMost: .seconds(30))
        try await self.cluster.append([.started(model: "m")], firstSequence: 1, lease: lease)
        try await waited
        // What is there already needs no wait.
        try await self.cluster.waitForEvents(turn: turn, after: .start, atMost: .seconds(30))
    }

    func waitingEndsAtItsDeadlineAndWhenCancelled() async throws {
        let turn = TurnID.generate()
        try await self.cluster.waitForEvents(turn: turn, after: .start, atMost: .milliseconds(10))
        await withTaskGroup(of: Void.self) { group in
            group.addTask { try? await self.cluster.waitForEvents(turn: turn, after: .start, atMost: .seconds(60)) }
            group.cancelAll()
        }
    }

    func aLeaseIsRestoredUnlessAnotherHasTheTurn() async throws {
        let turn = TurnID.generate()
        let first = try #require(await self.cluster.acquire(turn: turn, node: self.a, afterEpoch: 0))
        try await self.cluster.append([.started(model: "m")], firstSequence: 1, lease: first)
        try await self.cluster.restore(first)
        try await self.cluster.append([.delta("a")], firstSequence: 2, lease: first)
        try await self.cluster.release(first)
        let second = try #require(await self.cluster.acquire(turn: turn, node: self.b, afterEpoch: 0))
        await #expect {
            try await self.cluster.restore(first)
        } throws: {
            ($0 as? ClusterError)?.code == .fenced
        }
        try await self.cluster.append([.started(model: "m")], firstSequence: 1, lease: second)
        let page = try await self.cluster.read(turn: turn, after: .start, limit: 100)
        #expect(page.events.map(\.id.description) == ["1-1", "1-2", "2-1"])
    }

    func aLapsedLeaseIsToldOfUntilItIsTakenOrTheTurnEnds(lease life: Duration) async throws {
        let turn = TurnID.generate()
        let first = try #require(await self.cluster.acquire(turn: turn, node: self.a, afterEpoch: 0))
        #expect(try await !self.cluster.hasExpired())
        try await Task.sleep(for: life)
        #expect(try await self.cluster.hasExpired())
        #expect(try await self.cluster.live(among: [turn]).isEmpty)
        // Nobody took it: the epoch fences, not the clock.
        try await self.cluster.append([.started(model: "m")], firstSequence: 1, lease: first)
        try await self.cluster.renew(first)
        #expect(try await !self.cluster.hasExpired())
        try await Task.sleep(for: life)
        let second = try #require(await self.cluster.acquire(turn: turn, node: self.b, afterEpoch: 0))
        #expect(try await !self.cluster.hasExpired())
        await #expect {
            try await self.cluster.renew(first)
        } throws: {
            ($0 as? ClusterError)?.code == .fenced
        }
        try await self.cluster.release(second)
        #expect(try await !self.cluster.hasExpired())
    }

    func nothingFollowsTheEnd() async throws {
        let turn = TurnID.generate()
        let lease = try #require(await self.cluster.acquire(turn: turn, node: self.a, afterEpoch: 0))
        let end = TurnEvent.Kind.stopped(messageID: .generate())
        try await self.cluster.append([.started(model: "m"), end], firstSequence: 1, lease: lease)
        try await self.cluster.append([end], firstSequence: 2, lease: lease)
        await #expect {
            try await self.cluster.append([.delta("x")], firstSequence: 3, lease: lease)
        } throws: {
            ($0 as? ClusterError)?.code == .fenced
        }
        try await self.cluster.release(lease)
        let page = try await self.cluster.read(turn: turn, after: .start, limit: 100)
        #expect(page.events.map(\.kind) == [.started(model: "m"), end])
    }

    func aLongLogIsReadInPages() async throws {
        let turn = TurnID.generate()
        let lease = try #require(await self.cluster.acquire(turn: turn, node: self.a, afterEpoch: 0))
        let texts = (1...2000).map { "\($0) " }
        for start in stride(from: 0, to: texts.count, by: 500) {
            let kinds = texts[start..<start + 500].map { TurnEvent.Kind.delta($0) }
            try await self.cluster.append(kinds, firstSequence: start + 1, lease: lease)
        }
        var position = EventID.start
        var read: [TurnEvent.Kind] = []
        while true {
            let page = try await self.cluster.read(turn: turn, after: position, limit: 10_000)
            guard let last = page.events.last else { break }
            #expect(page.events.count <= 512)
            read += page.events.map(\.kind)
            position = last.id
        }
        #expect(read == texts.map { .delta($0) })
    }

    func aRoundIsClaimed() async throws {
        #expect(try await self.cluster.claimRound("search", for: .milliseconds(20)))
        try await Task.sleep(for: .milliseconds(40))
        #expect(try await self.cluster.claimRound("search", for: .milliseconds(20)))
    }

    func freeTurnsAreToldOf() async throws {
        let turn = TurnID.generate()
        let free = await self.cluster.freeTurns()
        try await self.cluster.announceFree(turn)
        for await freed in free {
            #expect(freed == turn)
            break
        }
    }

    func stopReachesListeners() async throws {
        let turn = TurnID.generate()
        let requests = await self.cluster.stopRequests()
        try await self.cluster.requestStop(turn)
        for await request in requests {
            #expect(request == turn)
            break
        }
    }
}
