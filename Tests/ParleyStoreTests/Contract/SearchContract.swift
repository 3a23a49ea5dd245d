//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCore
import Testing

@Suite("a store finds texts")
struct SearchContract {
    let owner = UserID.generate()

    private func withTexts(
        _ factory: StoreFactory, title: String = "Untitled", _ texts: [String],
        _ body: @Sendable (any DurableStore) async throws -> Void
    ) async throws {
        try await factory.withStore { [owner] store in
            let conversation = Samples.conversation(owner: owner, title: title)
            let messages = texts.enumerated().map {
                Samples.message(in: conversation, role: $0.offset % 2 == 0 ? .user : .assistant, $0.element)
            }
            try await store.importConversation(conversation, messages: messages)
            try await body(store)
        }
    }

    private func contents(_ store: any DurableStore, _ query: String) async throws -> [String] {
        var found: [String] = []
        for hit in try await store.search(owner: self.owner, query: query, limit: 50) {
            if let id = hit.messageID {
                found.append(try await store.message(id, owner: self.owner).content)
            } else {
                found.append("title: \(hit.conversationTitle)")
            }
        }
        return found
    }

    @Test(
        "words are found without regard to case and accents, the last also by its beginning",
        arguments: StoreFactory.all)
    func words(_ factory: StoreFactory) async throws {
        let texts = ["The Café is open", "Über alle Berge", "cafeteria"]
        try await self.withTexts(factory, texts) { store in
            let both = try await self.contents(store, "cafe open")
            #expect(both == ["The Café is open"])
            #expect(try await self.contents(store, "UBER") == ["Über alle Berge"])
            #expect(Set(try await self.contents(store, "caf")) == ["The Café is open", "cafeteria"])
            #expect(try await self.contents(store, "caf open").isEmpty)
            #expect(try await self.contents(store, "open berge").isEmpty)
        }
    }

    @Test(
        "scripts without spaces are found anywhere in a sentence", arguments: StoreFactory.all,
        [
            ("我想学习机器学习的基础知识", "机器学习"), ("今日はとても良い天気ですね", "天気"),
            ("ฉันชอบกินข้าวผัด", "ข้าวผัด"), ("Swift 语言很好用 indeed", "语言"), ("𠮷野家 is open", "野家"),
        ])
    func unspaced(_ factory: StoreFactory, _ pair: (text: String, query: String)) async throws {
        try await self.withTexts(factory, [pair.text, "something else 机学"]) { store in
            #expect(try await self.contents(store, pair.query) == [pair.text])
            let hit = try #require(try await store.search(owner: self.owner, query: pair.query, limit: 1).first)
            let marks = hit.snippet.unicodeScalars.filter { $0 == "\u{E000}" }.count
            #expect(marks >= 1)
            let plain = hit.snippet.unicodeScalars.filter { $0 != "\u{E000}" && $0 != "\u{E001}" }
            #expect(String(String.UnicodeScalarView(plain)) == pair.text)
        }
    }

    @Test("the snippet marks the words that match", arguments: StoreFactory.all)
    func snippet(_ factory: StoreFactory) async throws {
        let long =
            String(repeating: "filler ", count: 200) + "the quick walrus sleeps" + String(repeating: " end", count: 200)
        try await self.withTexts(factory, title: "Walrus facts", [long]) { store in
            let hits = try await store.search(owner: self.owner, query: "walrus", limit: 9)
            #expect(hits.count == 2)
            #expect(hits[0].messageID == nil && hits[0].snippet == "\u{E000}Walrus\u{E001} facts")
            #expect(hits[1].snippet.contains("quick \u{E000}walrus\u{E001} sleeps"))
            #expect(hits[1].snippet.count < 300)
        }
    }

    @Test("marks that a text brings along do not unbalance the snippet", arguments: StoreFactory.all)
    func marks(_ factory: StoreFactory) async throws {
        try await self.withTexts(factory, ["\u{E001}\u{E000} walrus \u{E000}\u{E000} x \u{E001}\u{E001}"]) { store in
            let snippet = try #require(try await store.search(owner: self.owner, query: "walrus", limit: 1).first)
                .snippet
            var depth = 0
            for scalar in snippet.unicodeScalars {
                if scalar == "\u{E000}" { depth += 1 }
                if scalar == "\u{E001}" { depth -= 1 }
                #expect((0...1).contains(depth))
            }
            #expect(depth == 0)
        }
    }

