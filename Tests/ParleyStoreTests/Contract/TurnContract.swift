//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCore
import Testing

@Suite("a store keeps turns")
struct TurnContract {
    let owner = UserID.generate()

    private func withConversation(
        _ factory: StoreFactory, _ body: @Sendable (any DurableStore, Conversation) async throws -> Void
    ) async throws {
        try await factory.withStore { [owner] store in
            let conversation = Samples.conversation(owner: owner)
            try await store.create(conversation)
            try await body(store, conversation)
        }
    }

    @Test("begin commits question, empty answer and turn", arguments: StoreFactory.all)
    func begin(_ factory: StoreFactory) async throws {
        try await self.withConversation(factory) { [owner] store, conversation in
            let new = Samples.newTurn(in: conversation, "why?", at: 40)
            let (turn, isNew) = try await store.begin(new)
            #expect(isNew && turn == new.turn)
            #expect(try await store.turn(turn.id, owner: owner) == turn)
            #expect(try await store.message(turn.userMessageID, owner: owner) == new.userMessage)
            #expect(try await store.message(turn.assistantMessageID, owner: owner) == new.assistantMessage)
            #expect(try await store.conversation(conversation.id, owner: owner).updatedAt == Samples.time(40))
            let unfinished = UnfinishedTurn(id: turn.id, epoch: 0)
            #expect(try await store.unfinishedTurns(after: nil, limit: 9) == [unfinished])
            #expect(try await store.unfinishedTurn(turn.id) == unfinished)
        }
    }

    @Test("a turn may begin as running under a lease", arguments: StoreFactory.all)
    func beginRunning(_ factory: StoreFactory) async throws {
        try await self.withConversation(factory) { [owner] store, conversation in
            var new = Samples.newTurn(in: conversation)
            new.turn.state = .running
            new.turn.epoch = 3
            new.turn.attempts = 1
            new.turn.model = "m"
            new.turn.collections = [.generate(), .generate()]
            _ = try await store.begin(new)
            #expect(try await store.turn(new.turn.id, owner: owner) == new.turn)
        }
    }

    @Test("sending the same message again returns the same turn", arguments: StoreFactory.all)
    func idempotence(_ factory: StoreFactory) async throws {
        try await self.withConversation(factory) { [owner] store, conversation in
            let new = Samples.newTurn(in: conversation, "once")
            let (turn, _) = try await store.begin(new)
            let repeated = Samples.newTurn(in: conversation, "once", id: turn.userMessageID)
            let (same, isNew) = try await store.begin(repeated)
            #expect(!isNew && same.id == turn.id)
            // Also after another answer was made to it.
            _ = try await store.begin(Samples.turn(in: conversation, answering: turn.userMessageID))
            #expect(try await store.begin(repeated).turn.id == turn.id)
            let page = try await store.messages(in: conversation.id, owner: owner, before: nil, limit: 9)
            #expect(page.elements.count == 3)
        }
    }

