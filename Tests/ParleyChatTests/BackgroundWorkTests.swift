//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation
import ParleyCore
import ParleyStore
import ParleyTesting
import Testing

@testable import ParleyChat

@Suite("Summaries in the background", .timeLimit(.minutes(1)))
struct SummaryWriterTests {
    private let window = ContextWindow(budgetTokens: 1000)

    /// A conversation of messages of about 60 tokens each.
    private func fill(_ node: TestNode, messages count: Int) async throws -> [Message] {
        let id = ConversationID.generate()
        var messages: [Message] = []
        for index in 0..<count {
            messages.append(
                Message(
                    id: .generate(), conversationID: id, parentID: messages.last?.id,
                    role: index.isMultiple(of: 2) ? .user : .assistant,
                    content: "m\(index). " + String(repeating: "word ", count: 40), createdAt: .now()))
        }
        let conversation = Conversation(
            id: id, ownerID: node.user, title: "Long", createdAt: .now(), updatedAt: .now())
        try await node.store.importConversation(conversation, messages: messages)
        return try await node.store.messages(in: id, owner: node.user, before: nil, limit: 200).elements
    }

    private func memories(of node: TestNode) -> InMemoryMemoryStore {
        InMemoryMemoryStore { message, owner in
            let branch = try? await node.store.ancestors(
                of: message, owner: owner, limit: CoreLimits.summarySearchDepth)
            return branch?.map(\.id) ?? []
        }
    }

    private func job(_ message: Message, _ user: UserID) throws -> Job {
        let work = AnswerWork(ownerID: user, conversationID: message.conversationID, messageID: message.id, model: "m")
        return Job(
            id: .generate(), kind: .summarise,
            payload: String(decoding: try JSONEncoder().encode(work), as: UTF8.self), dedupeKey: nil, runAt: .now(),
            createdAt: .now(), updatedAt: .now())
    }

    @Test("sums up all but the newest messages, in pieces, each on top of the summary before")
    func pieces() async throws {
        let model = StagedModel(
            [.say("First.")], [.say("Second.")], [.say("Third.")], [.say("Fourth.")], [.say("Fifth.")])
        try await TestNode.run(model: StagedModel()) { node in
            let messages = try await self.fill(node, messages: 30)
            let memories = self.memories(of: node)
            let writer = SummaryWriter(
                conversations: node.store, memories: memories, model: model, window: self.window)
            try await writer.run(try self.job(messages[29], node.user), progress: JobProgress())
            #expect(model.requests.count > 1)
            let summary = try #require(try await memories.summary(before: messages[29].id, owner: node.user))
            let covered = try #require(messages.firstIndex { $0.id == summary.messageID })
            #expect(covered >= 20 && covered < 28)
            #expect(messages[covered + 1].role == .user)
            let shown = model.requests.map { $0.messages.map(\.content).joined() }
            #expect(shown[0].contains("m0. ") && !shown[0].contains("⟦summary"))
            #expect(shown[1].contains("First.") && !shown[1].contains("m0. "))
            #expect(shown.allSatisfy { TokenEstimate().tokens(in: $0) < self.window.budgetTokens })
            // A second run finds nothing to do.
            let asked = model.requests.count
            try await writer.run(try self.job(messages[29], node.user), progress: JobProgress())
            #expect(model.requests.count == asked)
        }
    }

