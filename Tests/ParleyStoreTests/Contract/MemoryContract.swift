//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCore
import Testing

@Suite("a store keeps memories, summaries and message vectors")
struct MemoryContract {
    let owner = UserID.generate()
    let other = UserID.generate()

    private func memory(_ text: String, of owner: UserID, at ms: Int64 = 0) -> Memory {
        Memory(
            id: .generate(), ownerID: owner, text: text, origin: .learned, createdAt: Samples.time(ms),
            updatedAt: Samples.time(ms))
    }

    @Test("memories are their owner's, oldest first", arguments: StoreFactory.all)
    func memories(_ factory: StoreFactory) async throws {
        try await factory.withStore { [owner, other] store in
            #expect(try await store.memories(of: owner).isEmpty)
            let second = self.memory("second", of: owner, at: 2)
            var first = self.memory("first", of: owner, at: 1)
            let foreign = self.memory("foreign", of: other)
            for memory in [second, first, foreign] { try await store.add(memory) }
            #expect(try await store.memories(of: owner) == [first, second])
            first.text = "changed"
            first.updatedAt = Samples.time(9)
            let changed = try await store.changeMemory(
                first.id, owner: owner, text: "changed", at: Samples.time(9))
            #expect(changed == first)
            #expect(try await store.memories(of: owner) == [first, second])
            await expectError(.notFound) {
                _ = try await store.changeMemory(first.id, owner: other, text: "stolen", at: Samples.time(9))
            }
            var stolen = foreign
            stolen.ownerID = owner
            let theft = stolen
            await expectError(.conflict) { try await store.add(theft) }
            await expectError(.notFound) { try await store.deleteMemory(foreign.id, owner: owner) }
            try await store.deleteMemory(first.id, owner: owner)
            await expectError(.notFound) { try await store.deleteMemory(first.id, owner: owner) }
            await expectError(.notFound) {
                _ = try await store.changeMemory(first.id, owner: owner, text: "back", at: Samples.time(9))
            }
            try await store.deleteMemories(of: owner)
            #expect(try await store.memories(of: owner).isEmpty)
            #expect(try await store.memories(of: other) == [foreign])
        }
    }

    @Test("a memory names its conversation as long as that exists and is the owner's", arguments: StoreFactory.all)
    func origin(_ factory: StoreFactory) async throws {
        try await factory.withStore { [owner, other] store in
            let mine = Samples.conversation(owner: owner)
            let theirs = Samples.conversation(owner: other)
            try await store.create(mine)
            try await store.create(theirs)
            for (place, conversation) in [mine, theirs].enumerated() {
                var memory = self.memory("\(place)", of: owner, at: Int64(place))
                memory.conversationID = conversation.id
                try await store.add(memory)
            }
            #expect(try await store.memories(of: owner).map(\.conversationID) == [mine.id, nil])
            try await store.delete(mine.id, owner: owner, at: Samples.time(0))
            #expect(try await store.memories(of: owner).map(\.conversationID) == [nil, nil])
        }
    }

    @Test("one user has a limited number of memories", arguments: StoreFactory.all)
    func limit(_ factory: StoreFactory) async throws {
        try await factory.withStore { [owner] store in
            let first = self.memory("0", of: owner)
            try await store.add(first)
            for number in 1..<CoreLimits.memoriesPerUser {
                try await store.add(self.memory("\(number)", of: owner))
            }
            await expectError(.conflict) { try await store.add(self.memory("more", of: owner)) }
        }
    }

    @Test("settings are on until they are switched off", arguments: StoreFactory.all)
    func settings(_ factory: StoreFactory) async throws {
        try await factory.withStore { [owner, other] store in
            #expect(try await store.memorySettings(of: owner) == MemorySettings())
            let changed = MemorySettings(usesMemories: false, learnsMemories: true, recallsMessages: false)
            try await store.save(changed, owner: owner)
            #expect(try await store.memorySettings(of: owner) == changed)
            #expect(try await store.memorySettings(of: other) == MemorySettings())
        }
    }

    // MARK: Summaries

