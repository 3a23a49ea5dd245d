//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyChat
import ParleyCore
import Testing

@Suite("Citations in a text")
struct CitationsTests {
    @Test(
        "are found wherever they are written, each once, in the order of use",
        arguments: [
            ("Yes [1].", [1]), ("[2][1] and [2]", [2, 1]), ("[1, 2]", [1, 2]), ("[1;3]", [1, 3]),
            ("[ 1 , 2 ]", [1, 2]),
            ("[2-4]", [2, 3, 4]), ("[2–4, 7]", [2, 3, 4, 7]), ("[10]", [10]), ("é👩‍🚀[3]", [3]), ("[[1]]", [1]),
            ("Yes![1]", [1]),
            ("[x [1]", [1]), ("`a` [1] `b`", [1]), ("``a ` [2]`` [3]", [3]), ("a ` b [1]", [1]),
            ("~~~~\n[1]\n~~~\n[2]", []),
            ("```\n[1]\n```\n[2]", [2]), ("text\n   ```swift\nx[1]\n   ```\n[2]", [2]), ("[1] see: [2]: x", [1, 2]),
        ] as [(String, [Int])])
    func found(text: String, numbers: [Int]) {
        #expect(Citations.used(in: text) == numbers)
    }

    @Test(
        "are nothing else that stands in brackets",
        arguments: [
            "", "[]", "[a]", "[0]", "[-1]", "[1-]", "[,]", "[1,]", "[1000]", "[4-2]", "[1-900]", "[1.5]",
            "[1](https://example.org)", "\\[1]", "![1](x)", "`[1]`", "```\n[1]", "[1]: https://example.org", "[1", "1]",
            "x\n[2]: y", "[" + String(repeating: "1,", count: 100) + "1]", "[١]", "[^1]",
        ])
    func none(text: String) {
        #expect(Citations.used(in: text) == [])
    }

    @Test("a long text is read once, whatever it holds")
    func long() {
        let start = ContinuousClock.now
        for piece in ["[", "`", "[1,", "```\n", "\\", "![", "[1]`"] {
            _ = Citations.used(in: String(repeating: piece, count: 20_000))
        }
        #expect(ContinuousClock.now - start < .seconds(20))
    }

    @Test("an export lists the sources that the answer uses")
    func export() {
        let message = Message(
            id: .generate(), conversationID: .generate(), parentID: nil, role: .assistant, content: "30 days [2].",
            createdAt: .now(),
            sources: [
                Citation(n: 1, documentID: "a", title: "Unused", text: "", score: 1),
                Citation(n: 2, documentID: "b", title: "Hand\nbook", page: 4, text: "", score: 1),
            ])
        let conversation = Conversation(
            id: .generate(), ownerID: User.local.id, title: "Leave", createdAt: .now(), updatedAt: .now())
        let text = ConversationArchive.markdown(conversation, branch: [message])
        #expect(text.contains("30 days [2].\n\n[2] Hand book, page 4\n"))
        #expect(!text.contains("Unused"))
    }
}

@Suite("What is looked for")
struct RetrievalQueryTests {
    private func query(_ questions: String...) -> RetrievalQuery {
        let branch = questions.flatMap {
            [ContextWindowTests.message(.user, $0), ContextWindowTests.message(.assistant, "An answer.")]
        }
        return RetrievalQuery(branch: Array(branch.dropLast()))
    }

    @Test("a whole question stands for itself")
    func whole() {
        #expect(self.query("a b", "How many days of leave does a nurse have?").widened == nil)
        let short = self.query("Who pays for travel?", "How many days of leave?")
        #expect(short.text == "How many days of leave?")
        #expect(short.widened == "Who pays for travel?\nHow many days of leave?")
        #expect(self.query("How many?").widened == nil)
    }

    @Test(
        "a follow-up that leans is looked for together with what it leans on",
        arguments: ["And for nurses?", "Why?", "How long is it?", "Und dort?"])
    func leaning(text: String) {
        #expect(self.query("How many days of leave?", text).text == "How many days of leave?\n" + text)
    }

    @Test("nothing is looked for without a word, and the length is bounded")
    func bounds() {
        #expect(self.query("Leave?", "?!").text == nil)
        let long = self.query(String(repeating: "ä", count: 5000), "Why?")
        #expect((long.text ?? "").utf8.count <= CoreLimits.queryBytes)
        #expect(long.text?.hasSuffix("\nWhy?") == true)
    }
}
