//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Logging
import ParleyCore
import ParleyStore
import ServiceLifecycle
import Testing

@testable import ParleyChat

/// Engines that share a store which goes away, forgets and comes back.
@Suite("Engines of many nodes", .timeLimit(.minutes(1)))
struct ManyNodesTests {
    private let redis = SimulatedRedis()

    /// Two nodes on one database, each with its model; both run while the body runs.
    private func running(
        _ first: StagedModel, _ second: StagedModel, drainPatience: Duration = .zero,
        _ body: (TestNode, TestNode) async throws -> Void
    ) async throws {
        try await TestNode.withFolder { folder in
            let a = try TestNode(
                folder: folder, model: first, shared: .init(redis: self.redis, index: 0), drainPatience: drainPatience)
            let b = try TestNode(folder: folder, model: second, shared: .init(redis: self.redis, index: 1))
            try await a.store.create(User.local, passwordHash: nil, onlyIfFirst: false)
            try await a.running { try await b.running { try await body(a, b) } }
        }
    }

    private func begin(on node: TestNode) async throws -> Turn {
        try await node.send("hi", to: try await node.newConversation())
    }

    @Test("a store that is emptied in mid-answer is told of lease and events again, and every reader goes on")
    func emptied() async throws {
        let gate = Gate()
        let model = StagedModel([.say("one "), .wait(gate), .say("two"), .end(.stop)])
        try await self.running(model, StagedModel()) { a, b in
            let turn = try await self.begin(on: a)
            let reader = try await b.read(turn.id, until: "one ")
            self.redis.flush()
            gate.open()
            let (end, events) = try await b.readToEnd(turn.id, from: reader)
            #expect(end.text == "one two" && events.last?.id.epoch == 1)
            #expect(self.redis.calls("restore") > 0)
            // Who comes now finds all of it.
            #expect(try await b.readToEnd(turn.id).reader.text == "one two")
            #expect(try await a.store.turn(turn.id, owner: a.user).text == "one two")
        }
    }

    @Test("a lease that the store has lost is restored by the next renewal, however silent the model is")
    func renewalRestores() async throws {
        let gate = Gate()
        try await self.running(StagedModel([.say("one "), .wait(gate), .say("two")]), StagedModel()) { a, b in
            let turn = try await self.begin(on: a)
            _ = try await a.read(turn.id, until: "one ")
            self.redis.flush()
            await a.engine.renewAll()
            #expect(self.redis.calls("restore") == 1)
            #expect(self.redis.events(turn.id).map(\.kind.name) == ["started", "delta"])
            gate.open()
            #expect(try await b.readToEnd(turn.id).reader.text == "one two")
        }
    }

    @Test("an owner whose lease was lost and whose turn the database gives to another is fenced, not restored")
    func lostAndTaken() async throws {
        let gate = Gate()
        let again: [StagedModel.Step] = [.say("one two"), .end(.stop)]
        let first = StagedModel([.say("one "), .wait(gate), .say("and three")], again)
        try await self.running(first, StagedModel(again)) { a, b in
            let turn = try await self.begin(on: a)
            let reader = try await a.read(turn.id, until: "one ")
            // The other node claims the next epoch; then the store forgets both.
            #expect(try await b.store.claim(turn.id, epoch: 2) != nil)
            self.redis.flush()
            gate.open()
            while a.engine.runningTurns > 0 { await Task.yield() }
            #expect(self.redis.calls("restore") == 0)
            // After the time that owners are given to come back, somebody takes the turn.
            self.redis.advance(by: CoreLimits.leaseLife)
            let (end, events) = try await a.readToEnd(turn.id, from: reader)
            #expect(end.text == "one two" && events.last?.id.epoch == 3)
        }
    }

    @Test("an answer begins while the store is away; its own readers get it, and the others when the store is back")
    func beginsWithoutStore() async throws {
        let gate = Gate()
        let model = StagedModel([.say("one "), .wait(gate), .say("two"), .end(.stop)])
        try await self.running(model, StagedModel()) { a, b in
            self.redis.isUp = false
            let turn = try await self.begin(on: a)
            #expect(turn.state == .running && turn.epoch == 1)
            let reader = try await a.read(turn.id, until: "one ")
            #expect(self.redis.events(turn.id).isEmpty)
            self.redis.isUp = true
            gate.open()
            let (own, _) = try await a.readToEnd(turn.id, from: reader)
            let (other, events) = try await b.readToEnd(turn.id)
            #expect(own.text == "one two" && other.text == "one two")
            #expect(events.last?.id.epoch == 1)
            #expect(self.redis.calls("restore") > 0)
        }
    }

    @Test("a stop on another node is obeyed while the store is away")
    func stopsWithoutStore() async throws {
        try await self.running(StagedModel([.say("half"), .hang]), StagedModel()) { a, b in
            let turn = try await self.begin(on: a)
            let reader = try await a.read(turn.id, until: "half")
            self.redis.isUp = false
            _ = try await b.chat.stop(turn.id, user: b.user)
            await a.engine.renewAll()
            let (_, events) = try await a.readToEnd(turn.id, from: reader)
            #expect(events.last?.kind == .stopped(messageID: turn.assistantMessageID))
            // The other node's readers learn the end from the database.
            #expect(try await b.readToEnd(turn.id).reader.text == "half")
        }
    }

    @Test("an owner that hears from the database alone that another has the turn leaves off")
    func fencedByDatabase() async throws {
        try await self.running(StagedModel([.say("half"), .hang]), StagedModel()) { a, b in
            let turn = try await self.begin(on: a)
            _ = try await a.read(turn.id, until: "half")
            self.redis.isUp = false
            await a.engine.renewAll()
            #expect(a.engine.runningTurns == 1)
            _ = try await b.store.claim(turn.id, epoch: 2)
            await a.engine.renewAll()
            while a.engine.runningTurns > 0 { await Task.yield() }
            #expect(try await a.store.turn(turn.id, owner: a.user).state == .running)
        }
    }

