//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation
import ParleyChat
import ParleyCore
import Testing

@Suite("Export and import")
struct ConversationArchiveTests {
    let owner = User.local.id

    func conversation() -> ConversationArchive.Entry {
        let conversation = Conversation(
            id: .generate(), ownerID: self.owner, title: "Tea", systemPrompt: "Be kind.", pinned: true,
            createdAt: .now(), updatedAt: .now())
        let question = Message(
            id: .generate(), conversationID: conversation.id, parentID: nil, role: .user, content: "Which tea?",
            createdAt: .now())
        let answers = ["Green 🍵", "Black"].map {
            Message(
                id: .generate(), conversationID: conversation.id, parentID: question.id, role: .assistant,
                content: $0, model: "m", createdAt: .now())
        }
        return .init(conversation: conversation, messages: [question] + answers)
    }

    @Test("what is exported comes back the same, under new ids")
    func roundTrip() throws {
        let entry = self.conversation()
        let data = try ParleyExport.write(ConversationArchive(entries: [entry]))
        let back = try ConversationArchive(reading: data, owner: self.owner, now: .now())
        let read = try #require(back.entries.first)
        #expect(read.conversation.title == "Tea")
        #expect(read.conversation.systemPrompt == "Be kind.")
        #expect(read.conversation.pinned)
        #expect(read.messages.map(\.content) == ["Which tea?", "Green 🍵", "Black"])
        #expect(read.messages[1].parentID == read.messages[0].id)
        #expect(read.messages[2].parentID == read.messages[0].id)
        #expect(Set(read.messages.map(\.id)).isDisjoint(with: entry.messages.map(\.id)))
        #expect(read.messages.allSatisfy { $0.conversationID == read.conversation.id })
    }

    @Test("reads ChatGPT's file: hidden and system nodes are skipped, branches stay")
    func chatGPT() throws {
        let file = """
            [{"title":"Trip","create_time":1700000000.5,"update_time":1700000100,"mapping":{
              "root":{"id":"root","parent":null,"children":["s"]},
              "s":{"id":"s","parent":"root","message":{"author":{"role":"system"},
                "content":{"content_type":"text","parts":[""]}}},
              "h":{"id":"h","parent":"s","message":{"author":{"role":"user"},"content":{"parts":["hidden"]},
                "metadata":{"is_visually_hidden_from_conversation":true}}},
              "u":{"id":"u","parent":"h","message":{"author":{"role":"user"},"create_time":1,
                "content":{"content_type":"text","parts":["Where to?"]}}},
              "a1":{"id":"a1","parent":"u","message":{"author":{"role":"assistant"},"create_time":2,
                "content":{"parts":["Rome"]},"metadata":{"model_slug":"gpt-4o"}}},
              "a2":{"id":"a2","parent":"u","message":{"author":{"role":"assistant"},"create_time":3,
                "content":{"parts":[{"asset_pointer":"x"},"Oslo"]}}}}}]
            """
        let archive = try ConversationArchive(reading: Data(file.utf8), owner: self.owner, now: .now())
        let entry = try #require(archive.entries.first)
        #expect(entry.conversation.title == "Trip")
        #expect(entry.messages.map(\.content) == ["Where to?", "Rome", "Oslo"])
        #expect(entry.messages[0].parentID == nil)
        #expect(entry.messages[2].parentID == entry.messages[0].id)
        #expect(entry.messages[1].model == "gpt-4o")
    }

    @Test(
        "refuses what it cannot read, with a reason",
        arguments: [
            "", "{}", "[1]", "null", "{\"format\":\"parley\",\"version\":99,\"conversations\":[]}",
            "{\"format\":\"other\",\"version\":1,\"conversations\":[]}",
        ])
    func refuses(text: String) {
        #expect(throws: ChatError.self) {
            _ = try ConversationArchive(reading: Data(text.utf8), owner: self.owner, now: .now())
        }
    }

    @Test("refuses messages whose parents go in a circle")
    func circle() throws {
        var entry = self.conversation()
        entry.messages[0].parentID = entry.messages[1].id
        let data = try ParleyExport.write(ConversationArchive(entries: [entry]))
        #expect(throws: ChatError.self) {
            _ = try ConversationArchive(reading: data, owner: self.owner, now: .now())
        }
    }

    @Test("Markdown holds the branch")
    func markdown() {
        let entry = self.conversation()
        let text = ConversationArchive.markdown(entry.conversation, branch: Array(entry.messages.prefix(2)))
        #expect(text.hasPrefix("# Tea\n"))
        #expect(text.contains("## You\n\nWhich tea?\n"))
        #expect(text.contains("## Assistant (m)\n\nGreen 🍵\n"))
    }
}
