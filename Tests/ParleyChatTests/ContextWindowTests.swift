//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyChat
import ParleyCore
import Testing

@Suite("The context window")
struct ContextWindowTests {
    static func message(
        _ role: Message.Role, _ content: String, state: Message.State = .completed, parent: MessageID? = nil
    ) -> Message {
        Message(
            id: .generate(), conversationID: .generate(), parentID: parent, role: role, content: content, state: state,
            createdAt: .now())
    }

    static func citation(_ text: String, title: String = "Handbook", page: Int? = nil) -> Citation {
        Citation(n: 0, documentID: "d", title: title, page: page, text: text, score: 1)
    }

    private func message(_ role: Message.Role, _ content: String, state: Message.State = .completed) -> Message {
        Self.message(role, content, state: state)
    }

    @Test("puts the system prompt first and keeps the order; without material nothing is added")
    func order() {
        let branch = [self.message(.user, "a"), self.message(.assistant, "b"), self.message(.user, "c")]
        let plan = ContextWindow().plan(ContextMaterial(systemPrompt: "Be brief.", branch: branch))
        #expect(plan.messages.map(\.content) == ["Be brief.", "a", "b", "c"])
        #expect(plan.messages.map(\.role) == [.system, .user, .assistant, .user])
        #expect(!plan.needsSummary)
    }

    @Test("drops the oldest messages when the budget is spent, never the newest, and says that a summary is due")
    func budget() {
        let long = String(repeating: "word ", count: 1000)
        let branch = [self.message(.user, long), self.message(.assistant, "short"), self.message(.user, "last")]
        let plan = ContextWindow(budgetTokens: 100).plan(ContextMaterial(branch: branch))
        #expect(plan.messages.map(\.content) == ["short", "last"])
        #expect(plan.needsSummary)
        let alone = ContextWindow(budgetTokens: 256).plan(
            ContextMaterial(systemPrompt: "Be brief.", branch: [self.message(.user, long)]))
        #expect(alone.messages.map(\.content) == ["Be brief.", long])
    }

    @Test("a system prompt takes at most half of the budget, and the plan says that it was cut")
    func longSystemPrompt() {
        let prompt = String(repeating: "ä", count: 4000)
        let plan = ContextWindow(budgetTokens: 512).plan(
            ContextMaterial(systemPrompt: prompt, branch: [self.message(.user, "hi")]))
        #expect(plan.cutsSystemPrompt)
        #expect(plan.tokens <= 512)
        #expect(prompt.hasPrefix(plan.messages[0].content))
    }

    @Test("leaves out answers that are not there yet")
    func pending() {
        let branch = [
            self.message(.user, "a"), self.message(.assistant, "half", state: .pending),
            self.message(.assistant, ""), self.message(.assistant, "cut", state: .stopped), self.message(.user, "b"),
        ]
        let plan = ContextWindow().plan(ContextMaterial(systemPrompt: "", branch: branch))
        #expect(plan.messages.map(\.content) == ["a", "cut", "b"])
    }

    @Test("the material stands before the question, in marked blocks, in one order")
    func blocks() throws {
        var material = ContextMaterial(branch: [self.message(.user, "How many days of leave?")])
        material.memories = ["Lives in Oslo", "Is a nurse"]
        material.recalled = [
            RecalledMessage(message: self.message(.user, "I work part time."), conversationTitle: "Work", score: 0.8)
        ]
        material.passages = [Self.citation("30 days.", page: 4), Self.citation("Part time: 15 days.")]
        material.unready = ["“Contract.pdf” is still being read (40 %)."]
        let plan = ContextWindow().plan(material)
        #expect(plan.messages.map(\.role) == [.system, .user])
        #expect(plan.question == "How many days of leave?")
        #expect(plan.passages.map(\.n) == [1, 2])
        let text = plan.messages[1].content
        #expect(text.hasSuffix("⟧\n\nHow many days of leave?"))
        let kinds = [
            "⟦memories ", "- Lives in Oslo\n- Is a nurse", "⟦recalled ", "“Work”:\nI work part time.",
            "⟦passages ", "[1] Handbook, page 4\n30 days.\n\n[2] Handbook\nPart time", "⟦unready ", "Contract.pdf",
        ]
        var rest = text[...]
        for kind in kinds {
            let found = try #require(rest.firstRange(of: kind), "\(kind)")
            rest = rest[found.upperBound...]
        }
    }

    @Test("a summary goes in only when the branch does not fit, and is due again when what it lacks is left out")
    func summary() {
        let long = String(repeating: "word ", count: 2000)
        var parent: MessageID?
        var branch: [Message] = []
        for index in 0..<9 {
            let message = Self.message(index.isMultiple(of: 2) ? .user : .assistant, long, parent: parent)
            parent = message.id
            branch.append(message)
        }
        var material = ContextMaterial(branch: branch)
        func plan(covering index: Int) -> ContextPlan {
            material.summary = ConversationSummary(
                conversationID: branch[0].conversationID, messageID: branch[index].id, text: "So far.",
                createdAt: .now())
            return ContextWindow(budgetTokens: 12_000).plan(material)
        }
        let late = plan(covering: 7)
        #expect(late.messages.last?.content.contains("\nSo far.\n") == true)
        #expect(late.recentMessages < 8 && !late.needsSummary)
        #expect(plan(covering: 0).needsSummary)
        #expect(ContextWindow(budgetTokens: 100_000).plan(material).messages.last?.content == long)
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
