//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCore

/// Short ways to say what a test stores.
enum Samples {
    static func time(_ milliseconds: Int64) -> Timestamp {
        Timestamp(milliseconds: 1_700_000_000_000 + milliseconds)
    }

    static func conversation(
        owner: UserID, title: String = "Untitled", at ms: Int64 = 0, pinned: Bool = false, archived: Bool = false,
        temporary: Bool = false
    ) -> Conversation {
        Conversation(
            id: .generate(), ownerID: owner, title: title, pinned: pinned, archived: archived, temporary: temporary,
            createdAt: self.time(ms), updatedAt: self.time(ms))
    }

    static func message(
        in conversation: Conversation, below parent: MessageID? = nil, role: Message.Role = .user,
        _ content: String = "text", state: Message.State = .completed, at ms: Int64 = 0
    ) -> Message {
        Message(
            id: .generate(), conversationID: conversation.id, parentID: parent, role: role, content: content,
            state: state, createdAt: self.time(ms))
    }

    static func newTurn(
        in conversation: Conversation, below parent: MessageID? = nil, _ content: String = "question",
        id: MessageID = .generate(), at ms: Int64 = 0
    ) -> NewTurn {
        var question = self.message(in: conversation, below: parent, content, at: ms)
        question.id = id
        return self.newTurn(in: conversation, question: question, at: ms)
    }

    static func newTurn(in conversation: Conversation, question: Message, at ms: Int64 = 0) -> NewTurn {
        var turn = self.turn(in: conversation, answering: question.id, at: ms)
        turn.userMessage = question
        return turn
    }

    /// Another answer to a message that is there.
    static func turn(in conversation: Conversation, answering question: MessageID, at ms: Int64 = 0) -> NewTurn {
        var answer = self.message(
            in: conversation, below: question, role: .assistant, "", state: .pending, at: ms)
        let id = TurnID.generate()
        answer.turnID = id
        let turn = Turn(
            id: id, conversationID: conversation.id, ownerID: conversation.ownerID, userMessageID: question,
            assistantMessageID: answer.id, createdAt: self.time(ms))
        return NewTurn(turn: turn, userMessage: nil, assistantMessage: answer)
    }

    static func snapshot(
        _ turn: Turn, epoch: Int, sequence: Int, _ text: String, sources: [Citation] = []
    ) -> TurnSnapshot {
        TurnSnapshot(turnID: turn.id, epoch: epoch, sequence: sequence, text: text, sources: sources)
    }

    static func result(
        _ turn: Turn, epoch: Int, sequence: Int, _ text: String,
        _ finish: TurnFinish = .completed(reason: .stop, usage: nil), at ms: Int64 = 0
    ) -> TurnResult {
        TurnResult(
            snapshot: self.snapshot(turn, epoch: epoch, sequence: sequence, text), finish: finish, model: "m",
            at: self.time(ms))
    }
}

extension ConversationStore where Self: TurnStore {
    /// Sends a question and stores its finished answer.
    @discardableResult
    func exchange(
        in conversation: Conversation, below parent: MessageID? = nil, _ question: String, _ answer: String,
        at ms: Int64 = 0
    ) async throws -> Turn {
        let (turn, _) = try await self.begin(Samples.newTurn(in: conversation, below: parent, question, at: ms))
        _ = try await self.claim(turn.id, epoch: 1)
        _ = try await self.finish(Samples.result(turn, epoch: 1, sequence: 3, answer, at: ms))
        return turn
    }
}