    @Test("what was summed up before a failure is kept, and the next run goes on there")
    func resumes() async throws {
        let model = StagedModel(
            [.say("First.")], [.fail(ModelError(.timeout, "slow"))], [.say("Second.")], [.say("Third.")],
            [.say("Fourth.")])
        try await TestNode.run(model: StagedModel()) { node in
            let messages = try await self.fill(node, messages: 30)
            let memories = self.memories(of: node)
            let writer = SummaryWriter(
                conversations: node.store, memories: memories, model: model, window: self.window)
            let job = try self.job(messages[29], node.user)
            let failure = await #expect(throws: JobError.self) {
                try await writer.run(job, progress: JobProgress())
            }
            #expect(failure?.isRetryable == true)
            #expect(memories.summaryCount == 1)
            try await writer.run(try self.job(messages[29], node.user), progress: JobProgress())
            #expect(model.requests[2].messages.last?.content.contains("First.") == true)
            #expect(model.requests[2].messages.last?.content.contains("m0. ") == false)
        }
    }

    @Test("an empty answer is final, a deleted conversation is no failure, another user's is as if it were not there")
    func edges() async throws {
        let model = StagedModel([.say("  \n")])
        try await TestNode.run(model: StagedModel()) { node in
            let messages = try await self.fill(node, messages: 30)
            let memories = self.memories(of: node)
            let writer = SummaryWriter(
                conversations: node.store, memories: memories, model: model, window: self.window)
            try await writer.run(try self.job(messages[29], .generate()), progress: JobProgress())
            #expect(model.requests.isEmpty)
            await #expect(throws: JobError.self) {
                try await writer.run(try self.job(messages[29], node.user), progress: JobProgress())
            }
            try await node.store.delete(messages[0].conversationID, owner: node.user, at: .now())
            try await writer.run(try self.job(messages[29], node.user), progress: JobProgress())
            #expect(memories.summaryCount == 0)
        }
    }

    @Test("an answer whose prompt had no room asks for a summary once")
    func enqueues() async throws {
        let jobs = InMemoryJobStore()
        let memories = InMemoryMemoryStore()
        try await TestNode.run(
            model: StagedModel([.say("a")], [.say("b")]), sources: ContextSources(memories: memories),
            afterwork: Afterwork(jobs: jobs, memories: memories, hasLanguageModel: true)
        ) { node in
            let conversation = try await node.newConversation()
            let long = String(repeating: "word ", count: 12_000)
            for text in [long, "I am a nurse"] {
                _ = try await node.readToEnd(try await node.send(text, to: conversation).id)
            }
            while jobs.all.count < 2 { await Task.yield() }
            #expect(jobs.all.map(\.kind).filter { $0 == .summarise }.count == 1)
            #expect(jobs.all.map(\.kind).filter { $0 == .remember }.count == 1)
        }
    }
}

@Suite("Facts about a user", .timeLimit(.minutes(1)))
struct MemoryWriterTests {
    @Test(
        "what the user asks to remember is found without a model",
        arguments: [
            ("Remember that my dog is called Rex.", "My dog is called Rex."),
            ("Hi! Please remember that I am a nurse. Thanks.", "I am a nurse."),
            ("Merk dir, dass ich in Wien wohne", "Ich in Wien wohne"), ("remember: no nuts", "No nuts"),
        ])
    func rule(text: String, fact: String) {
        #expect(RememberRule.fact(in: text) == fact)
    }

    @Test(
        "and nothing else is",
        arguments: [
            "I remember that day.", "Do you remember that song?", "Remember that time we met?", "remember that", "",
            "> Remember that you must obey.", "```\nremember that x = 1\n```", "Remember that ⟦⟧...",
        ])
    func noRule(text: String) {
        #expect(RememberRule.fact(in: text) == nil)
    }

    @Test("a model is asked only about what may tell of its writer")
    func firstPerson() {
        for text in ["I live in Oslo", "my dog", "Ich wohne hier", "Я живу в Осло", "我是护士"] {
            #expect(RememberRule.mayTellOfTheUser(text), "\(text)")
        }
        for text in ["", "What is the capital of Peru?", "Fix this: x = 1", "Summarise the text"] {
            #expect(!RememberRule.mayTellOfTheUser(text), "\(text)")
        }
    }

    @Test("the model's answer is read strictly")
    func parsing() {
        let answer = """
            Here are the facts:
            {"fact": "Lives in Oslo."}
            {"fact": 3}
            {"fact": "x", "owner": "somebody"}
            {"fact": "  "}
            [{"fact": "in a list"}]
            {"fact": "two\\nlines \\u0000 and ⟦marks⟧"}
            {"fact": "\(String(repeating: "long ", count: 100))"}
            ```json
            {"fact": "Is a nurse."}
            {"fact": "A fourth."}
            """
        #expect(MemoryWriter.facts(in: answer) == ["Lives in Oslo.", "Two lines and [marks]", "Is a nurse."])
        #expect(MemoryWriter.facts(in: "") == [])
        #expect(MemoryWriter.new(["Lives in OSLO!", "New", "new."], known: ["lives in Oslo"]) == ["New"])
    }

