//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation
import GRDB
import ParleyCore

/// A turn as the table has it. Its text is its assistant message's content.
struct TurnRow {
    /// For a `SELECT` in which `turns` is named `t`, joined by ``tables``.
    static let columns = """
        t.row, t.conversation, t.assistant_message, t.id, c.id, (SELECT id FROM owners WHERE row = t.owner), u.id, a.id,
        t.state, t.epoch, t.attempts, t.model, a.content, t.sequence, t.stop_requested, t.finish_reason,
        t.prompt_tokens, t.completion_tokens, t.failure_code, t.failure_message, t.failure_retryable, t.created,
        t.collections
        """

    static let tables = """
        turns AS t
        JOIN conversations AS c ON c.row = t.conversation
        JOIN messages AS u ON u.position = t.user_message
        JOIN messages AS a ON a.position = t.assistant_message
        """

    var row: Int64
    var conversation: Int64
    var assistantMessage: Int64
    var turn: Turn

    init(_ row: Row) throws {
        self.row = row[0]
        self.conversation = row[1]
        self.assistantMessage = row[2]
        guard let state = Turn.State(rawValue: row[8]) else {
            throw StoreError(.unusable, "The database holds a turn that this release does not know.")
        }
        let collections = try (row[22] as String?).map(Self.collections)
        self.turn = Turn(
            id: TurnID(row, 3), conversationID: ConversationID(row, 4), ownerID: UserID(row, 5),
            userMessageID: MessageID(row, 6), assistantMessageID: MessageID(row, 7), state: state,
            epoch: row[9], attempts: row[10], model: row[11], collections: collections,
            text: row[12], sequence: row[13], stopRequested: row[14], finish: Self.finish(state, row),
            createdAt: Timestamp(row, 21))
    }

    /// A list of collections as JSON, or `nil` for all.
    static func json(_ collections: [CollectionID]?) throws -> String? {
        try collections.map { String(decoding: try JSONEncoder().encode($0), as: UTF8.self) }
    }

    private static func collections(_ json: String) throws -> [CollectionID] {
        try JSONDecoder().decode([CollectionID].self, from: Data(json.utf8))
    }

    private static func finish(_ state: Turn.State, _ row: Row) -> TurnFinish? {
        switch state {
        case .queued, .running: return nil
        case .stopped: return .stopped
        case .failed:
            return .failed(
                TurnFailure(code: row[18] ?? "", message: row[19] ?? "", retryable: row[20] ?? false))
        case .completed:
            var usage: TokenUsage?
            if let prompt = row[16] as Int?, let completion = row[17] as Int? {
                usage = TokenUsage(promptTokens: prompt, completionTokens: completion)
            }
            return .completed(reason: FinishReason(row[15] as String? ?? "stop"), usage: usage)
        }
    }

    /// - Throws: `.notFound`.
    static func find(_ id: TurnID, _ db: Database) throws -> TurnRow {
        guard let row = try db.first("SELECT \(Self.columns) FROM \(Self.tables) WHERE t.id = ?", [id.blob]) else {
            throw StoreError(.notFound, "There is no such turn.")
        }
        return try TurnRow(row)
    }

    /// - Throws: `.notFound` also for another user's.
    static func find(_ id: TurnID, owner: UserID, _ db: Database) throws -> TurnRow {
        let found = try Self.find(id, db)
        guard found.turn.ownerID == owner else { throw StoreError(.notFound, "There is no such turn.") }
        return found
    }
}
