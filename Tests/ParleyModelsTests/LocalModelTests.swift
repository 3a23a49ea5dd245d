//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCore
import SeededRandom
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

    private func answer(
        _ question: String, documents: [Citation], unready: [String] = [], on shelf: Shelf, continuing: String? = nil
    ) async -> Heard {
        await LocalModel(search: shelf, pace: .zero).ask(
            ChatRequest(
                messages: [.init(role: .user, content: "⟦passages 1⟧ … ⟦end 1⟧\n\n" + question)],
                continuing: continuing,
                question: question, passages: documents, unready: unready))
    }

    private func document(_ text: String, page: Int? = nil) -> Citation {
        Citation(
            n: 1, documentID: DocumentID.generate().description, title: "Handbook › Leave", page: page, text: text,
            score: 0.8)
    }

    private func sources(_ heard: Heard) -> [Citation]? {
        heard.events.compactMap { if case .sources(let found) = $0 { found } else { nil } }.first
    }

    @Test("the user's documents answer, with title and page; the manual does not mix in")
    func documents() async {
        let heard = await self.answer(
            "How many days of leave?", documents: [self.document("30 days.", page: 4)], on: Shelf(found: [self.passage])
        )
        #expect(heard.text.contains("**Handbook › Leave**, page 4 [1]\n\n> 30 days.\n"))
        #expect(!heard.text.contains("Parley keeps"))
        #expect(self.sources(heard)?.count == 1)
    }

    @Test("the manual answers when the documents gave nothing, and goes first when the question is about Parley")
    func manual() async {
        let shelf = Shelf(found: [self.passage, self.passage, self.passage])
        #expect(await self.answer("Where is the data?", documents: [], on: shelf).text.contains("> Parley keeps"))
        let documents = [self.document("We use Parley."), self.document("More."), self.document("Most.")]
        let heard = await self.answer("Where does Parley keep its data?", documents: documents, on: shelf)
        let sources = self.sources(heard) ?? []
        #expect(sources.map(\.n) == [1, 2, 3])
        #expect(sources.map(\.documentID).prefix(2) == [self.passage.documentID, self.passage.documentID])
        #expect(sources.last?.text == "We use Parley.")
    }

    @Test("it says which documents could not be searched, also when it found something")
    func unready() async {
        let notes = ["“Contract” is still being read (40 %).", "“Scan” could not be read: it holds no text."]
        for documents in [[], [self.document("30 days.")]] {
            let heard = await self.answer("How many days?", documents: documents, unready: notes, on: Shelf())
            #expect(heard.text.contains("\n\n- “Contract” is still being read (40 %).\n- “Scan” could not be read"))
        }
    }

    @Test("an answer that goes on quotes what its beginning quoted")
    func goesOn() async {
        let shelf = Shelf(found: [self.passage])
        let whole = await self.answer("Where is the data?", documents: [], on: shelf)
        let kept = self.sources(whole) ?? []
        let beginning = String(whole.text.prefix(150))
        let rest = await self.answer("Where is the data?", documents: kept, on: Shelf(), continuing: beginning)
        #expect(beginning + rest.text == whole.text)
    }

    @Test("what it can do stands apart from how to connect a model")
    func paragraphs() async {
        #expect(await self.ask("What is Peru?", on: Shelf()).text.contains("shortcuts are there?\n\nTo connect"))
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
