//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCore
import ParleyStore
import ParleyTesting
import Testing

@testable import ParleyChat

@Suite("An answer and its material", .timeLimit(.minutes(1)))
struct ContextTurnTests {
    private func knowledge(_ texts: String..., unready: [Document] = []) -> FakeKnowledge {
        FakeKnowledge { (_) throws(KnowledgeError) in
            KnowledgeResult(
                hits: texts.map { .init(passage: .fake($0, page: 3), score: 0.9) }, unready: unready, usedVectors: true)
        }
    }

    private func sources(in events: [TurnEvent]) -> [[Citation]] {
        events.compactMap { if case .sources(let found) = $0.kind { found } else { nil } }
    }

    @Test("passages are told of after the start, before the first word, and stay with the message")
    func tellsSources() async throws {
        let knowledge = self.knowledge("30 days.", "15 days.")
        let model = StagedModel([.say("30 days [1]."), .end(.stop)])
        try await TestNode.run(model: model, sources: ContextSources(knowledge: knowledge)) { node in
            let turn = try await node.send("How many days of leave?", to: try await node.newConversation())
            let (_, events) = try await node.readToEnd(turn.id)
            #expect(events.map(\.kind.name) == ["started", "sources", "delta", "completed"])
            let found = try #require(self.sources(in: events).first)
            #expect(found.map(\.n) == [1, 2] && found[0].text == "30 days." && found[0].page == 3)
            #expect(try await node.store.message(turn.assistantMessageID, owner: node.user).sources == found)
            #expect(knowledge.queries.map(\.userID) == [node.user])
            #expect(model.requests[0].messages.last?.content.hasSuffix("\n\nHow many days of leave?") == true)
            #expect(model.requests[0].question == "How many days of leave?")
            #expect(model.requests[0].passages == found)
        }
    }

