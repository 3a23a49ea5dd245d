//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCore
import Testing

@Suite("a store keeps conversations")
struct ConversationContract {
    let owner = UserID.generate()

    @Test("what was created is read back whole", arguments: StoreFactory.all)
    func roundTrip(_ factory: StoreFactory) async throws {
        try await factory.withStore { [owner] store in
            var conversation = Samples.conversation(owner: owner, title: "Häuser 🏠 e\u{301}", at: 5)
            conversation.systemPrompt = "Be brief.\nAlways."
            conversation.model = "m-1"
            conversation.titleIsAutomatic = false
            try await store.create(conversation)
            #expect(try await store.conversation(conversation.id, owner: owner) == conversation)
        }
    }

    @Test("an id is taken once", arguments: StoreFactory.all)
    func takenID(_ factory: StoreFactory) async throws {
        try await factory.withStore { [owner] store in
            let conversation = Samples.conversation(owner: owner)
            try await store.create(conversation)
            await expectError(.conflict) { try await store.create(conversation) }
        }
    }

    @Test("another user's conversation is as if it were not there", arguments: StoreFactory.all)
    func isolation(_ factory: StoreFactory) async throws {
        try await factory.withStore { [owner] store in
            let conversation = Samples.conversation(owner: owner, title: "secret plan")
            try await store.create(conversation)
            let turn = try await store.exchange(in: conversation, "secret question", "secret answer")
            let other = UserID.generate()
            try await store.create(Samples.conversation(owner: other, title: "mine"))
            await expectError(.notFound) { _ = try await store.conversation(conversation.id, owner: other) }
            await expectError(.notFound) {
                _ = try await store.update(
                    conversation.id, owner: other, patch: .init(title: "x"), at: Samples.time(9))
            }
            await expectError(.notFound) {
                try await store.delete(conversation.id, owner: other, at: Samples.time(9))
            }
            await expectError(.notFound) {
                _ = try await store.messages(in: conversation.id, owner: other, before: nil, limit: 9)
            }
            await expectError(.notFound) {
                _ = try await store.branch(of: conversation.id, owner: other, through: nil, before: nil, limit: 9)
            }
            await expectError(.notFound) { _ = try await store.message(turn.userMessageID, owner: other) }
            await expectError(.notFound) {
                _ = try await store.ancestors(of: turn.userMessageID, owner: other, limit: 9)
            }
            await expectError(.notFound) { _ = try await store.turn(turn.id, owner: other) }
            await expectError(.notFound) { _ = try await store.requestStop(turn.id, owner: other) }
            #expect(try await store.search(owner: other, query: "secret", limit: 9).isEmpty)
            let listed = try await store.conversations(
                owner: other, archived: false, query: "secret", before: nil, limit: 9)
            #expect(listed.elements.isEmpty)
            try await store.setAutomaticTitle(conversation.id, owner: other, title: "stolen")
            #expect(try await store.conversation(conversation.id, owner: owner).title == "secret plan")
        }
    }

    @Test("the list has pinned ones first, then the latest changed", arguments: StoreFactory.all)
    func order(_ factory: StoreFactory) async throws {
        try await factory.withStore { [owner] store in
            for (title, at, pinned) in [("a", 1, false), ("b", 9, false), ("c", 2, true), ("d", 5, false)] {
                try await store.create(
                    Samples.conversation(owner: owner, title: title, at: Int64(at), pinned: pinned))
            }
            try await store.create(Samples.conversation(owner: owner, title: "archived", archived: true))
            try await store.create(Samples.conversation(owner: owner, title: "temporary", temporary: true))
            let page = try await store.conversations(
                owner: owner, archived: false, query: nil, before: nil, limit: 9)
            #expect(page.elements.map(\.title) == ["c", "b", "d", "a"])
            #expect(page.next == nil)
            let archived = try await store.conversations(
                owner: owner, archived: true, query: nil, before: nil, limit: 9)
            #expect(archived.elements.map(\.title) == ["archived"])
        }
    }

    @Test("pages join without a gap or a repeat, also at equal times", arguments: StoreFactory.all)
    func paging(_ factory: StoreFactory) async throws {
        try await factory.withStore { [owner] store in
            for number in 0..<23 {
                try await store.create(
                    Samples.conversation(owner: owner, at: Int64(number / 5), pinned: number % 7 == 0))
            }
            let whole = try await store.conversations(
                owner: owner, archived: false, query: nil, before: nil, limit: 100)
            var joined: [Conversation] = []
            var cursor: String?
            repeat {
                let page = try await store.conversations(
                    owner: owner, archived: false, query: nil, before: cursor, limit: 4)
                #expect(page.elements.count <= 4)
                joined += page.elements
                cursor = page.next
            } while cursor != nil
            #expect(joined == whole.elements)
            #expect(joined.count == 23)
        }
    }

