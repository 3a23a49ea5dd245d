//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCluster
import ParleyCore
import RedisForTest
import Testing

@Suite("When Redis is away, restarted, emptied or behind", .timeLimit(.minutes(1)))
struct RedisFaultTests {
    /// Appends as an engine does: a turn that Redis does not know is restored and the events given again.
    private static func insist(_ node: RedisCluster, _ texts: [String], from sequence: Int, _ lease: Lease) async throws
    {
        do {
            try await node.say(texts, from: sequence, lease)
        } catch let error as ClusterError where error.code == .lost {
            try await node.restore(lease)
            try await node.say(texts, from: sequence, lease)
        }
    }

    private static func waitUntil(_ isAway: Bool, _ node: RedisCluster) async throws {
        while node.isAway != isAway { try await Task.sleep(for: .milliseconds(5)) }
    }

    @Test("a Redis that stands still delays readers elsewhere; the owner's go on")
    func paused() async throws {
        try await RedisNodes.run(2) { nodes in
            let turn = TurnID.generate()
            let lease = try await nodes.a.begin(turn)
            async let here = nodes.a.readToTheEnd(turn)
            async let there = nodes.b.readToTheEnd(turn)
            try await nodes.a.say(["a"], from: 1, lease)
            try await nodes.b.waitToSee(EventID(epoch: 1, sequence: 1), of: turn)
            nodes.server.pause()
            let began = ContinuousClock.now
            try await nodes.a.say(["b"], from: 2, lease)
            #expect(began.duration(to: .now) < .seconds(1))
            #expect(nodes.a.isAway)
            #expect(try await nodes.a.seen(turn) == ["1-1", "1-2"])
            // From now on nothing waits.
            let soon = ContinuousClock.now
            try await nodes.a.say(["c"], from: 3, lease)
            #expect(soon.duration(to: .now) < .milliseconds(100))
            try await nodes.a.end(4, lease)
            #expect(try await here.ids == ["1-1", "1-2", "1-3", "1-4"])
            #expect(try await nodes.b.read(turn: turn, after: .start, limit: 9).events.ids == ["1-1"])
            #expect(await fails(.unavailable) { try await nodes.a.renew(lease) })
            #expect(
                await fails(.unavailable) {
                    _ = try await nodes.b.acquire(turn: .generate(), node: NodeID("b"), afterEpoch: 0)
                })
            nodes.server.resume()
            #expect(try await there.ids == ["1-1", "1-2", "1-3", "1-4"])
            try await Self.waitUntil(false, nodes.a)
        }
    }

    @Test(
        "a Redis that is killed and started again gets what it lacks",
        arguments: [RedisServer.Persistence.nothing, .everySecond, .always])
    func killed(_ persistence: RedisServer.Persistence) async throws {
        try await RedisNodes.run(2, persistence) { nodes in
            let turn = TurnID.generate()
            let lease = try await nodes.a.begin(turn)
            async let there = nodes.b.readToTheEnd(turn)
            try await nodes.a.say(["a", "b"], from: 1, lease)
            try await nodes.b.waitToSee(EventID(epoch: 1, sequence: 2), of: turn)
            try await nodes.server.kill()
            try await nodes.a.say(["c"], from: 3, lease)
            try await nodes.a.say(["d"], from: 4, lease)
            #expect(try await nodes.a.seen(turn) == ["1-1", "1-2", "1-3", "1-4"])
            #expect(try await nodes.b.read(turn: turn, after: .start, limit: 9).exists)
            try await nodes.server.start()
            try await Self.waitUntil(false, nodes.a)
            try await Self.insist(nodes.a, ["e"], from: 5, lease)
            try await nodes.a.end(6, lease)
            let events = try await there
            #expect(events.ids == (1...6).map { "1-\($0)" })
            #expect(events.prefix(5).map(\.kind) == ["a", "b", "c", "d", "e"].map { .delta($0) })
            // A reader that comes only now sees it too.
            #expect(try nodes.server.command("XLEN", "parley:{\(turn)}:log") == "6")
        }
    }

    @Test("an emptied Redis makes the owner say so, restore its lease and send its log again")
    func emptied() async throws {
        try await RedisNodes.run(2) { nodes in
            let turn = TurnID.generate()
            let lease = try await nodes.a.begin(turn)
            async let there = nodes.b.readToTheEnd(turn)
            try await nodes.a.say(["a", "b"], from: 1, lease)
            try await nodes.b.waitToSee(EventID(epoch: 1, sequence: 2), of: turn)
            try nodes.server.command("FLUSHALL")
            #expect(await fails(.lost) { try await nodes.a.say(["c"], from: 3, lease) })
            #expect(await fails(.lost) { try await nodes.a.renew(lease) })
            // Nobody sees what is not logged.
            #expect(try await nodes.a.seen(turn) == ["1-1", "1-2"])
            try await nodes.a.restore(lease)
            #expect(try await nodes.a.seen(turn) == ["1-1", "1-2", "1-3"])
            try await nodes.a.say(["c"], from: 3, lease)
            try await nodes.a.renew(lease)
            try await nodes.a.end(4, lease)
            #expect(try await there.ids == ["1-1", "1-2", "1-3", "1-4"])
            #expect(try nodes.server.command("XLEN", "parley:{\(turn)}:log") == "4")
        }
    }

    @Test("a lease that another node restored or took after the flush is not restored by the former owner")
    func emptiedAndTaken() async throws {
        try await RedisNodes.run(2) { nodes in
            let turn = TurnID.generate()
            let first = try await nodes.a.begin(turn)
            try await nodes.a.say(["a"], from: 1, first)
            try nodes.server.command("FLUSHALL")
            let second = try await nodes.b.begin(turn, node: "b", afterEpoch: 1)
            #expect(second.epoch == 2)
            #expect(await fails(.fenced) { try await nodes.a.restore(first) })
            #expect(await fails(.fenced) { try await nodes.a.say(["b"], from: 2, first) })
            // The same epoch twice, because the flush made both forget: whoever was first has it.
            try nodes.server.command("FLUSHALL")
            try await nodes.b.restore(second)
            let twin = Lease(turnID: turn, node: NodeID("a"), epoch: 2)
            #expect(await fails(.fenced) { try await nodes.a.restore(twin) })
        }
    }

    @Test("turns of which an emptied Redis knows nothing are left alone for a while, those that it knows are not")
    func grace() async throws {
        let grace = Duration.milliseconds(600)
        try await RedisNodes.run(1, lease: RedisNodes.quickLease, grace: grace) { nodes in
            let (known, unknown) = (TurnID.generate(), TurnID.generate())
            #expect(try await nodes.a.live(among: [unknown]) == [unknown])
            let lease = try await nodes.a.begin(known)
            try await nodes.a.release(lease)
            #expect(try await nodes.a.live(among: [known, unknown]) == [unknown])
            try await Task.sleep(for: grace)
            #expect(try await nodes.a.live(among: [known, unknown]).isEmpty)
            try nodes.server.command("FLUSHALL")
            #expect(try await nodes.a.live(among: [known, unknown]) == [known, unknown])
            _ = try await nodes.a.begin(known, afterEpoch: 1)
            try await Task.sleep(for: RedisNodes.quickLease)
            #expect(try await !nodes.a.hasExpired())
            try await Task.sleep(for: grace - RedisNodes.quickLease)
            #expect(try await nodes.a.hasExpired())
            #expect(try await nodes.a.live(among: [known, unknown]).isEmpty)
        }
    }

    @Test("after a restart with its file a Redis is young again, since the end of the file may be missing")
    func graceAfterRestart() async throws {
        let grace = Duration.milliseconds(500)
        try await RedisNodes.run(1, .always, grace: grace) { nodes in
            let turn = TurnID.generate()
            try await Task.sleep(for: grace)
            while try await !nodes.a.live(among: [turn]).isEmpty { try await Task.sleep(for: .milliseconds(10)) }
            try await nodes.server.kill()
            try await nodes.server.start()
            while await fails(.unavailable, { _ = try await nodes.a.hasExpired() }) {
                try await Task.sleep(for: .milliseconds(5))
            }
            #expect(try await nodes.a.live(among: [turn]) == [turn])
        }
    }

    @Test("what Redis lost of a log's end is sent again, and readers that had it keep it")
    func lostTail() async throws {
        try await RedisNodes.run(2) { nodes in
            let turn = TurnID.generate()
            let lease = try await nodes.a.begin(turn)
            async let there = nodes.b.readToTheEnd(turn)
            let tail = try await Self.loseTail(of: turn, nodes, lease)
            #expect(tail == ["1-1", "1-2", "1-3", "1-4"])
            try await nodes.a.say(["e"], from: 5, lease)
            try await nodes.a.end(6, lease)
            #expect(try await there.ids == (1...6).map { "1-\($0)" })
            #expect(try nodes.server.command("XLEN", "parley:{\(turn)}:log") == "6")
        }
    }

    @Test("a renewal finds that the end of the log is missing")
    func lostTailAtRenewal() async throws {
        try await RedisNodes.run(2) { nodes in
            let turn = TurnID.generate()
            let lease = try await nodes.a.begin(turn)
            _ = try await Self.loseTail(of: turn, nodes, lease)
            try await nodes.a.renew(lease)
            #expect(try nodes.server.command("XLEN", "parley:{\(turn)}:log") == "4")
        }
    }

    @Test("who takes over a turn sends the others what only its own readers had")
    func lostTailTakenOver() async throws {
        try await RedisNodes.run(3) { nodes in
            let turn = TurnID.generate()
            let lease = try await nodes.a.begin(turn)
            _ = try await Self.loseTail(of: turn, nodes, lease)
            try await nodes.a.release(lease)
            let second = try await nodes.b.begin(turn, node: "b")
            #expect(try await nodes.b.seen(turn) == ["1-1", "1-2", "1-3", "1-4"])
            try await nodes.b.end(1, second)
            #expect(try await nodes.nodes[2].readToTheEnd(turn).ids == ["1-1", "1-2", "1-3", "1-4", "2-1"])
        }
    }

    /// Lets node `a` say four events, node `b` see them, and Redis forget the last two.
    private static func loseTail(of turn: TurnID, _ nodes: RedisNodes, _ lease: Lease) async throws -> [String] {
        let (leaseKey, logKey) = ("parley:{\(turn)}:lease", "parley:{\(turn)}:log")
        try await nodes.a.say(["a", "b"], from: 1, lease)
        try nodes.server.command("COPY", leaseKey, "old-lease")
        try nodes.server.command("COPY", logKey, "old-log")
        try await nodes.a.say(["c", "d"], from: 3, lease)
        try await nodes.b.waitToSee(EventID(epoch: 1, sequence: 4), of: turn)
        try nodes.server.command("RENAME", "old-lease", leaseKey)
        try nodes.server.command("RENAME", "old-log", logKey)
        return try await nodes.b.seen(turn)
    }

    @Test("an owner that is cut off goes on for its own readers until it is back, or learns that it was replaced")
    func cutOff() async throws {
        let url: @Sendable (Int, RedisServer) throws -> String = { index, server in
            try server.command("ACL", "SETUSER", "a", "on", ">secret", "~*", "&*", "+@all")
            return index == 0 ? "redis://a:secret@127.0.0.1:\(server.port)" : server.url
        }
        try await RedisNodes.run(2, lease: RedisNodes.quickLease, url: url) { nodes in
            let (kept, taken) = (TurnID.generate(), TurnID.generate())
            let keptLease = try await nodes.a.begin(kept)
            let takenLease = try await nodes.a.begin(taken)
            try await nodes.a.say(["a"], from: 1, keptLease)
            try await nodes.a.say(["a"], from: 1, takenLease)
            async let here = nodes.a.readToTheEnd(taken)
            async let there = nodes.b.readToTheEnd(taken)
            async let keptThere = nodes.b.readToTheEnd(kept)
            try nodes.server.command("ACL", "SETUSER", "a", "off")
            try nodes.server.command("CLIENT", "KILL", "USER", "a")
            try await nodes.a.say(["b"], from: 2, keptLease)
            try await nodes.a.say(["b"], from: 2, takenLease)
            #expect(nodes.a.isAway)
            #expect(try await nodes.a.seen(taken) == ["1-1", "1-2"])
            try await Task.sleep(for: RedisNodes.quickLease)
            let second = try await nodes.b.begin(taken, node: "b")
            #expect(try await nodes.b.seen(taken) == ["1-1"])
            try await nodes.b.append([.replace(from: 1, text: "")], firstSequence: 1, lease: second)
            try nodes.server.command("ACL", "SETUSER", "a", "on")
            try await Self.waitUntil(false, nodes.a)
            #expect(await fails(.fenced) { try await nodes.a.say(["c"], from: 3, takenLease) })
            try await nodes.a.say(["c"], from: 3, keptLease)
            try await nodes.a.end(4, keptLease)
            try await nodes.b.end(2, second)
            #expect(try await there.ids == ["1-1", "2-1", "2-2"])
            // They had 1-2, which the log never got; the next epoch puts them right.
            #expect(try await here.ids == ["1-1", "1-2", "2-1", "2-2"])
            #expect(try await keptThere.ids == ["1-1", "1-2", "1-3", "1-4"])
        }
    }

    @Test("a turn that begins while Redis is away is made known when it is back")
    func beginsWhileAway() async throws {
        try await RedisNodes.run(2) { nodes in
            let turn = TurnID.generate()
            let lease = Lease(turnID: turn, node: NodeID("a"), epoch: 1)
            try await nodes.server.kill()
            #expect(
                await fails(.unavailable) {
                    _ = try await nodes.a.acquire(turn: turn, node: NodeID("a"), afterEpoch: 0)
                })
            try await nodes.a.say(["a", "b"], from: 1, lease)
            #expect(try await nodes.a.seen(turn) == ["1-1", "1-2"])
            try await nodes.server.start()
            try await Self.waitUntil(false, nodes.a)
            try await Self.insist(nodes.a, ["c"], from: 3, lease)
            try await nodes.a.end(4, lease)
            #expect(try await nodes.b.readToTheEnd(turn).ids == ["1-1", "1-2", "1-3", "1-4"])
        }
    }

    @Test("a lease given back while Redis is away is free when it is back")
    func releasedWhileAway() async throws {
        try await RedisNodes.run(2, .always) { nodes in
            let turn = TurnID.generate()
            let lease = try await nodes.a.begin(turn)
            try await nodes.a.say(["a"], from: 1, lease)
            try await nodes.server.kill()
            try await nodes.a.say(["b"], from: 2, lease)
            #expect(await fails(.unavailable) { try await nodes.a.release(lease) })
            try await nodes.server.start()
            while (try? await nodes.b.live(among: [turn]).isEmpty) != true {
                try await Task.sleep(for: .milliseconds(10))
            }
            let second = try await nodes.b.begin(turn, node: "b")
            #expect(try await nodes.b.seen(turn) == ["1-1", "1-2"])
            #expect(second.epoch == 2)
        }
    }
}