    @Test(
        "a summary holds for every branch through its message, and the deepest one counts", arguments: StoreFactory.all)
    func summaries(_ factory: StoreFactory) async throws {
        try await factory.withStore { [owner, other] store in
            let conversation = Samples.conversation(owner: owner)
            var chain: [Message] = []
            for number in 0..<6 {
                chain.append(Samples.message(in: conversation, below: chain.last?.id, "\(number)"))
            }
            // An edit of the third message, with an answer that is edited once more.
            let edit = Samples.message(in: conversation, below: chain[1].id, "edit")
            let answer = Samples.message(in: conversation, below: edit.id, "answer")
            let again = Samples.message(in: conversation, below: edit.id, "again")
            let leaf = Samples.message(in: conversation, below: again.id, "leaf")
            let all = chain + [edit, answer, again, leaf]
            try await store.importConversation(conversation, messages: all)
            func summary(before message: Message) async throws -> String? {
                try await store.summary(before: message.id, owner: owner)?.text
            }
            func save(_ text: String, at message: Message) async throws {
                try await store.save(
                    ConversationSummary(
                        conversationID: conversation.id, messageID: message.id, text: text,
                        createdAt: Samples.time(1)), owner: owner)
            }
            #expect(try await summary(before: leaf) == nil)
            try await save("trunk", at: chain[1])
            try await save("chain", at: chain[3])
            #expect(try await summary(before: chain[1]) == nil)
            #expect(try await summary(before: chain[3]) == "trunk")
            #expect(try await summary(before: chain[5]) == "chain")
            for message in [edit, answer, again, leaf] {
                #expect(try await summary(before: message) == "trunk", "\(message.content)")
            }
            try await save("edit", at: edit)
            #expect(try await summary(before: edit) == "trunk")
            for message in [answer, again, leaf] {
                #expect(try await summary(before: message) == "edit", "\(message.content)")
            }
            try await save("edit, better", at: edit)
            #expect(try await summary(before: leaf) == "edit, better")
            let found = try #require(try await store.summary(before: leaf.id, owner: owner))
            #expect(found.messageID == edit.id && found.conversationID == conversation.id)
            await expectError(.notFound) { _ = try await store.summary(before: leaf.id, owner: other) }
            await expectError(.notFound) { try await store.save(found, owner: other) }
            // They go with the conversation.
            try await store.delete(conversation.id, owner: owner, at: Samples.time(0))
            await expectError(.notFound) { _ = try await store.summary(before: leaf.id, owner: owner) }
            #expect(try await store.purge(deletedBefore: Samples.time(1), temporaryBefore: Samples.time(0)) == 1)
            try await store.importConversation(conversation, messages: all)
            #expect(try await summary(before: leaf) == nil)
        }
    }

    // MARK: Vectors of messages

    private func texts(_ store: any DurableStore) async throws -> [String] {
        try await store.messagesWithoutVector(model: Samples.model, limit: 99).map(\.text)
    }

    @Test("finished messages are embedded, once, and forgotten with their conversation", arguments: StoreFactory.all)
    func vectors(_ factory: StoreFactory) async throws {
        try await factory.withStore { [owner, other] store in
            #expect(try await store.messagePartition(of: owner) == nil)
            let conversation = Samples.conversation(owner: owner, title: "Talk")
            let secret = Samples.conversation(owner: owner, temporary: true)
            for each in [conversation, secret] { try await store.create(each) }
            let (open, _) = try await store.begin(Samples.newTurn(in: conversation, "question"))
            try await store.exchange(in: secret, "temporary", "temporary")
            #expect(try await self.texts(store) == ["question"])
            try await store.exchange(in: conversation, "later", "answer")
            _ = try await store.claim(open.id, epoch: 1)
            let lacking = try await store.messagesWithoutVector(model: Samples.model, limit: 99)
            #expect(lacking.map(\.text) == ["question", "later", "answer"])
            var vectors = lacking.map { (number: $0.number, vector: [1, 0, 0, 0] as [Float]) }
            vectors.append((number: 4711, vector: [1, 0, 0, 0]))
            try await store.saveMessageVectors(vectors, model: Samples.model)
            await expectError(.invalid) {
                try await store.saveMessageVectors([(number: lacking[0].number, vector: [1])], model: Samples.model)
            }
            #expect(try await self.texts(store).isEmpty)
            // One that was being written while later ones were done.
            _ = try await store.finish(Samples.result(open, epoch: 1, sequence: 2, "finished"))
            #expect(try await self.texts(store) == ["finished"])

            let partition = try #require(try await store.messagePartition(of: owner))
            let feed = try await store.messageVectors(model: Samples.model, after: 0, limit: 2)
            #expect(feed.map(\.number) == lacking.prefix(2).map(\.number))
            #expect(feed.allSatisfy { $0.partition == partition })
            let last = try await store.messageVectors(model: Samples.model, after: lacking[1].number, limit: 9)
            #expect(last.map(\.number) == [lacking[2].number])

            let numbers = lacking.map(\.number)
            let found = try await store.messages(numbers, owner: owner, excluding: nil)
            #expect(Set(found.map(\.message.content)) == ["question", "later", "answer"])
            #expect(found.allSatisfy { $0.conversationTitle == "Talk" })
            #expect(try await store.messages(numbers, owner: other, excluding: nil).isEmpty)
            #expect(try await store.messages(numbers, owner: owner, excluding: conversation.id).isEmpty)

            try await store.delete(conversation.id, owner: owner, at: Samples.time(0))
            #expect(try await store.messages(numbers, owner: owner, excluding: nil).isEmpty)
            #expect(try await store.messageVectors(model: Samples.model, after: 0, limit: 9).isEmpty)
            #expect(try await self.texts(store).isEmpty)
            _ = try await store.restore(conversation.id, owner: owner)
            #expect(try await self.texts(store) == ["finished"])
            try await store.delete(conversation.id, owner: owner, at: Samples.time(0))
            _ = try await store.purge(deletedBefore: Samples.time(1), temporaryBefore: Samples.time(0))
            // A number is never given again: it may be an index's.
            let next = Samples.conversation(owner: owner)
            try await store.create(next)
            _ = try await store.begin(Samples.newTurn(in: next, "new"))
            let fresh = try await store.messagesWithoutVector(model: Samples.model, limit: 9)
            #expect(fresh.map(\.text) == ["new"] && fresh[0].number > (numbers.max() ?? 0))
        }
    }
}