    @Test(
        "a malformed cursor is invalid",
        arguments: StoreFactory.all,
        [
            "", "x", "c", "c.1", "c.2.0.0", "c.1.1.x", "m.", "m.1.1", "b.", "c.1.99999999999999999999.1", "m.-", "\0",
            "😀",
        ])
    func malformedCursor(_ factory: StoreFactory, _ cursor: String) async throws {
        try await factory.withStore { [owner] store in
            let conversation = Samples.conversation(owner: owner)
            try await store.create(conversation)
            await expectError(.invalid) {
                _ = try await store.conversations(
                    owner: owner, archived: false, query: nil, before: cursor, limit: 9)
            }
            await expectError(.invalid) {
                _ = try await store.messages(in: conversation.id, owner: owner, before: cursor, limit: 9)
            }
            await expectError(.invalid) {
                _ = try await store.branch(
                    of: conversation.id, owner: owner, through: nil, before: cursor, limit: 9)
            }
        }
    }

    @Test("a patch changes what it names and nothing else", arguments: StoreFactory.all)
    func patch(_ factory: StoreFactory) async throws {
        try await factory.withStore { [owner] store in
            var conversation = Samples.conversation(owner: owner, title: "old")
            conversation.systemPrompt = "prompt"
            conversation.model = "m"
            try await store.create(conversation)
            var changed = try await store.update(
                conversation.id, owner: owner, patch: .init(title: "new"), at: Samples.time(7))
            #expect(changed.title == "new" && !changed.titleIsAutomatic && changed.systemPrompt == "prompt")
            #expect(changed.updatedAt == Samples.time(7))
            changed = try await store.update(
                conversation.id, owner: owner,
                patch: .init(systemPrompt: .some(nil), model: .some(nil), pinned: true, archived: true),
                at: Samples.time(8))
            #expect(changed.systemPrompt == nil && changed.model == nil && changed.pinned && changed.archived)
            #expect(changed.title == "new")
            #expect(try await store.conversation(conversation.id, owner: owner) == changed)
            await expectError(.notFound) {
                _ = try await store.update(.generate(), owner: owner, patch: .init(), at: Samples.time(8))
            }
        }
    }

    @Test("an automatic title yields to the user's and moves nothing in the list", arguments: StoreFactory.all)
    func automaticTitle(_ factory: StoreFactory) async throws {
        try await factory.withStore { [owner] store in
            let conversation = Samples.conversation(owner: owner, title: "New chat", at: 3)
            try await store.create(conversation)
            try await store.setAutomaticTitle(conversation.id, owner: owner, title: "Made")
            var found = try await store.conversation(conversation.id, owner: owner)
            #expect(found.title == "Made" && found.titleIsAutomatic && found.updatedAt == conversation.updatedAt)
            _ = try await store.update(
                conversation.id, owner: owner, patch: .init(title: "Mine"), at: Samples.time(4))
            try await store.setAutomaticTitle(conversation.id, owner: owner, title: "Made again")
            found = try await store.conversation(conversation.id, owner: owner)
            #expect(found.title == "Mine" && !found.titleIsAutomatic)
        }
    }

    @Test("a deleted conversation is gone until it is restored, and for good once purged", arguments: StoreFactory.all)
    func deletion(_ factory: StoreFactory) async throws {
        try await factory.withStore { [owner] store in
            let conversation = Samples.conversation(owner: owner, title: "walrus")
            try await store.create(conversation)
            let turn = try await store.exchange(in: conversation, "walrus question", "walrus answer")
            await expectError(.notFound) { _ = try await store.restore(conversation.id, owner: owner) }
            try await store.delete(conversation.id, owner: owner, at: Samples.time(10))
            await expectError(.notFound) { _ = try await store.conversation(conversation.id, owner: owner) }
            await expectError(.notFound) { _ = try await store.message(turn.userMessageID, owner: owner) }
            await expectError(.notFound) {
                try await store.delete(conversation.id, owner: owner, at: Samples.time(11))
            }
            await expectError(.notFound) { _ = try await store.begin(Samples.newTurn(in: conversation)) }
            #expect(try await store.search(owner: owner, query: "walrus", limit: 9).isEmpty)
            await expectError(.notFound) { _ = try await store.restore(conversation.id, owner: .generate()) }
            #expect(try await store.restore(conversation.id, owner: owner).title == "walrus")
            #expect(try await store.search(owner: owner, query: "walrus", limit: 9).count == 3)

            try await store.delete(conversation.id, owner: owner, at: Samples.time(20))
            let early = try await store.purge(deletedBefore: Samples.time(20), temporaryBefore: Samples.time(0))
            #expect(early == 0)
            let late = try await store.purge(deletedBefore: Samples.time(21), temporaryBefore: Samples.time(0))
            #expect(late == 1)
            await expectError(.notFound) { _ = try await store.restore(conversation.id, owner: owner) }
            await expectError(.notFound) { _ = try await store.turn(turn.id, owner: owner) }
            // Every id is free again.
            try await store.create(conversation)
            #expect(try await store.search(owner: owner, query: "walrus", limit: 9).count == 1)
        }
    }