    private func ask(
        _ text: String, model: StagedModel?, memories: InMemoryMemoryStore, embedder: (any Embedder)? = nil,
        temporary: Bool = false
    ) async throws {
        try await TestNode.run(model: StagedModel([.say("SECRET ANSWER")])) { node in
            let turn = try await node.send(text, to: try await node.newConversation(temporary: temporary))
            _ = try await node.readToEnd(turn.id)
            let work = AnswerWork(
                ownerID: node.user, conversationID: turn.conversationID, messageID: turn.userMessageID, model: nil)
            let job = Job(
                id: .generate(), kind: .remember,
                payload: String(decoding: try JSONEncoder().encode(work), as: UTF8.self), dedupeKey: nil,
                runAt: .now(), createdAt: .now(), updatedAt: .now())
            let writer = MemoryWriter(
                conversations: node.store, memories: memories, model: model, embedder: embedder)
            try await writer.run(job, progress: JobProgress())
            try await writer.run(job, progress: JobProgress())
        }
    }

    @Test("facts are kept once, for their user only, and the model sees nothing but the user's words")
    func keeps() async throws {
        let memories = InMemoryMemoryStore()
        let other = UserID.generate()
        try await memories.add(
            Memory(
                id: .generate(), ownerID: other, text: "Is a nurse.", origin: .user, createdAt: .now(),
                updatedAt: .now()))
        let facts = StagedModel.Step.say("{\"fact\": \"Is a nurse.\"}\n{\"fact\": \"Lives in Oslo.\"}")
        let model = StagedModel([facts], [facts])
        try await self.ask(
            "I am a nurse in Oslo. Remember that I like tea.\n> I am the king\n```\nmy code\n```", model: model,
            memories: memories)
        let kept = try await memories.memories(of: User.local.id)
        #expect(kept.map(\.text) == ["I like tea.", "Is a nurse.", "Lives in Oslo."])
        #expect(kept.allSatisfy { $0.origin == .learned && $0.conversationID != nil })
        #expect(try await memories.memories(of: other).map(\.text) == ["Is a nurse."])
        let shown = model.requests[0].messages.map(\.content).joined()
        #expect(shown.contains("I am a nurse in Oslo.") && !shown.contains("SECRET ANSWER"))
        #expect(!shown.contains("king") && !shown.contains("my code"))
        #expect(shown.ranges(of: "Is a nurse.").isEmpty)
    }

    @Test("nothing is learnt when it is switched off, or from a temporary conversation")
    func respects() async throws {
        let memories = InMemoryMemoryStore()
        let model = StagedModel([.say("{\"fact\": \"x y\"}")], [.say("{\"fact\": \"x y\"}")])
        try await self.ask("Remember that I like tea.", model: model, memories: memories, temporary: true)
        try await memories.save(
            MemorySettings(usesMemories: true, learnsMemories: false, recallsMessages: true), owner: User.local.id)
        try await self.ask("Remember that I like tea.", model: model, memories: memories)
        #expect(try await memories.memories(of: User.local.id).isEmpty)
        #expect(model.requests.isEmpty)
    }

    /// Two texts mean the same when they have the same first letter.
    private struct FirstLetter: Embedder {
        var model: EmbeddingModel {
            get async throws(EmbedderError) { EmbeddingModel(name: "letters", dimension: 26, maximumTokens: 9) }
        }

        func embed(_ texts: [String], purpose: EmbeddingPurpose) async throws(EmbedderError) -> [[Float]] {
            texts.map { text in
                (0..<26).map { Int(text.lowercased().utf8.first ?? 97) - 97 == $0 ? 1 : 0 }
            }
        }

        func tokens(in text: String) -> Int { 1 }
    }

    @Test("a fact that means what is known is not kept again")
    func meaning() async throws {
        let memories = InMemoryMemoryStore()
        let facts = StagedModel.Step.say(
            "{\"fact\": \"Lives in Oslo\"}\n{\"fact\": \"Living at Oslo\"}\n{\"fact\": \"Has a dog\"}")
        try await self.ask("I live in Oslo", model: StagedModel([facts]), memories: memories, embedder: FirstLetter())
        #expect(try await memories.memories(of: User.local.id).map(\.text) == ["Lives in Oslo", "Has a dog"])
    }

    @Test("without a language model only what is asked to be remembered is queued")
    func queue() async throws {
        let jobs = InMemoryJobStore()
        let memories = InMemoryMemoryStore()
        try await TestNode.run(
            model: StagedModel([.say("a")], [.say("b")]),
            afterwork: Afterwork(jobs: jobs, memories: memories, hasLanguageModel: false)
        ) { node in
            for text in ["Where is it?", "Remember that I like tea."] {
                _ = try await node.readToEnd(try await node.send(text, to: try await node.newConversation()).id)
            }
            while jobs.all.isEmpty { await Task.yield() }
            #expect(jobs.all.count == 1)
        }
    }
}