    @Test("collections travel with the turn; none named is all, an empty list is nowhere")
    func collections() async throws {
        let knowledge = self.knowledge("x")
        let model = StagedModel([.say("a")], [.say("b")], [.say("c")])
        try await TestNode.run(model: model, sources: ContextSources(knowledge: knowledge)) { node in
            let conversation = try await node.newConversation()
            let wanted: [CollectionID] = [.generate()]
            func ask(_ collections: [CollectionID]?) async throws -> Turn {
                let turn = try await node.chat.send(
                    .init(id: .generate(), content: "How long?", collections: collections), to: conversation,
                    user: node.user)
                _ = try await node.readToEnd(turn.id)
                return turn
            }
            let turn = try await ask(wanted)
            #expect(try await node.store.turn(turn.id, owner: node.user).collections == wanted)
            _ = try await ask([])
            let again = try await node.chat.regenerate(turn.assistantMessageID, model: nil, user: node.user)
            _ = try await node.readToEnd(again.id)
            #expect(knowledge.queries.map(\.collections) == [wanted, wanted])
            await #expect(throws: ChatError.self) {
                _ = try await ask((0...ChatLimits.collectionsPerTurn).map { _ in .generate() })
            }
        }
    }

    @Test("a search that hangs without heeding anything does not hold the answer")
    func hangs() async throws {
        let gate = Gate()
        let knowledge = FakeKnowledge { (_) throws(KnowledgeError) in
            await gate.wait()
            return KnowledgeResult(hits: [], usedVectors: false)
        }
        let failing = FakeRecall { (_, _) throws(KnowledgeError) in throw KnowledgeError(.unavailable, "no") }
        let model = StagedModel([.say("Hello")])
        try await TestNode.run(model: model, sources: ContextSources(knowledge: knowledge, recall: failing)) { node in
            let start = ContinuousClock.now
            let turn = try await node.send("How long?", to: try await node.newConversation())
            let (reader, events) = try await node.readToEnd(turn.id)
            #expect(reader.text == "Hello" && self.sources(in: events).isEmpty)
            #expect(ContinuousClock.now - start < ChatLimits.knowledgePatience * 5)
            gate.open()
        }
    }

    @Test("an answer that is begun again keeps the passages of its first attempt, told once in each epoch")
    func keepsSources() async throws {
        let knowledge = FakeKnowledge { (_) throws(KnowledgeError) in
            KnowledgeResult(hits: [.init(passage: .fake("\(ID<Message>.generate())"), score: 1)], usedVectors: true)
        }
        let model = StagedModel(
            [.say("One "), .fail(ModelError(.truncated, "cut"))], [.say("One two [1]."), .end(.stop)])
        try await TestNode.run(model: model, sources: ContextSources(knowledge: knowledge)) { node in
            let turn = try await node.send("How long?", to: try await node.newConversation())
            let (_, events) = try await node.readToEnd(turn.id)
            #expect(events.last?.id.epoch == 2)
            let told = self.sources(in: events)
            #expect(told.count == 2 && told[0] == told[1])
            #expect(model.requests.map(\.passages) == [told[0], told[0]])
            #expect(try await node.store.message(turn.assistantMessageID, owner: node.user).sources == told[0])
            #expect(knowledge.queries.count == 1)
        }
    }

    @Test("the opening of a later epoch tells of the passages again")
    func tellsAgain() {
        let sources = [Citation(n: 1, documentID: "d", title: "t", text: "x", score: 1)]
        var attempt = TurnAttempt(epoch: 2, base: "abc", continuing: true, sources: sources)
        #expect(
            attempt.started(model: "m") == [.started(model: "m"), .replace(from: 0, text: "abc"), .sources(sources)])
        #expect(attempt.found(sources).isEmpty)
        #expect(attempt.nextSequence == 4)
        #expect(attempt.found([]) == [.sources([])])
    }

    @Test("a model that names its own passages takes the place of those it was given")
    func ownSources() async throws {
        let own = [Citation(n: 1, documentID: "guide/x", title: "Manual", text: "y", score: 1)]
        let model = StagedModel([.cite(own), .say("See [1].")])
        try await TestNode.run(model: model, sources: ContextSources(knowledge: self.knowledge("30 days."))) { node in
            let turn = try await node.send("How long?", to: try await node.newConversation())
            let (_, events) = try await node.readToEnd(turn.id)
            #expect(self.sources(in: events) == [own])
        }
    }

    @Test("the model is told which documents are not ready")
    func unready() async throws {
        let now = Timestamp.now()
        let document = Document(
            id: .generate(), collectionID: .generate(), ownerID: User.local.id, name: "c.pdf", title: "Contract",
            byteCount: 1, contentHash: [], state: .indexing, progress: 0.409, createdAt: now, updatedAt: now)
        let model = StagedModel([.say("Wait.")])
        let sources = ContextSources(knowledge: self.knowledge(unready: [document]))
        try await TestNode.run(model: model, sources: sources) { node in
            let turn = try await node.send("How long?", to: try await node.newConversation())
            _ = try await node.readToEnd(turn.id)
            #expect(model.requests[0].unready == ["“Contract” is still being read (40 %)."])
            #expect(model.requests[0].messages.last?.content.contains("- “Contract” is still being read") == true)
        }
    }

    @Test("memories go in when the user allows it, and never into a temporary conversation or another user's")
    func memories() async throws {
        let memories = InMemoryMemoryStore()
        let now = Timestamp.now()
        for (owner, text) in [(User.local.id, "Lives in Oslo"), (.generate(), "Lives in Rome")] {
            try await memories.add(
                Memory(id: .generate(), ownerID: owner, text: text, origin: .user, createdAt: now, updatedAt: now))
        }
        let recalled = FakeRecall { (_, owner) throws(KnowledgeError) in
            [
                RecalledMessage(
                    message: ContextWindowTests.message(.user, "Of \(owner)"), conversationTitle: "T", score: 1)
            ]
        }
        let model = StagedModel([.say("a")], [.say("b")], [.say("c")])
        let sources = ContextSources(memories: memories, recall: recalled)
        try await TestNode.run(model: model, sources: sources) { node in
            func prompt(temporary: Bool = false) async throws -> String {
                let turn = try await node.send("Where?", to: try await node.newConversation(temporary: temporary))
                _ = try await node.readToEnd(turn.id)
                return model.requests.last?.messages.map(\.content).joined(separator: "\n") ?? ""
            }
            let used = try await prompt()
            #expect(used.contains("Lives in Oslo") && used.contains("Of \(node.user)") && !used.contains("Rome"))
            #expect(try await prompt(temporary: true) == "Where?")
            try await memories.save(
                MemorySettings(usesMemories: false, learnsMemories: true, recallsMessages: false), owner: node.user)
            #expect(try await prompt() == "Where?")
        }
    }
}
