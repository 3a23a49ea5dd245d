//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyChat
import ParleyCore
import Testing

@Suite("The context window")
struct ContextWindowTests {
    func message(_ role: Message.Role, _ content: String, state: Message.State = .completed) -> Message {
        Message(
            id: .generate(), conversationID: .generate(), parentID: nil, role: role, content: content, state: state,
            createdAt: .now())
    }

    @Test("puts the system prompt first and keeps the order")
    func order() {
        let messages = ContextWindow().messages(
            systemPrompt: "Be brief.",
            branch: [self.message(.user, "a"), self.message(.assistant, "b"), self.message(.user, "c")])
        #expect(messages.map(\.content) == ["Be brief.", "a", "b", "c"])
        #expect(messages.map(\.role) == [.system, .user, .assistant, .user])
    }

    @Test("drops the oldest messages when the budget is spent, never the newest")
    func budget() {
        let long = String(repeating: "word ", count: 1000)
        let branch = [self.message(.user, long), self.message(.assistant, "short"), self.message(.user, "last")]
        let messages = ContextWindow(budgetTokens: 100).messages(systemPrompt: nil, branch: branch)
        #expect(messages.map(\.content) == ["short", "last"])
        let alone = ContextWindow(budgetTokens: 1).messages(systemPrompt: "x", branch: [self.message(.user, long)])
        #expect(alone.count == 2)
    }

    @Test("leaves out answers that are not there yet")
    func pending() {
        let branch = [
            self.message(.user, "a"), self.message(.assistant, "half", state: .pending),
            self.message(.assistant, ""), self.message(.assistant, "cut", state: .stopped), self.message(.user, "b"),
        ]
        #expect(ContextWindow().messages(systemPrompt: "", branch: branch).map(\.content) == ["a", "cut", "b"])
    }
}

@Suite("Titles")
struct TitleMakerTests {
    @Test(
        "are the first words, one line, without marks",
        arguments: [
            ("Hello", "Hello"), ("\n\n## How do I *start*?\nmore", "How do I *start*?"), ("> quoted", "quoted"),
            ("  \n\t", "New conversation"), ("- item\n- item", "item"),
        ])
    func firstWords(text: String, title: String) {
        #expect(TitleMaker.title(fromFirstWordsOf: text) == title)
    }

    @Test("are cut at a word, or in a word that is too long, and fit the limit")
    func cut() {
        let words = TitleMaker.title(fromFirstWordsOf: String(repeating: "lorem ipsum ", count: 20))
        #expect(words.hasSuffix("ipsum…") || words.hasSuffix("lorem…"))
        #expect(words.unicodeScalars.count <= ChatLimits.automaticTitleScalars + 1)
        let one = TitleMaker.title(fromFirstWordsOf: String(repeating: "x", count: 5000))
        #expect(one.unicodeScalars.count == ChatLimits.automaticTitleScalars + 1)
    }
}
