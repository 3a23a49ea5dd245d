//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCore
import Testing

@testable import ParleyModels

@Suite("The local model")
struct LocalModelTests {
    /// Finds what it was given, for questions that have a word of it.
    private struct Shelf: PassageSearch {
        var found: [Citation] = []
        var word: String?

        func passages(answering question: String, limit: Int) async throws -> [Citation] {
            if let word, !question.contains(word) { return [] }
            return Array(self.found.prefix(limit))
        }
    }

    private let passage = Citation(
        n: 9, documentID: "guide/data.md", title: "Where *data* lives",
        text: "Parley keeps its data in `./data`.\n\n- one\n- two", score: 2)

    private func ask(
        _ questions: String..., on shelf: Shelf, continuing: String? = nil, maximumTokens: Int? = nil
    ) async -> Heard {
        await LocalModel(search: shelf, pace: .zero).ask(
            ChatRequest(
                messages: questions.map { .init(role: .user, content: $0) }, continuing: continuing,
                maximumTokens: maximumTokens))
    }

    @Test("it quotes the passages with citations, and says what it is and how to connect a model")
    func quotes() async {
        let heard = await self.ask("Where is the data?", on: Shelf(found: [self.passage]))
        var numbered = self.passage
        numbered.n = 1
        #expect(heard.events.prefix(2) == [.started(model: "local"), .sources([numbered])])
        #expect(heard.text.hasPrefix("No language model is connected"))
        #expect(
            heard.text.contains(
                "**Where \\*data\\* lives** [1]\n\n> Parley keeps its data in `./data`.\n>\n> - one\n> - two\n"))
        #expect(heard.text.contains("OPENAI_API_KEY"))
        #expect(heard.text.contains("OPENAI_BASE_URL"))
        #expect(heard.completion?.finishReason == .stop)
        #expect(heard.deltas > 10)
    }

    @Test(
        "it is asked no more than it can say when nothing is found", arguments: ["What is the capital of Peru?", "?"])
    func nothing(question: String) async {
        let heard = await self.ask(question, on: Shelf())
        #expect(heard.events.count { if case .sources = $0 { true } else { false } } == 0)
        #expect(heard.text.contains("OPENAI_API_KEY"))
        #expect(heard.text.contains("How do I connect a language model?"))
        #expect(heard.completion != nil)
    }

    @Test(
        "greetings and thanks are answered without a search",
        arguments: [
            "Hello!", "hi there", "  Guten Tag ", "Привет", "thanks a lot", "ok",
        ])
    func greetings(text: String) async {
        let heard = await self.ask(text, on: Shelf(found: [self.passage]))
        #expect(heard.events.count { if case .sources = $0 { true } else { false } } == 0)
        #expect(!heard.text.contains("> "))
    }

    @Test(
        "a question that begins like a greeting is a question",
        arguments: [
            "Hi, where is the data kept on my machine?", "test the backup?", "Hello world example",
        ])
    func questions(text: String) async {
        #expect(LocalQuestion(text).kind == .question)
    }

    @Test("a short follow-up is looked up together with the question before it")
    func followUp() async {
        let shelf = Shelf(found: [self.passage], word: "data")
        #expect(await self.ask("Where is the data?", "And how much?", on: shelf).text.contains("> Parley"))
        #expect(
            await !self.ask("Where is the data?", "Tell me something else about the weather now", on: shelf).text
                .contains("> Parley"))
    }

    @Test("the same question has the same answer, and an answer is continued where it stopped", arguments: 0..<20)
    func continues(seed: Int) async throws {
        var random = SeededGenerator(seed: seed)
        let shelf = Shelf(found: [self.passage, self.passage])
        let whole = await self.ask("Where is the data?", on: shelf).text
        let count = Int.random(in: 0...whole.unicodeScalars.count, using: &random)
        let beginning = String(whole.unicodeScalars.prefix(count))
        let rest = await self.ask("Where is the data?", on: shelf, continuing: beginning).text
        #expect(beginning + rest == whole)
    }

    @Test("a beginning that is not its own is left to stand")
    func foreignBeginning() async {
        let rest = await self.ask("Where is the data?", on: Shelf(found: [self.passage]), continuing: "Once upon").text
        #expect(rest.hasPrefix("\n\nNo language model"))
    }

    @Test("long passages are cut between words, and hostile ones stay inside the quotation")
    func hostilePassages() async {
        var long = self.passage
        long.text = "```\n" + String(repeating: "word ", count: 1000)
        var hostile = self.passage
        hostile.title = "[x](javascript:alert(1))\n# <b>"
        hostile.text = "\r\n\r\na\rb\u{2028}<script>\n\n\n"
        let text = await self.ask("Where is the data?", on: Shelf(found: [long, hostile])).text
        #expect(text.contains(" …\n> ```\n"))
        #expect(text.unicodeScalars.count < 2500)
        #expect(text.contains("**\\[x\\](javascript:alert(1)) \\# \\<b\\>** [2]\n\n> a\n> b\n> <script>\n"))
    }

    @Test("the number of tokens is kept to")
    func maximumTokens() async {
        let heard = await self.ask("Where is the data?", on: Shelf(found: [self.passage]), maximumTokens: 6)
        #expect(heard.text == "No language model is connected, so")
        #expect(heard.completion?.finishReason == .length)
    }

    @Test("a search that fails is thrown on, and a cancelled task stops")
    func failures() async {
        struct Broken: PassageSearch {
            func passages(answering question: String, limit: Int) async throws -> [Citation] {
                throw ModelError(.serverError, "index")
            }
        }
        let heard = await LocalModel(search: Broken()).ask("Where is it?")
        #expect(heard.modelError?.message == "index")
        let stopped = await withTaskGroup(of: Heard.self) { group in
            group.addTask { await self.ask("Where is it?", on: Shelf()) }
            group.cancelAll()
            return await group.next()
        }
        #expect(stopped?.error is CancellationError)
    }

    @Test("word groups joined are the text", arguments: ["", " ", "a", " a  b\n\nc d e ", "äö\u{301} 😀 世界"])
    func wordGroups(text: String) {
        #expect(WordGroups(text[...]).joined() == text)
        #expect(!WordGroups(text[...]).contains(""))
    }
}
