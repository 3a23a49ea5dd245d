//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import GRDB
public import ParleyCore

extension SQLiteStore: TurnStore {
    public func begin(_ new: NewTurn) async throws(StoreError) -> (turn: Turn, isNew: Bool) {
        try await self.write { db in
            if let known = try Self.earlier(new, db) { return (known, false) }
            let turn = new.turn
            let conversation = try ConversationRow.find(turn.conversationID, owner: turn.ownerID, db)
            let question: MessageTree.Place?
            if let message = new.userMessage, message.id == turn.userMessageID {
                let parent = try Self.place(of: message.parentID, in: conversation, db)
                question = try Self.add(message, below: parent, to: conversation, db)
            } else {
                question = try MessageTree.place(of: turn.userMessageID, in: conversation.row, db)
            }
            guard let question, new.assistantMessage.parentID == turn.userMessageID else {
                throw StoreError(.notFound, "There is no such message to answer.")
            }
            let answer = try Self.add(new.assistantMessage, below: question, to: conversation, db)
            try db.run(
                """
                INSERT INTO turns (id, conversation, owner, user_message, assistant_message, state, epoch, attempts,
                    model, sequence, stop_requested, created, collections)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                """,
                [
                    turn.id.blob, conversation.row, conversation.owner, question.position, answer.position,
                    turn.state.rawValue, turn.epoch, turn.attempts, turn.model?.storable, turn.sequence,
                    turn.stopRequested, turn.createdAt.milliseconds, try TurnRow.json(turn.collections),
                ])
            try conversation.touch(at: turn.createdAt, db)
            return (turn, true)
        }
    }

    /// The turn that an earlier call of the same kind made.
    ///
    /// - Throws: `.conflict` when the id is something else's.
    private static func earlier(_ new: NewTurn, _ db: Database) throws -> Turn? {
        let row: Row?
        let taken: String
        if let message = new.userMessage {
            guard let position = try db.integer("SELECT position FROM messages WHERE id = ?", [message.id.blob])
            else { return nil }
            row = try db.first(
                """
                SELECT \(TurnRow.columns) FROM \(TurnRow.tables)
                WHERE t.user_message = ? AND c.deleted IS NULL ORDER BY t.row LIMIT 1
                """, [position])
            taken = "The message's id"
        } else {
            row = try db.first(
                "SELECT \(TurnRow.columns) FROM \(TurnRow.tables) WHERE t.id = ? AND c.deleted IS NULL",
                [new.turn.id.blob])
            guard row != nil else { return nil }
            taken = "The turn's id"
        }
        guard let known = try row.map({ try TurnRow($0).turn }), known.ownerID == new.turn.ownerID,
            known.conversationID == new.turn.conversationID
        else { throw StoreError.taken(taken) }
        return known
    }

    private static func place(
        of id: MessageID?, in conversation: ConversationRow, _ db: Database
    ) throws -> MessageTree.Place? {
        guard let id else { return nil }
        guard let place = try MessageTree.place(of: id, in: conversation.row, db) else {
            throw StoreError(.notFound, "There is no such message to answer.")
        }
        return place
    }

    private static func add(
        _ message: Message, below parent: MessageTree.Place?, to conversation: ConversationRow, _ db: Database
    ) throws -> MessageTree.Place {
        guard message.conversationID == conversation.conversation.id else {
            throw StoreError(.invalid, "The message belongs to another conversation.")
        }
        let slot = try MessageTree.slot(in: conversation.row, below: parent, db)
        try MessageRow.insert(message, at: slot, in: conversation, db)
        return slot.place
    }

    public func turn(_ id: TurnID, owner: UserID) async throws(StoreError) -> Turn {
        try await self.read { db in
            try TurnRow.find(id, owner: owner, db).turn
        }
    }

    public func unfinishedTurns(after: TurnID?, limit: Int) async throws(StoreError) -> [UnfinishedTurn] {
        let limit = Self.clamped(limit)
        return try await self.read { db in
            // A turn that was removed meanwhile begins again from the first.
            try db.rows(
                """
                SELECT id, epoch FROM turns
                WHERE state IN ('queued', 'running') AND row > coalesce((SELECT row FROM turns WHERE id = ?), -1)
                ORDER BY row LIMIT ?
                """, [after?.blob, limit]
            ).map { UnfinishedTurn(id: TurnID($0, 0), epoch: $0[1]) }
        }
    }

