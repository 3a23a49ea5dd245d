//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyChat
import ParleyCore
import ParleyStore
import Testing

@Suite("The engine", .timeLimit(.minutes(1)))
struct TurnEngineTests {
    @Test("makes an answer: contiguous events, the stored text, a title")
    func answers() async throws {
        let citation = Citation(n: 1, documentID: "d", title: "t", text: "x", score: 1)
        let model = StagedModel([.cite([citation]), .say("Hello "), .say("👩‍🚀!"), .end(.stop)])
        try await TestNode.run(model: model) { node in
            let conversation = try await node.newConversation()
            let turn = try await node.send("## What is up?", to: conversation)
            #expect(turn.state == .running)
            let (reader, events) = try await node.readToEnd(turn.id)
            #expect(reader.text == "Hello 👩‍🚀!")
            #expect(events.first?.kind == .started(model: "staged"))
            #expect(events.contains { $0.kind == .sources([citation]) })
            #expect(
                events.last?.kind
                    == .completed(
                        messageID: turn.assistantMessageID, textLength: 10, usage: nil, finishReason: .stop))
            let stored = try await node.store.turn(turn.id, owner: node.user)
            #expect(stored.state == .completed)
            let message = try await node.store.message(turn.assistantMessageID, owner: node.user)
            #expect(message.content == "Hello 👩‍🚀!")
            #expect(message.state == .completed)
            #expect(message.sources == [citation])
            let titled = try await node.store.conversation(conversation, owner: node.user)
            #expect(titled.title == "What is up?")
            #expect(model.requests.first?.messages.map(\.content) == ["## What is up?"])
        }
    }

    @Test("sends the same message once, whatever is repeated")
    func idempotent() async throws {
        try await TestNode.run(model: StagedModel([.say("one")], [.say("two")])) { node in
            let conversation = try await node.newConversation()
            let message = Chat.NewMessage(id: .generate(), content: "hi")
            let first = try await node.chat.send(message, to: conversation, user: node.user)
            let second = try await node.chat.send(message, to: conversation, user: node.user)
            #expect(first.id == second.id)
            _ = try await node.readToEnd(first.id)
            let third = try await node.chat.send(message, to: conversation, user: node.user)
            #expect(third.id == first.id)
            let page = try await node.store.messages(in: conversation, owner: node.user, before: nil, limit: 10)
            #expect(page.elements.count == 2)
        }
    }

    @Test("a stop ends the answer with the text so far, though the model never comes back")
    func stops() async throws {
        try await TestNode.run(model: StagedModel([.say("half"), .hang])) { node in
            let turn = try await node.send("hi", to: try await node.newConversation())
            var follower = node.chat.follow(turn, after: .start)
            var reader = ReaderPosition()
            while reader.text.isEmpty {
                for event in try await follower.next(atMost: .seconds(10)) ?? [] { _ = reader.apply(event) }
            }
            _ = try await node.chat.stop(turn.id, user: node.user)
            let (end, events) = try await node.readToEnd(turn.id, from: reader)
            #expect(events.last?.kind == .stopped(messageID: turn.assistantMessageID))
            #expect(end.text == "half")
            #expect(try await node.store.message(turn.assistantMessageID, owner: node.user).state == .stopped)
        }
    }

    @Test("an answer cut in its middle is begun again, and readers see only what differs")
    func restarts() async throws {
        let model = StagedModel(
            [.say("The sky is "), .say("blue."), .fail(ModelError(.truncated, "cut"))],
            [.say("The sky is "), .say("grey."), .end(.stop)])
        try await TestNode.run(model: model) { node in
            let turn = try await node.send("hi", to: try await node.newConversation())
            let (reader, events) = try await node.readToEnd(turn.id)
            #expect(reader.text == "The sky is grey.")
            let replaced = events.compactMap { event in
                if case .replace(let from, _) = event.kind { from } else { nil }
            }
            // The opening says the text so far; then the first difference.
            #expect(replaced == [0, 11])
            #expect(events.last?.id.epoch == 2)
            #expect(try await node.store.turn(turn.id, owner: node.user).attempts == 2)
        }
    }

    @Test("a model that continues is given the text so far")
    func continues() async throws {
        let model = StagedModel(
            [.say("one two"), .fail(ModelError(.timeout, "slow"))], [.say(" three"), .end(.stop)],
            continuesAnswers: true)
        try await TestNode.run(model: model) { node in
            let turn = try await node.send("count", to: try await node.newConversation())
            let (reader, events) = try await node.readToEnd(turn.id)
            #expect(reader.text == "one two three")
            #expect(model.requests.map(\.continuing) == [nil, "one two"])
            let replaced = events.filter { $0.kind.name == "replace" }.map(\.kind)
            #expect(replaced == [.replace(from: 0, text: "one two")])
        }
    }

    @Test("fails after three attempts and keeps the text; a refusal fails at once")
    func fails() async throws {
        let cut = StagedModel.Step.fail(ModelError(.truncated, "cut"))
        let refusal = StagedModel.Step.fail(ModelError(.unauthorized, "no key"))
        let model = StagedModel([.say("a"), cut], [.say("ab"), cut], [.say("abc"), cut], [refusal])
        try await TestNode.run(model: model) { node in
            let conversation = try await node.newConversation()
            let turn = try await node.send("hi", to: conversation)
            let (reader, events) = try await node.readToEnd(turn.id)
            #expect(reader.text == "abc")
            guard case .failed(let failure)? = events.last?.kind else { throw TestNode.Unexpected(event: events[0]) }
            #expect(failure.code == "model_truncated")
            #expect(failure.retryable)
            #expect(try await node.store.message(turn.assistantMessageID, owner: node.user).content == "abc")
            let other = try await node.chat.regenerate(turn.assistantMessageID, model: nil, user: node.user)
            let (_, refused) = try await node.readToEnd(other.id)
            #expect(
                refused.last?.kind
                    == .failed(TurnFailure(code: "model_unauthorized", message: "no key", retryable: false)))
        }
    }

    @Test("a node that dies in mid-answer: the next finds the turn, and the reader goes on from its position")
    func recovers() async throws {
        try await TestNode.withFolder { folder in
            let first = try TestNode(folder: folder, model: StagedModel([.say("The answer "), .hang]))
            try await first.store.create(User.local, passwordHash: nil, onlyIfFirst: false)
            var reader = ReaderPosition()
            var turn: Turn?
            try await first.running {
                let sent = try await first.send("hi", to: try await first.newConversation())
                var follower = first.chat.follow(sent, after: .start)
                while reader.text.isEmpty {
                    for event in try await follower.next(atMost: .seconds(10)) ?? [] { _ = reader.apply(event) }
                }
                turn = sent
            }
            let sent = try #require(turn)
            let second = try TestNode(folder: folder, model: StagedModel([.say("The answer is 42."), .end(.stop)]))
            try await second.running {
                let (end, events) = try await second.readToEnd(sent.id, from: reader)
                #expect(end.text == "The answer is 42.")
                #expect(events.first?.id.epoch == 2)
                #expect(try await second.store.message(sent.assistantMessageID, owner: second.user).content == end.text)
            }
            // Long after the log is gone the database alone serves any position.
            let third = try TestNode(folder: folder, model: StagedModel())
            for position in [reader, ReaderPosition()] {
                let (end, _) = try await third.readToEnd(sent.id, from: position)
                #expect(end.text == "The answer is 42.")
                #expect(end.isFinished)
            }
        }
    }

    @Test("a stop that was asked for while nobody owned the turn is obeyed by whoever takes it over")
    func stopOutlivesItsNode() async throws {
        try await TestNode.withFolder { folder in
            let first = try TestNode(folder: folder, model: StagedModel([.say("x"), .hang]))
            try await first.store.create(User.local, passwordHash: nil, onlyIfFirst: false)
            var turn: Turn?
            try await first.running { turn = try await first.send("hi", to: try await first.newConversation()) }
            let sent = try #require(turn)
            let second = try TestNode(folder: folder, model: StagedModel([.say("never")]))
            _ = try await second.chat.stop(sent.id, user: second.user)
            try await second.running {
                let (_, events) = try await second.readToEnd(sent.id)
                #expect(events.last?.kind == .stopped(messageID: sent.assistantMessageID))
            }
        }
    }

    @Test("deltas are gathered: many words, few events")
    func coalesces() async throws {
        let words = (0..<2000).map { StagedModel.Step.say("w\($0) ") }
        try await TestNode.run(model: StagedModel(words)) { node in
            let turn = try await node.send("hi", to: try await node.newConversation())
            let (reader, events) = try await node.readToEnd(turn.id)
            #expect(reader.text == (0..<2000).map { "w\($0) " }.joined())
            #expect(events.count < 200)
        }
    }

    @Test("a model's title takes the place of the first words, but never of the user's")
    func titles() async throws {
        let titleModel = StagedModel([.say("\"Greetings\""), .end(.stop)], [.say("Other"), .end(.stop)])
        try await TestNode.run(model: StagedModel([.say("hi")], [.say("hi")]), titleModel: titleModel) { node in
            let conversation = try await node.newConversation()
            let turn = try await node.send("hello there", to: conversation)
            _ = try await node.readToEnd(turn.id)
            while try await node.store.conversation(conversation, owner: node.user).title != "Greetings" {
                try await Task.sleep(for: .milliseconds(5))
            }
            let named = try await node.newConversation()
            _ = try await node.store.update(
                named, owner: node.user, patch: ConversationPatch(title: "Mine"), at: .now())
            _ = try await node.readToEnd(try await node.send("hello", to: named).id)
            #expect(try await node.store.conversation(named, owner: node.user).title == "Mine")
        }
    }
}