    @Test("a temporary conversation is not listed, not found, and purged when old", arguments: StoreFactory.all)
    func temporary(_ factory: StoreFactory) async throws {
        try await factory.withStore { [owner] store in
            let conversation = Samples.conversation(owner: owner, title: "ephemeral", temporary: true)
            try await store.create(conversation)
            try await store.exchange(in: conversation, "ephemeral question", "ephemeral answer", at: 50)
            #expect(try await store.search(owner: owner, query: "ephemeral", limit: 9).isEmpty)
            let listed = try await store.conversations(
                owner: owner, archived: false, query: "ephemeral", before: nil, limit: 9)
            #expect(listed.elements.isEmpty)
            #expect(try await store.conversation(conversation.id, owner: owner).temporary)
            // Its last message counts, not its making.
            #expect(try await store.purge(deletedBefore: Samples.time(0), temporaryBefore: Samples.time(50)) == 0)
            #expect(try await store.purge(deletedBefore: Samples.time(0), temporaryBefore: Samples.time(51)) == 1)
            await expectError(.notFound) { _ = try await store.conversation(conversation.id, owner: owner) }
        }
    }

    @Test("one purge removes a bounded number", arguments: StoreFactory.all)
    func boundedPurge(_ factory: StoreFactory) async throws {
        try await factory.withStore { [owner] store in
            for _ in 0..<(CoreLimits.purgeBatch + 5) {
                try await store.create(Samples.conversation(owner: owner, temporary: true))
            }
            let times = (Samples.time(1), Samples.time(1))
            #expect(try await store.purge(deletedBefore: times.0, temporaryBefore: times.1) == CoreLimits.purgeBatch)
            #expect(try await store.purge(deletedBefore: times.0, temporaryBefore: times.1) == 5)
            #expect(try await store.purge(deletedBefore: times.0, temporaryBefore: times.1) == 0)
        }
    }

    @Test("an import that meets a taken id in the middle leaves nothing", arguments: StoreFactory.all)
    func clashingImport(_ factory: StoreFactory) async throws {
        try await factory.withStore { [owner] store in
            let there = Samples.conversation(owner: owner)
            try await store.create(there)
            let taken = try await store.exchange(in: there, "q", "a").userMessageID
            let conversation = Samples.conversation(owner: owner, title: "walrus")
            var messages = (0..<1200).map { Samples.message(in: conversation, "walrus \($0)") }
            messages[1100].id = taken
            let clashing = messages
            await expectError(.conflict) { try await store.importConversation(conversation, messages: clashing) }
            #expect(try await store.search(owner: owner, query: "walrus", limit: 9).isEmpty)
            await expectError(.notFound) { _ = try await store.restore(conversation.id, owner: owner) }
            messages[1100].id = .generate()
            try await store.importConversation(conversation, messages: messages)
            let page = try await store.messages(in: conversation.id, owner: owner, before: nil, limit: 2)
            #expect(page.elements == Array(messages.suffix(2)))
        }
    }

    @Test("an import is whole or not at all", arguments: StoreFactory.all)
    func importing(_ factory: StoreFactory) async throws {
        try await factory.withStore { [owner] store in
            let conversation = Samples.conversation(owner: owner, title: "imported")
            let first = Samples.message(in: conversation, "one", at: 1)
            var second = Samples.message(in: conversation, below: first.id, role: .assistant, "two", at: 2)
            second.sources = [Citation(n: 1, documentID: "d", title: "t", page: 3, text: "x", score: 0.5)]
            let orphan = Samples.message(in: conversation, below: .generate(), "orphan")
            await expectError(.invalid) {
                try await store.importConversation(conversation, messages: [first, orphan])
            }
            await expectError(.notFound) { _ = try await store.conversation(conversation.id, owner: owner) }
            try await store.importConversation(conversation, messages: [first, second])
            let page = try await store.messages(in: conversation.id, owner: owner, before: nil, limit: 9)
            #expect(page.elements == [first, second])
            await expectError(.conflict) {
                try await store.importConversation(conversation, messages: [first, second])
            }
            #expect(try await store.search(owner: owner, query: "two", limit: 9).map(\.messageID) == [second.id])
        }
    }
}
