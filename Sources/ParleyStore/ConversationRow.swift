//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import GRDB
import ParleyCore

/// A conversation as the table has it: with the numbers by which rows refer to it.
struct ConversationRow {
    /// For a `SELECT` in which `conversations` is named `c`.
    static let columns = """
        c.row, c.owner, c.id, (SELECT id FROM owners WHERE row = c.owner), c.title, c.title_is_automatic,
        c.system_prompt, c.model, c.pinned, c.archived, c.temporary, c.created, c.updated
        """

    var row: Int64
    var owner: Int64
    var conversation: Conversation

    init(_ row: Row) {
        self.row = row[0]
        self.owner = row[1]
        self.conversation = Conversation(
            id: ConversationID(row, 2), ownerID: UserID(row, 3), title: row[4], titleIsAutomatic: row[5],
            systemPrompt: row[6], model: row[7], pinned: row[8], archived: row[9], temporary: row[10],
            createdAt: Timestamp(row, 11), updatedAt: Timestamp(row, 12))
    }

    /// The conversation, unless it is deleted or another user's.
    ///
    /// - Throws: `.notFound`.
    static func find(_ id: ConversationID, owner: UserID, _ db: Database) throws -> ConversationRow {
        let row = try db.first(
            """
            SELECT \(Self.columns) FROM conversations AS c
            WHERE c.id = ? AND c.owner = (SELECT row FROM owners WHERE id = ?) AND c.deleted IS NULL
            """, [id.blob, owner.blob])
        guard let row else { throw StoreError(.notFound, "There is no such conversation.") }
        return ConversationRow(row)
    }

    /// Adds a conversation.
    ///
    /// - Throws: `.conflict` when its id is taken.
    static func insert(_ conversation: Conversation, _ db: Database) throws -> ConversationRow {
        try db.run("INSERT OR IGNORE INTO owners (id) VALUES (?)", [conversation.ownerID.blob])
        guard let owner = try db.integer("SELECT row FROM owners WHERE id = ?", [conversation.ownerID.blob]) else {
            throw StoreError(.internal, "The owner could not be stored.")
        }
        do {
            try db.run(
                """
                INSERT INTO conversations (id, owner, title, title_is_automatic, system_prompt, model, pinned,
                    archived, temporary, created, updated)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                """,
                [
                    conversation.id.blob, owner, conversation.title.storable, conversation.titleIsAutomatic,
                    conversation.systemPrompt?.storable, conversation.model?.storable, conversation.pinned,
                    conversation.archived, conversation.temporary, conversation.createdAt.milliseconds,
                    conversation.updatedAt.milliseconds,
                ])
        } catch let error as DatabaseError where error.extendedResultCode == .SQLITE_CONSTRAINT_UNIQUE {
            throw StoreError.taken("The conversation's id")
        }
        return ConversationRow(row: db.lastInsertedRowID, owner: owner, conversation: conversation)
    }

    private init(row: Int64, owner: Int64, conversation: Conversation) {
        self.row = row
        self.owner = owner
        self.conversation = conversation
    }

    /// Moves `updated` forward.
    func touch(at time: Timestamp, _ db: Database) throws {
        try db.run(
            "UPDATE conversations SET updated = max(updated, ?) WHERE row = ?", [time.milliseconds, self.row])
    }
}