    @Test(
        "whatever is typed is a question, never an error",
        arguments: StoreFactory.all,
        [
            "\"", "\"\"", "'", "*", "walrus*", "* walrus", "walrus AND", "NOT walrus", "walrus OR zebra", "NEAR(a b)",
            "content:walrus", "owner:1", "owner : \"1\" OR walrus", "\") OR (\"", "walrus\" OR owner : \"2", "^walrus",
            "-walrus", "+walrus", "{content title} : walrus", "(((((", "a\0b", "\0", "?!…", "   ", "\u{301}",
            "\u{E000}walrus\u{E001}", "😀", "👩‍👩‍👧", "%", "_", "\\", "; DROP TABLE messages; --", "１２３", "ﬁn", "²",
            String(repeating: "(", count: 1000), String(repeating: "a ", count: 500),
            String(repeating: "w", count: 5000), "機*", "\u{202E}walrus", "\u{FEFF}",
        ])
    func hostile(_ factory: StoreFactory, _ query: String) async throws {
        try await self.withTexts(factory, title: "walrus", ["walrus"]) { store in
            let hits = try await store.search(owner: self.owner, query: query, limit: 9)
            let page = try await store.conversations(
                owner: self.owner, archived: false, query: query, before: nil, limit: 9)
            #expect(hits.isEmpty == page.elements.isEmpty)
            if !query.unicodeScalars.contains(where: { $0.properties.isAlphabetic }) {
                #expect(hits.isEmpty)
            }
        }
    }

    @Test("no query reaches what another user wrote", arguments: StoreFactory.all, ["owner", "walrus OR x", "1", "2"])
    func owners(_ factory: StoreFactory, _ query: String) async throws {
        try await factory.withStore { [owner] store in
            let other = Samples.conversation(owner: .generate(), title: "1 2 owner walrus or x")
            let message = Samples.message(in: other, "1 2 owner walrus or x")
            try await store.importConversation(other, messages: [message])
            try await store.create(Samples.conversation(owner: owner, title: "mine"))
            #expect(try await store.search(owner: owner, query: query, limit: 9).isEmpty)
            #expect(try await store.search(owner: other.ownerID, query: query, limit: 9).count == 2)
        }
    }

    @Test("the list is filtered by titles and messages and keeps its order and paging", arguments: StoreFactory.all)
    func filteredList(_ factory: StoreFactory) async throws {
        try await factory.withStore { [owner] store in
            for number in 0..<12 {
                let conversation = Samples.conversation(
                    owner: owner, title: number % 3 == 0 ? "walrus \(number)" : "zebra \(number)", at: Int64(number))
                let text = number % 3 == 1 ? "about a walrus" : "about nothing"
                try await store.importConversation(
                    conversation, messages: [Samples.message(in: conversation, text)])
            }
            var titles: [String] = []
            var cursor: String?
            repeat {
                let page = try await store.conversations(
                    owner: owner, archived: false, query: "walrus", before: cursor, limit: 3)
                titles += page.elements.map(\.title)
                cursor = page.next
            } while cursor != nil
            #expect(
                titles == [
                    "zebra 10", "walrus 9", "zebra 7", "walrus 6", "zebra 4", "walrus 3", "zebra 1", "walrus 0",
                ])
        }
    }

    @Test("an answer is found once it is final, a renamed title by its new words only", arguments: StoreFactory.all)
    func upToDate(_ factory: StoreFactory) async throws {
        try await factory.withStore { [owner] store in
            let conversation = Samples.conversation(owner: owner, title: "aardvark")
            try await store.create(conversation)
            let (turn, _) = try await store.begin(Samples.newTurn(in: conversation, "question"))
            _ = try await store.claim(turn.id, epoch: 1)
            try await store.save([Samples.snapshot(turn, epoch: 1, sequence: 2, "walrus")])
            #expect(try await store.search(owner: owner, query: "walrus", limit: 9).isEmpty)
            _ = try await store.finish(Samples.result(turn, epoch: 1, sequence: 4, "walrus and seal"))
            #expect(try await store.search(owner: owner, query: "walrus seal", limit: 9).count == 1)
            _ = try await store.update(
                conversation.id, owner: owner, patch: .init(title: "buffalo"), at: Samples.time(1))
            #expect(try await store.search(owner: owner, query: "aardvark", limit: 9).isEmpty)
            #expect(try await store.search(owner: owner, query: "buffalo", limit: 9).count == 1)
        }
    }

    @Test("the number of hits is limited, with room for titles and messages", arguments: StoreFactory.all)
    func limits(_ factory: StoreFactory) async throws {
        try await factory.withStore { [owner] store in
            for _ in 0..<10 {
                let conversation = Samples.conversation(owner: owner, title: "walrus")
                try await store.importConversation(
                    conversation, messages: [Samples.message(in: conversation, "walrus")])
            }
            let hits = try await store.search(owner: owner, query: "walrus", limit: 6)
            #expect(hits.count == 6)
            #expect(hits.filter { $0.messageID == nil }.count == 3)
        }
    }
}