    public func unfinishedTurn(_ id: TurnID) async throws(StoreError) -> UnfinishedTurn? {
        try await self.read { db in
            try db.first("SELECT epoch FROM turns WHERE id = ? AND state IN ('queued', 'running')", [id.blob])
                .map { UnfinishedTurn(id: id, epoch: $0[0]) }
        }
    }

    public func claim(_ id: TurnID, epoch: Int) async throws(StoreError) -> Turn? {
        try await self.write { db in
            // The text so far is an earlier epoch's: it covers nothing of the new one.
            try db.run(
                """
                UPDATE turns SET attempts = attempts + 1, sequence = 0, state = 'running', epoch = ?1
                WHERE id = ?2 AND state IN ('queued', 'running') AND epoch < ?1
                """, [epoch, id.blob])
            return db.changesCount == 1 ? try TurnRow.find(id, db).turn : nil
        }
    }

    public func handBack(_ id: TurnID, epoch: Int) async throws(StoreError) {
        try await self.write { db in
            try db.run(
                """
                UPDATE turns SET state = 'queued', attempts = max(attempts - 1, 0)
                WHERE id = ? AND state = 'running' AND epoch = ?
                """, [id.blob, epoch])
        }
    }

    public func save(_ snapshots: [TurnSnapshot]) async throws(StoreError) {
        guard !snapshots.isEmpty else { return }
        try await self.write { db in
            for snapshot in snapshots {
                _ = try Self.store(snapshot, db)
            }
        }
    }

    /// Stores the text of a running turn.
    ///
    /// - Returns: the turn's row; `nil` when the turn is final or gone, or something later is known.
    private static func store(
        _ snapshot: TurnSnapshot, _ db: Database
    ) throws -> (row: Int64, conversation: Int64, message: Int64)? {
        let row = try db.first(
            """
            UPDATE turns SET epoch = ?1, sequence = ?2
            WHERE id = ?3 AND state IN ('queued', 'running') AND (epoch < ?1 OR epoch = ?1 AND sequence <= ?2)
            RETURNING row, conversation, assistant_message
            """, [snapshot.epoch, snapshot.sequence, snapshot.turnID.blob])
        guard let row else { return nil }
        let message: Int64 = row[2]
        try db.run(
            "UPDATE messages SET content = ?, sources = ? WHERE position = ?",
            [snapshot.text.storable, try MessageRow.json(snapshot.sources), message])
        return (row[0], row[1], message)
    }

    public func finish(_ result: TurnResult) async throws(StoreError) -> Bool {
        try await self.write { db in
            guard let stored = try Self.store(result.snapshot, db) else { return false }
            try Self.record(result.finish, row: stored.row, db)
            let state: Message.State =
                switch result.finish {
                case .completed: .completed
                case .stopped: .stopped
                case .failed: .failed
                }
            try db.run(
                """
                UPDATE messages SET state = ?1, model = coalesce(?2, model), searchable =
                    (SELECT temporary = 0 FROM conversations WHERE row = messages.conversation)
                WHERE position = ?3
                """, [state.rawValue, result.model?.storable, stored.message])
            try db.run(
                "UPDATE conversations SET updated = max(updated, ?) WHERE row = ?",
                [result.at.milliseconds, stored.conversation])
            return true
        }
    }

    private static func record(_ finish: TurnFinish, row: Int64, _ db: Database) throws {
        var reason: String?
        var usage: TokenUsage?
        var failure: TurnFailure?
        switch finish {
        case .completed(let finishReason, let tokens): (reason, usage) = (finishReason.name.storable, tokens)
        case .stopped: break
        case .failed(let why): failure = why
        }
        try db.run(
            """
            UPDATE turns SET state = ?, finish_reason = ?, prompt_tokens = ?, completion_tokens = ?,
                failure_code = ?, failure_message = ?, failure_retryable = ?
            WHERE row = ?
            """,
            [
                finish.state.rawValue, reason, usage?.promptTokens, usage?.completionTokens,
                failure?.code.storable, failure?.message.storable, failure?.retryable, row,
            ])
    }

    public func requestStop(_ id: TurnID, owner: UserID) async throws(StoreError) -> Turn {
        try await self.write { db in
            var found = try TurnRow.find(id, owner: owner, db)
            guard !found.turn.state.isFinal else { return found.turn }
            try db.run("UPDATE turns SET stop_requested = 1 WHERE row = ?", [found.row])
            found.turn.stopRequested = true
            return found.turn
        }
    }
}
