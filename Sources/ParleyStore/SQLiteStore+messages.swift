//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import GRDB
public import ParleyCore

/// Reading a conversation's messages; `MessageTree` has the tree's shape.
extension SQLiteStore {
    public func messages(
        in conversation: ConversationID, owner: UserID, before: String?, limit: Int
    ) async throws(StoreError) -> Page<Message> {
        let limit = Self.clamped(limit)
        var end = Int64.max
        if let before {
            guard case .message(let position) = try PageCursor(before) else {
                throw StoreError(.invalid, "The cursor is of another list.")
            }
            end = position
        }
        return try await self.read { [end] db in
            let found = try ConversationRow.find(conversation, owner: owner, db)
            let cursor = try db.cursor(
                """
                SELECT \(MessageRow.columns) FROM messages AS m WHERE m.conversation = ? AND m.position < ?
                ORDER BY m.position DESC LIMIT ?
                """, [found.row, end, limit + 1])
            let (rows, isCut) = try MessageRow.page(cursor)
            let page = rows.prefix(limit)
            let next = isCut || rows.count > limit ? page.last.map { PageCursor.message($0.position).text } : nil
            return Page(elements: page.reversed().map(\.message), next: next)
        }
    }

    public func branch(
        of conversation: ConversationID, owner: UserID, through: MessageID?, before: String?, limit: Int
    ) async throws(StoreError) -> Page<BranchMessage> {
        let limit = Self.clamped(limit)
        var cursor: PageCursor?
        if let before { cursor = try PageCursor(before) }
        return try await self.read { [cursor] db in
            let found = try ConversationRow.find(conversation, owner: owner, db)
            let start: Int64?
            if let cursor {
                start = try Self.branchStart(cursor, in: found, db)
            } else if let through {
                guard let place = try MessageTree.place(of: through, in: found.row, db) else {
                    throw StoreError(.notFound, "There is no such message.")
                }
                start = try MessageTree.latestLeaf(below: place, db).position
            } else {
                start = try MessageTree.latest(in: found.row, db)
            }
            guard let start else { return Page(elements: [], next: nil) }
            let (rows, _) = try MessageRow.page(MessageTree.upwards(from: start, limit: limit, db))
            let messages = try rows.reversed().map {
                BranchMessage(message: $0.message, siblings: try MessageTree.siblings(of: $0, db))
            }
            return Page(elements: messages, next: rows.last?.parent.map { PageCursor.branch($0).text })
        }
    }

    /// The position in a cursor, if it lies in this conversation.
    private static func branchStart(
        _ cursor: PageCursor, in conversation: ConversationRow, _ db: Database
    ) throws -> Int64 {
        guard case .branch(let position) = cursor,
            try db.integer("SELECT conversation FROM messages WHERE position = ?", [position]) == conversation.row
        else { throw StoreError(.invalid, "The cursor is of another list.") }
        return position
    }

    public func message(_ id: MessageID, owner: UserID) async throws(StoreError) -> Message {
        try await self.read { db in
            try Self.find(id, owner: owner, db).message
        }
    }

    public func ancestors(of id: MessageID, owner: UserID, limit: Int) async throws(StoreError) -> [Message] {
        let limit = min(max(limit, 1), StoreLimits.ancestors)
        return try await self.read { db in
            let found = try Self.find(id, owner: owner, db)
            let (rows, _) = try MessageRow.page(MessageTree.upwards(from: found.position, limit: limit, db))
            return rows.reversed().map(\.message)
        }
    }

    private static func find(_ id: MessageID, owner: UserID, _ db: Database) throws -> MessageRow {
        let row = try db.first(
            """
            SELECT \(MessageRow.columns) FROM messages AS m JOIN conversations AS c ON c.row = m.conversation
            WHERE m.id = ? AND c.owner = (SELECT row FROM owners WHERE id = ?) AND c.deleted IS NULL
            """, [id.blob, owner.blob])
        guard let row else { throw StoreError(.notFound, "There is no such message.") }
        return try MessageRow(row)
    }
}
