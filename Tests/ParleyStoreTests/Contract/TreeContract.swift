//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCore
import SeededRandom
import Testing

@Suite("a store keeps the tree of messages")
struct TreeContract {
    let owner = UserID.generate()

    @Test("messages come back whole, in the order of their making", arguments: StoreFactory.all)
    func order(_ factory: StoreFactory) async throws {
        try await factory.withStore { [owner] store in
            let conversation = Samples.conversation(owner: owner)
            var messages: [Message] = []
            for number in 0..<11 {
                messages.append(
                    Samples.message(
                        in: conversation, below: messages.last?.id, role: number % 2 == 0 ? .user : .assistant,
                        "text \(number) 🐘\r\n", at: 11 - Int64(number)))
            }
            try await store.importConversation(conversation, messages: messages)
            #expect(
                try await store.messages(in: conversation.id, owner: owner, before: nil, limit: 50).elements == messages
            )
            var joined: [Message] = []
            var cursor: String?
            repeat {
                let page = try await store.messages(in: conversation.id, owner: owner, before: cursor, limit: 3)
                joined = page.elements + joined
                cursor = page.next
            } while cursor != nil
            #expect(joined == messages)
            #expect(try await store.message(messages[4].id, owner: owner) == messages[4])
            let ancestors = try await store.ancestors(of: messages[9].id, owner: owner, limit: 4)
            #expect(ancestors == Array(messages[6...9]))
            let all = try await store.ancestors(of: messages[2].id, owner: owner, limit: 100)
            #expect(all == Array(messages[0...2]))
        }
    }

    @Test("an edit and a regeneration are siblings", arguments: StoreFactory.all)
    func siblings(_ factory: StoreFactory) async throws {
        try await factory.withStore { [owner] store in
            let conversation = Samples.conversation(owner: owner)
            try await store.create(conversation)
            let first = try await store.exchange(in: conversation, "q1", "a1")
            let second = try await store.exchange(in: conversation, below: first.assistantMessageID, "q2", "a2")
            let edited = try await store.exchange(in: conversation, below: first.assistantMessageID, "q2b", "a2b")
            let (again, _) = try await store.begin(Samples.turn(in: conversation, answering: first.userMessageID))

            let latest = try await store.branch(
                of: conversation.id, owner: owner, through: nil, before: nil, limit: 9)
            #expect(latest.elements.map(\.message.id) == [first.userMessageID, again.assistantMessageID])
            #expect(latest.elements[1].siblings == [first.assistantMessageID, again.assistantMessageID])

            let old = try await store.branch(
                of: conversation.id, owner: owner, through: first.assistantMessageID, before: nil, limit: 9)
            #expect(old.elements.map(\.message.content) == ["q1", "a1", "q2b", "a2b"])
            #expect(old.elements[2].siblings == [second.userMessageID, edited.userMessageID])
            #expect(old.elements[0].siblings == [first.userMessageID])

            let oldest = try await store.branch(
                of: conversation.id, owner: owner, through: second.userMessageID, before: nil, limit: 9)
            #expect(oldest.elements.map(\.message.content) == ["q1", "a1", "q2", "a2"])
        }
    }

    @Test("a branch of nothing is empty, and one through a stranger is not found", arguments: StoreFactory.all)
    func edges(_ factory: StoreFactory) async throws {
        try await factory.withStore { [owner] store in
            let conversation = Samples.conversation(owner: owner)
            let other = Samples.conversation(owner: owner)
            try await store.create(conversation)
            try await store.create(other)
            let stranger = try await store.exchange(in: other, "q", "a")
            let page = try await store.branch(
                of: conversation.id, owner: owner, through: nil, before: nil, limit: 9)
            #expect(page.elements.isEmpty && page.next == nil)
            await expectError(.notFound) {
                _ = try await store.branch(
                    of: conversation.id, owner: owner, through: stranger.userMessageID, before: nil, limit: 9)
            }
            await expectError(.notFound) {
                _ = try await store.begin(Samples.newTurn(in: conversation, below: stranger.assistantMessageID))
            }
            // The cursor of another conversation does not open it.
            try await store.exchange(in: other, below: stranger.assistantMessageID, "q2", "a2")
            let foreign = try await store.branch(
                of: other.id, owner: owner, through: nil, before: nil, limit: 1
            ).next
            await expectError(.invalid) {
                _ = try await store.branch(
                    of: conversation.id, owner: owner, through: nil, before: foreign, limit: 9)
            }
        }
    }

    @Test("on random trees every branch is what a naive walk finds", arguments: StoreFactory.all, 1...8)
    func randomTrees(_ factory: StoreFactory, seed: Int) async throws {
        try await factory.withStore { [owner] store in
            var random = SeededGenerator(seed: seed)
            let conversation = Samples.conversation(owner: owner)
            var model = NaiveTree()
            for number in 0..<Int.random(in: 30...80, using: &random) {
                // Mostly chains, with forks at any depth and some new roots.
                let parent: MessageID? =
                    switch Int.random(in: 0..<10, using: &random) {
                    case 0: nil
                    case 1...3: model.messages.randomElement(using: &random)?.id
                    default: model.messages.last?.id
                    }
                model.messages.append(Samples.message(in: conversation, below: parent, "\(number)"))
            }
            try await store.importConversation(conversation, messages: model.messages)
            for message in model.messages {
                let limit = Int.random(in: 1...9, using: &random)
                var found: [BranchMessage] = []
                var cursor: String?
                repeat {
                    let page = try await store.branch(
                        of: conversation.id, owner: owner, through: message.id, before: cursor, limit: limit)
                    found = page.elements + found
                    cursor = page.next
                } while cursor != nil
                #expect(found.map(\.message.id) == model.branch(through: message.id), "seed \(seed)")
                #expect(found.map(\.siblings) == found.map { model.siblings(of: $0.message.id) }, "seed \(seed)")
            }
            let latest = try await store.branch(
                of: conversation.id, owner: owner, through: nil, before: nil, limit: 200)
            #expect(latest.elements.map(\.message.id) == model.ancestors(of: model.messages.last?.id))
        }
    }
}

/// The tree as anyone would write it down.
private struct NaiveTree {
    var messages: [Message] = []

    func ancestors(of id: MessageID?) -> [MessageID] {
        var path: [MessageID] = []
        var next = id
        while let id = next {
            path.insert(id, at: 0)
            next = self.messages.first { $0.id == id }?.parentID
        }
        return path
    }

    func branch(through id: MessageID) -> [MessageID] {
        var leaf = id
        while let child = self.messages.last(where: { $0.parentID == leaf }) {
            leaf = child.id
        }
        return self.ancestors(of: leaf)
    }

    func siblings(of id: MessageID) -> [MessageID] {
        let parent = self.messages.first { $0.id == id }?.parentID
        return self.messages.filter { $0.parentID == parent }.map(\.id)
    }
}