    @Test("200 repeats at once make one turn", arguments: StoreFactory.all)
    func concurrentRepeats(_ factory: StoreFactory) async throws {
        try await self.withConversation(factory) { [owner] store, conversation in
            let id = MessageID.generate()
            let turns = try await withThrowingTaskGroup(of: (TurnID, Bool).self) { group in
                for _ in 0..<200 {
                    group.addTask {
                        let (turn, isNew) = try await store.begin(Samples.newTurn(in: conversation, id: id))
                        return (turn.id, isNew)
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(Set(turns.map(\.0)).count == 1)
            #expect(turns.filter(\.1).count == 1)
            let page = try await store.messages(in: conversation.id, owner: owner, before: nil, limit: 9)
            #expect(page.elements.count == 2)
        }
    }

    @Test("a message id that is something else's is a conflict", arguments: StoreFactory.all)
    func takenIDs(_ factory: StoreFactory) async throws {
        try await self.withConversation(factory) { [owner] store, conversation in
            let (turn, _) = try await store.begin(Samples.newTurn(in: conversation))
            let other = Samples.conversation(owner: owner)
            try await store.create(other)
            let foreign = Samples.conversation(owner: .generate())
            try await store.create(foreign)
            for place in [other, foreign] {
                await expectError(.conflict) {
                    _ = try await store.begin(Samples.newTurn(in: place, id: turn.userMessageID))
                }
            }
            await expectError(.conflict) {
                _ = try await store.begin(Samples.newTurn(in: conversation, id: turn.assistantMessageID))
            }
            var clash = Samples.newTurn(in: conversation)
            clash.assistantMessage.id = turn.assistantMessageID
            clash.turn.assistantMessageID = turn.assistantMessageID
            let failing = clash
            await expectError(.conflict) { _ = try await store.begin(failing) }
            // Nothing of it is there.
            await expectError(.notFound) { _ = try await store.message(failing.turn.userMessageID, owner: owner) }
        }
    }

    @Test("a regeneration is idempotent in its turn's id", arguments: StoreFactory.all)
    func regeneration(_ factory: StoreFactory) async throws {
        try await self.withConversation(factory) { [owner] store, conversation in
            let first = try await store.exchange(in: conversation, "q", "a")
            let again = Samples.turn(in: conversation, answering: first.userMessageID)
            #expect(try await store.begin(again).isNew)
            #expect(try await store.begin(again).isNew == false)
            #expect(
                try await store.message(again.assistantMessage.id, owner: owner).parentID == first.userMessageID)
            await expectError(.notFound) {
                _ = try await store.begin(Samples.turn(in: conversation, answering: .generate()))
            }
        }
    }

    @Test("claims are fenced by their epoch", arguments: StoreFactory.all)
    func claims(_ factory: StoreFactory) async throws {
        try await self.withConversation(factory) { store, conversation in
            let (turn, _) = try await store.begin(Samples.newTurn(in: conversation))
            var claimed = try #require(try await store.claim(turn.id, epoch: 2))
            #expect(claimed.state == .running && claimed.epoch == 2 && claimed.attempts == 1)
            #expect(try await store.claim(turn.id, epoch: 1) == nil)
            // Another node that was given the same epoch by a shared store that had forgotten.
            #expect(try await store.claim(turn.id, epoch: 2) == nil)
            try await store.save([Samples.snapshot(turn, epoch: 2, sequence: 5, "so far")])
            claimed = try #require(try await store.claim(turn.id, epoch: 3))
            #expect(claimed.attempts == 2 && claimed.text == "so far" && claimed.sequence == 0)
            #expect(try await store.claim(.generate(), epoch: 1) == nil)
        }
    }

    @Test("a turn that is handed back counts no attempt", arguments: StoreFactory.all)
    func handBack(_ factory: StoreFactory) async throws {
        try await self.withConversation(factory) { [owner] store, conversation in
            let (turn, _) = try await store.begin(Samples.newTurn(in: conversation))
            _ = try await store.claim(turn.id, epoch: 2)
            try await store.handBack(turn.id, epoch: 1)
            #expect(try await store.turn(turn.id, owner: owner).state == .running)
            try await store.handBack(turn.id, epoch: 2)
            let back = try await store.turn(turn.id, owner: owner)
            #expect(back.state == .queued && back.attempts == 0 && back.epoch == 2)
            #expect(try await store.claim(turn.id, epoch: 3)?.attempts == 1)
        }
    }

    @Test("snapshots of older epochs and of final turns are skipped, the others stored", arguments: StoreFactory.all)
    func snapshots(_ factory: StoreFactory) async throws {
        try await self.withConversation(factory) { [owner] store, conversation in
            let (one, _) = try await store.begin(Samples.newTurn(in: conversation))
            let (two, _) = try await store.begin(Samples.newTurn(in: conversation))
            let done = try await store.exchange(in: conversation, "q", "final")
            _ = try await store.claim(one.id, epoch: 4)
            _ = try await store.claim(two.id, epoch: 1)
            let sources = [Citation(n: 1, documentID: "d#s", title: "t", text: "“quoted”", score: 1.25)]
            try await store.save([
                Samples.snapshot(one, epoch: 3, sequence: 9, "fenced"),
                Samples.snapshot(two, epoch: 1, sequence: 4, "text", sources: sources),
                Samples.snapshot(done, epoch: 1, sequence: 9, "late"),
                TurnSnapshot(turnID: .generate(), epoch: 1, sequence: 1, text: "nobody's", sources: []),
            ])
            #expect(try await store.turn(one.id, owner: owner).text == "")
            let saved = try await store.turn(two.id, owner: owner)
            #expect(saved.text == "text" && saved.sequence == 4)
            #expect(try await store.turn(done.id, owner: owner).text == "final")
            // History after a crash shows the text so far.
            let message = try await store.message(two.assistantMessageID, owner: owner)
            #expect(message.content == "text" && message.state == .pending && message.sources == sources)
            // One that comes late within its epoch does not take text back.
            try await store.save([Samples.snapshot(two, epoch: 1, sequence: 3, "te")])
            #expect(try await store.turn(two.id, owner: owner).text == "text")
        }
    }

    @Test(
        "a finished turn keeps how it ended",
        arguments: StoreFactory.all,
        [
            TurnFinish.completed(reason: .stop, usage: TokenUsage(promptTokens: 7, completionTokens: 9)),
            .completed(reason: .other("tired"), usage: nil), .stopped,
            .failed(TurnFailure(code: "model_unreachable", message: "No answer.", retryable: true)),
        ])
    func finishing(_ factory: StoreFactory, _ finish: TurnFinish) async throws {
        try await self.withConversation(factory) { [owner] store, conversation in
            let (turn, _) = try await store.begin(Samples.newTurn(in: conversation))
            _ = try await store.claim(turn.id, epoch: 2)
            #expect(try await store.finish(Samples.result(turn, epoch: 1, sequence: 8, "old", finish)) == false)
            #expect(try await store.finish(Samples.result(turn, epoch: 2, sequence: 8, "whole", finish, at: 90)))
            let ended = try await store.turn(turn.id, owner: owner)
            #expect(ended.finish == finish && ended.state == finish.state && ended.text == "whole")
            #expect(ended.sequence == 8 && ended.epoch == 2)
            let message = try await store.message(turn.assistantMessageID, owner: owner)
            #expect(message.content == "whole" && message.model == "m" && message.turnID == turn.id)
            #expect(message.state.rawValue == finish.state.rawValue)
            #expect(try await store.conversation(conversation.id, owner: owner).updatedAt == Samples.time(90))
            // The end is final.
            #expect(try await store.finish(Samples.result(turn, epoch: 3, sequence: 9, "again", .stopped)) == false)
            #expect(try await store.claim(turn.id, epoch: 9) == nil)
            #expect(try await store.unfinishedTurns(after: nil, limit: 9).isEmpty)
            #expect(try await store.unfinishedTurn(turn.id) == nil)
            #expect(try await store.search(owner: owner, query: "whole", limit: 9).count == 1)
        }
    }

    @Test("unfinished turns are found oldest first, page by page", arguments: StoreFactory.all)
    func unfinished(_ factory: StoreFactory) async throws {
        try await self.withConversation(factory) { store, conversation in
            var ids: [TurnID] = []
            for _ in 0..<5 {
                ids.append(try await store.begin(Samples.newTurn(in: conversation)).turn.id)
                try await store.exchange(in: conversation, "q", "a")
            }
            _ = try await store.claim(ids[1], epoch: 1)
            let all = try await store.unfinishedTurns(after: nil, limit: 9)
            #expect(all.map(\.id) == ids && all.map(\.epoch) == [0, 1, 0, 0, 0])
            #expect(try await store.unfinishedTurns(after: nil, limit: 2).map(\.id) == Array(ids[0..<2]))
            #expect(try await store.unfinishedTurns(after: ids[1], limit: 2).map(\.id) == Array(ids[2..<4]))
            #expect(try await store.unfinishedTurns(after: ids[4], limit: 2).isEmpty)
            #expect(try await store.unfinishedTurns(after: .generate(), limit: 9).map(\.id) == ids)
        }
    }

    @Test("the wish to stop is durable and does not change an ended turn", arguments: StoreFactory.all)
    func stopping(_ factory: StoreFactory) async throws {
        try await self.withConversation(factory) { [owner] store, conversation in
            let (turn, _) = try await store.begin(Samples.newTurn(in: conversation))
            #expect(try await store.requestStop(turn.id, owner: owner).stopRequested)
            #expect(try await store.turn(turn.id, owner: owner).stopRequested)
            #expect(try await store.claim(turn.id, epoch: 1)?.stopRequested == true)
            let done = try await store.exchange(in: conversation, "q", "a")
            #expect(try await store.requestStop(done.id, owner: owner).stopRequested == false)
            await expectError(.notFound) { _ = try await store.requestStop(.generate(), owner: owner) }
        }
    }

    @Test("NUL in a model's answer becomes U+FFFD and cuts nothing off", arguments: StoreFactory.all)
    func nul(_ factory: StoreFactory) async throws {
        try await self.withConversation(factory) { [owner] store, conversation in
            let turn = try await store.exchange(in: conversation, "q\0q", "before\0after")
            #expect(try await store.turn(turn.id, owner: owner).text == "before\u{FFFD}after")
            #expect(try await store.message(turn.userMessageID, owner: owner).content == "q\u{FFFD}q")
        }
    }
}
