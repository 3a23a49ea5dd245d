//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCluster
import ParleyCore
import RedisForTest
import Testing

@Suite("Two nodes on one Redis", .timeLimit(.minutes(1)))
struct RedisTwoNodesTests {
    @Test("a reader on another node sees every event once, live and in order")
    func live() async throws {
        try await RedisNodes.run(2) { nodes in
            let turn = TurnID.generate()
            let lease = try await nodes.a.begin(turn)
            async let here = nodes.a.readToTheEnd(turn)
            async let there = nodes.b.readToTheEnd(turn)
            for number in 1...300 {
                try await nodes.a.say(["\(number) "], from: number, lease)
            }
            try await nodes.a.end(301, lease)
            let (first, second) = try await (here, there)
            #expect(first.ids == (1...301).map { "1-\($0)" })
            #expect(second == first)
            // Late, and from a position.
            try await nodes.b.release(lease)
            let page = try await nodes.b.read(turn: turn, after: EventID(epoch: 1, sequence: 299), limit: 10)
            #expect(page.events.ids == ["1-300", "1-301"])
        }
    }

    @Test("a turn has one owner among the nodes; the next is fenced off from the earlier by its epoch")
    func exclusive() async throws {
        try await RedisNodes.run(2, lease: RedisNodes.quickLease) { nodes in
            let turn = TurnID.generate()
            let first = try await nodes.a.begin(turn)
            #expect(try await nodes.b.acquire(turn: turn, node: NodeID("b"), afterEpoch: 0) == nil)
            #expect(try await nodes.b.live(among: [turn]) == [turn])
            try await nodes.a.say(["a", "b"], from: 1, first)
            // As if the owner's process were paused for longer than its lease.
            try await Task.sleep(for: RedisNodes.quickLease)
            #expect(try await nodes.b.hasExpired())
            let second = try await nodes.b.begin(turn, node: "b")
            #expect(second.epoch == 2)
            // Who takes over knows all that was said.
            #expect(try await nodes.b.seen(turn) == ["1-1", "1-2"])
            #expect(await fails(.fenced) { try await nodes.a.say(["x"], from: 3, first) })
            #expect(await fails(.fenced) { try await nodes.a.say(["x", "y"], from: 3, first) })
            #expect(await fails(.fenced) { try await nodes.a.renew(first) })
            #expect(await fails(.fenced) { try await nodes.a.restore(first) })
            try await nodes.a.release(first)
            try await nodes.b.say(["c"], from: 1, second)
            try await nodes.b.end(2, second)
            // The former owner's readers go on with the new one.
            #expect(try await nodes.a.readToTheEnd(turn).ids == ["1-1", "1-2", "2-1", "2-2"])
            #expect(try await nodes.b.readToTheEnd(turn).ids == ["1-1", "1-2", "2-1", "2-2"])
        }
    }

    @Test("a released turn can be had at once, also by a node that hears of it")
    func handsOver() async throws {
        try await RedisNodes.run(2) { nodes in
            let turn = TurnID.generate()
            let first = try await nodes.a.begin(turn)
            try await nodes.a.say(["a"], from: 1, first)
            let free = await nodes.b.freeTurns()
            try await nodes.a.release(first)
            try await nodes.a.announceFree(turn)
            for await freed in free {
                #expect(freed == turn)
                break
            }
            let second = try await nodes.b.begin(turn, node: "b")
            #expect(second.epoch == 2)
            #expect(await fails(.fenced) { try await nodes.a.say(["b"], from: 2, first) })
        }
    }

    @Test("a stop reaches the owner at once, and with its next step when the hint is lost")
    func stops() async throws {
        try await RedisNodes.run(2) { nodes in
            let turn = TurnID.generate()
            let lease = try await nodes.a.begin(turn)
            let stops = await nodes.a.stopRequests()
            let began = ContinuousClock.now
            try await nodes.b.requestStop(turn)
            for await stopped in stops {
                #expect(stopped == turn)
                break
            }
            #expect(began.duration(to: .now) < .milliseconds(500))
            let again = await nodes.a.stopRequests()
            try await nodes.a.renew(lease)
            for await stopped in again {
                #expect(stopped == turn)
                break
            }
            let third = await nodes.a.stopRequests()
            try await nodes.a.say(["a"], from: 1, lease)
            for await stopped in third {
                #expect(stopped == turn)
                break
            }
        }
    }

    @Test("a round of upkeep is one node's until it is over")
    func rounds() async throws {
        try await RedisNodes.run(2) { nodes in
            #expect(try await nodes.a.claimRound("reap", for: .seconds(60)))
            #expect(try await !nodes.b.claimRound("reap", for: .seconds(60)))
            #expect(try await nodes.b.claimRound("other", for: .milliseconds(5)))
            try await Task.sleep(for: .milliseconds(10))
            #expect(try await nodes.a.claimRound("other", for: .seconds(60)))
        }
    }

    @Test("readers get what they missed when every hint is lost")
    func lostHints() async throws {
        try await RedisNodes.run(2) { nodes in
            let turn = TurnID.generate()
            let lease = try await nodes.a.begin(turn)
            try await nodes.a.say(["a"], from: 1, lease)
            async let read = nodes.b.readToTheEnd(turn)
            try await nodes.b.waitToSee(EventID(epoch: 1, sequence: 1), of: turn)
            for number in 2...5 {
                try nodes.server.command("CLIENT", "KILL", "TYPE", "pubsub")
                try await nodes.a.say(["b"], from: number, lease)
            }
            try nodes.server.command("CLIENT", "KILL", "TYPE", "pubsub")
            try await nodes.a.end(6, lease)
            let began = ContinuousClock.now
            #expect(try await read.ids == (1...6).map { "1-\($0)" })
            #expect(began.duration(to: .now) < .seconds(3))
        }
    }

    @Test("an append goes through although its connection breaks")
    func brokenConnections() async throws {
        try await RedisNodes.run(2) { nodes in
            let turn = TurnID.generate()
            let lease = try await nodes.a.begin(turn)
            async let read = nodes.b.readToTheEnd(turn)
            for number in 1...100 {
                if number.isMultiple(of: 10) { try nodes.server.command("CLIENT", "KILL", "TYPE", "normal") }
                try await nodes.a.say(["\(number)"], from: number, lease)
            }
            try await nodes.a.end(101, lease)
            #expect(try await read.ids == (1...101).map { "1-\($0)" })
        }
    }
}