    @Test("an owner that sleeps over its lease is refused when it wakes, and its readers go on with the other's answer")
    func paused() async throws {
        let gate = Gate()
        let second = StagedModel([.say("one two"), .end(.stop)])
        try await self.running(StagedModel([.say("one "), .wait(gate), .say("and three")]), second) { a, b in
            let turn = try await self.begin(on: a)
            let reader = try await a.read(turn.id, until: "one ")
            self.redis.advance(by: CoreLimits.leaseLife)
            let (end, events) = try await a.readToEnd(turn.id, from: reader)
            gate.open()
            while a.engine.runningTurns > 0 { await Task.yield() }
            #expect(end.text == "one two" && events.first?.id.epoch == 2)
            #expect(try await b.readToEnd(turn.id).reader.text == "one two")
            #expect(try await a.store.turn(turn.id, owner: a.user).text == "one two")
        }
    }

    @Test("renewals between two attempts of one answer do not end the second")
    func renewsBetweenAttempts() async throws {
        let model = StagedModel([.say("one "), .fail(ModelError(.truncated, "cut"))], [.say("one two"), .end(.stop)])
        try await self.running(model, StagedModel()) { a, _ in
            let turn = try await self.begin(on: a)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    while !Task.isCancelled {
                        await a.engine.renewAll()
                        try await Task.sleep(for: .milliseconds(1))
                    }
                }
                let (end, events) = try await a.readToEnd(turn.id)
                #expect(end.text == "one two" && events.last?.id.epoch == 2)
                group.cancelAll()
            }
            #expect(try await a.store.turn(turn.id, owner: a.user).attempts == 2)
        }
    }

    @Test("a reader on a node that the log does not reach goes on by snapshots, and by events once it does")
    func snapshots() async throws {
        let gate = Gate()
        let model = StagedModel([.say("one "), .wait(gate), .say("two"), .end(.stop)])
        try await self.running(model, StagedModel()) { a, b in
            let turn = try await self.begin(on: a)
            self.redis.isUp = false
            _ = try await a.read(turn.id, until: "one ")
            try await a.store.save([
                TurnSnapshot(turnID: turn.id, epoch: 1, sequence: 2, text: "one ", sources: [])
            ])
            let reader = try await b.read(turn.id, until: "one ")
            #expect(reader.last == EventID(epoch: 1, sequence: 2))
            self.redis.isUp = true
            gate.open()
            let (end, events) = try await b.readToEnd(turn.id, from: reader)
            #expect(end.text == "one two")
            #expect(events.first?.kind == .delta("two"))
        }
    }

    @Test("a node that drains hands its answer over, and another goes on with it at once")
    func handsOver() async throws {
        try await TestNode.withFolder { folder in
            let a = try TestNode(
                folder: folder, model: StagedModel([.say("one "), .hang]),
                shared: .init(redis: self.redis, index: 0), drainPatience: .zero)
            let b = try TestNode(
                folder: folder, model: StagedModel([.say("one two"), .end(.stop)]),
                shared: .init(redis: self.redis, index: 1))
            try await a.store.create(User.local, passwordHash: nil, onlyIfFirst: false)
            var logger = Logger(label: "test")
            logger.logLevel = .critical
            let draining = ServiceGroup(
                configuration: .init(services: [.init(service: a.engine)], logger: logger))
            try await b.running {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try await draining.run() }
                    let turn = try await self.begin(on: a)
                    let reader = try await b.read(turn.id, until: "one ")
                    await draining.triggerGracefulShutdown()
                    let (end, events) = try await b.readToEnd(turn.id, from: reader)
                    #expect(end.text == "one two" && events.first?.id.epoch == 2)
                    #expect(self.redis.calls("announceFree") == 1)
                    // A turn that is handed over counts no attempt.
                    #expect(try await b.store.turn(turn.id, owner: b.user).attempts == 1)
                    try await group.waitForAll()
                }
            }
        }
    }

    @Test("the turn without an owner is found behind hundreds that have one")
    func findsTheLast() async throws {
        try await TestNode.withFolder { folder in
            let node = try TestNode(
                folder: folder, model: StagedModel([.say("found"), .end(.stop)]),
                shared: .init(redis: self.redis, index: 0))
            try await node.store.create(User.local, passwordHash: nil, onlyIfFirst: false)
            let conversation = try await node.newConversation()
            let others = SimulatedRedis.View(redis: self.redis, index: 1)
            var last: TurnID?
            // The engine does not run yet: turns are committed and nobody makes them.
            self.redis.isUp = false
            for number in 0...CoreLimits.pageElements {
                let turn = try await node.chat.send(
                    .init(id: .generate(), parent: .root, content: "\(number)"), to: conversation, user: node.user)
                last = turn.id
                guard number < CoreLimits.pageElements else { break }
                self.redis.isUp = true
                try await others.restore(Lease(turnID: turn.id, node: others.id, epoch: 1))
                self.redis.isUp = false
            }
            self.redis.isUp = true
            let ownerless = try #require(last)
            // What was prepared above is this node's own until it restarts.
            let again = try TestNode(
                folder: folder, model: StagedModel([.say("found"), .end(.stop)]),
                shared: .init(redis: self.redis, index: 2))
            try await again.running {
                let (end, _) = try await again.readToEnd(ownerless)
                #expect(end.text == "found")
                #expect(again.engine.runningTurns <= 1)
            }
        }
    }
}
