//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation
import ParleyCore
import ParleyKnowledge
import ParleyStore
import Testing

@Suite("the passage index answers from a manual")
struct PassageIndexTests {
    private static let manual = """
        # Guide

        ## Connect a model server

        Set `OPENAI_BASE_URL` to the address of any server that speaks the OpenAI API, and `OPENAI_API_KEY` to its key.

        ```sh
        OPENAI_BASE_URL=http://127.0.0.1:11434/v1 parley serve
        ```

        ## Several servers

        Name several model servers in order of preference. When the first one fails before its first token, the next
        one is asked. A circuit breaker leaves a broken server alone for a while.

        ## Back up the database

        Everything is in one SQLite file in the data folder. Run `parley backup` to copy it while the server runs, and
        `parley restore` to bring a copy back.

        ## Keyboard shortcuts

        Ctrl+K opens the search, Ctrl+Shift+O begins a new conversation, and the question mark shows all shortcuts.

        ## Reset a password

        An administrator can set a new password for any account with `parley users reset`.

        ## Dark mode

        The page follows the colours of your system. The menu has light, dark and automatic.

        ## Temporary chats

        A temporary chat is not listed, not searched, and is removed a day after its last message.

        ## Limits

        A message may have 256 KiB. An answer may take ten minutes. Thirty seconds without a token end it.
        """

    private static func index(_ markdown: String = manual) throws -> SQLitePassageIndex {
        try SQLitePassageIndex(MarkdownPassages(markdown, documentID: "guide/guide", title: "Guide").passages)
    }

    @Test(
        "the right passage comes first",
        arguments: [
            ("How do I connect a model server?", "connect-a-model-server"),
            ("what should OPENAI_BASE_URL be set to", "connect-a-model-server"),
            ("Can I use several servers, and what if one fails?", "several-servers"),
            ("what happens when a server is broken?", "several-servers"),
            ("how to make a backup", "back-up-the-database"),
            ("Where is my data stored? In which file?", "back-up-the-database"),
            ("restoring a backup", "back-up-the-database"),
            ("keyboard shortcut for search", "keyboard-shortcuts"),
            ("I forgot my password, can it be reset?", "reset-a-password"),
            ("is there a dark mode", "dark-mode"),
            ("Are temporary chats searched?", "temporary-chats"),
            ("how many KiB may a message have", "limits"),
            ("backup", "back-up-the-database"),
        ])
    func right(_ question: String, _ anchor: String) async throws {
        let found = try await Self.index().passages(answering: question, limit: 3)
        #expect(found.first?.documentID == "guide/guide#\(anchor)", "\(found.map(\.title))")
        #expect(found.map(\.n) == Array(1..<(found.count + 1)))
        #expect(found.map(\.score) == found.map(\.score).sorted(by: >))
    }

    private static let unrelatedQuestions = [
        "What is the capital of France?", "Write a poem about the sea in autumn", "How tall is the Eiffel Tower?",
        "Explain quantum entanglement to a child", "Who won the world cup in 1998?", "hello", "thanks!", "",
        "How do I cook rice for ten people?", "translate good morning into Japanese", "¿Dónde está la biblioteca?",
        "What is the difference between TCP and UDP?", "Write a Python function that reverses a list",
        "why is the sky blue", "?!…", "\0", "the of and", "\" OR zebra:*", "my dog ate my homework message",
        "Plan a three day trip to Rome for two people with a small budget",
    ]

    @Test("a question about something else finds nothing", arguments: unrelatedQuestions)
    func unrelated(_ question: String) async throws {
        let found = try await Self.index().passages(answering: question, limit: 3)
        #expect(found.isEmpty, "\(found.map(\.title))")
    }

    @Test(
        "the manual that ships answers what its readers ask",
        arguments: [
            ("How do I connect a model server?", "model-servers"),
            ("How do I connect Ollama?", "model-servers"),
            ("How do I use the OpenAI API with my key?", "model-servers"),
            ("Can I name several model servers?", "model-servers"),
            ("How do I install Parley?", "getting-started"),
            ("how to start the server", ""),
            ("How do I make a backup?", "running"),
            ("How can I stop an answer?", "chatting"),
            ("How do I edit a message?", "chatting"),
            ("What is a temporary chat?", "chatting"),
            ("keyboard shortcuts", "chatting"),
            ("How do I import my ChatGPT conversations?", "chatting"),
            ("What happens when the server is killed in the middle of an answer?", "reliability"),
            ("where is my data stored", ""),
            ("how long may a message be", "limits"),
            ("How do I create the first account?", "accounts"),
            ("I forgot my password", "troubleshooting"),
            ("Which environment variables are there?", "configuration"),
            ("how do I change the port", ""),
            ("curl example for sending a message", "api"),
            ("no language model is connected", ""),
        ])
    func shippedManual(_ question: String, _ page: String) async throws {
        let found = try await Self.shipped().passages(answering: question, limit: 3)
        print("\(question) → \(found.map { "\($0.documentID) \(($0.score * 10).rounded() / 10)" })")
        #expect(found.contains { $0.documentID.hasPrefix("guide/\(page)") })
    }

    @Test("the manual that ships does not answer what it is not about", arguments: unrelatedQuestions)
    func shippedManualUnrelated(_ question: String) async throws {
        let found = try await Self.shipped().passages(answering: question, limit: 3)
        #expect(found.isEmpty, "\(found.map(\.title))")
    }

    private static func shipped() throws -> SQLitePassageIndex {
        let guide = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(
            "../../docs/guide"
        ).standardized.path
        let manual = ManualLoader(folder: guide).load()
        try #require(!manual.passages.isEmpty)
        return try SQLitePassageIndex(manual.passages)
    }

    @Test("no more than asked for, and none of an empty manual")
    func limits() async throws {
        let index = try Self.index()
        #expect(try await index.passages(answering: "server", limit: 1).count == 1)
        #expect(try await index.passages(answering: "server", limit: 0).isEmpty)
        #expect(try await SQLitePassageIndex([]).passages(answering: "server", limit: 3).isEmpty)
    }

    @Test("a long or hostile question is only a question")
    func hostile() async throws {
        let index = try Self.index()
        let long = String(repeating: "backup \"AND\" NEAR( * ^ ", count: 10_000)
        _ = try await index.passages(answering: long, limit: 3)
        _ = try await index.passages(answering: String(repeating: "x", count: 300_000), limit: 3)
    }

    @Test("the index of a large manual is made in little time")
    func figures() async throws {
        let document =
            "# Guide\n\n"
            + (0..<300).map { section in
                "## Section \(section)\n\n"
                    + (0..<150).map { "word\(($0 * 7 + section * 13) % 1999)" }.joined(separator: " ")
            }.joined(separator: "\n\n")
        let clock = ContinuousClock()
        var index: SQLitePassageIndex?
        let made = try clock.measure { index = try Self.index(document) }
        let asked = try await clock.measure {
            _ = try await index?.passages(answering: "word7 and word14 in section 3", limit: 3)
        }
        print("index of 300 passages: made in \(made), one question \(asked)")
    }
}
