//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation
import GRDB
import ParleyCore

/// A message as the table has it: with the numbers by which rows refer to each other.
struct MessageRow {
    /// For a `SELECT` in which `messages` is named `m`.
    static let columns = """
        m.position, m.conversation, m.parent, m.id, (SELECT id FROM conversations WHERE row = m.conversation),
        (SELECT p.id FROM messages AS p WHERE p.position = m.parent), m.role, m.content, m.state, m.model, m.created,
        m.sources, m.turn
        """

    var position: Int64
    var conversation: Int64
    var parent: Int64?
    var message: Message

    init(_ row: Row) throws {
        self.position = row[0]
        self.conversation = row[1]
        self.parent = row[2]
        guard let role = Message.Role(rawValue: row[6]), let state = Message.State(rawValue: row[8]) else {
            throw StoreError(.unusable, "The database holds a message that this release does not know.")
        }
        self.message = Message(
            id: MessageID(row, 3), conversationID: ConversationID(row, 4),
            parentID: (row[5] as UUID?).map { MessageID($0) }, role: role, content: row[7], state: state,
            model: row[9], createdAt: Timestamp(row, 10), sources: try Self.sources(row[11]),
            turnID: (row[12] as UUID?).map { TurnID($0) })
    }

    /// Whether the full-text index holds a message of this kind: what people read, once it is final.
    static func isSearchable(role: Message.Role, state: Message.State, temporary: Bool) -> Bool {
        role != .system && state != .pending && !temporary
    }

    /// Adds a message.
    ///
    /// - Throws: `.conflict` when its id is taken.
    static func insert(
        _ message: Message, at slot: MessageTree.Slot, in conversation: ConversationRow, _ db: Database
    ) throws {
        do {
            try db.run(
                """
                INSERT INTO messages (position, id, conversation, owner, parent, depth, run, fork_of, role, state,
                    model, created, turn, searchable, sources, content)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                """,
                [
                    slot.position, message.id.blob, conversation.row, conversation.owner, slot.parent, slot.depth,
                    slot.run, slot.forkOf, message.role.rawValue, message.state.rawValue, message.model?.storable,
                    message.createdAt.milliseconds, message.turnID?.blob,
                    Self.isSearchable(
                        role: message.role, state: message.state, temporary: conversation.conversation.temporary),
                    try Self.json(message.sources), message.content.storable,
                ])
        } catch let error as DatabaseError where error.extendedResultCode == .SQLITE_CONSTRAINT_UNIQUE {
            throw StoreError.taken("The message's id")
        }
    }

    /// Sources as JSON, or `nil` for none.
    static func json(_ sources: [Citation]) throws -> String? {
        guard !sources.isEmpty else { return nil }
        return String(decoding: try JSONEncoder().encode(sources), as: UTF8.self)
    }

    private static func sources(_ json: String?) throws -> [Citation] {
        guard let json else { return [] }
        return try JSONDecoder().decode([Citation].self, from: Data(json.utf8))
    }

    /// Reads rows until the page is full by number or by bytes.
    ///
    /// - Returns: the messages in the order of the cursor, and whether the byte limit ended the page.
    static func page(_ cursor: RowCursor) throws -> (rows: [MessageRow], isCut: Bool) {
        var rows: [MessageRow] = []
        var bytes = 0
        while let row = try cursor.next() {
            guard bytes < StoreLimits.pageBytes else { return (rows, true) }
            let next = try MessageRow(row)
            bytes += next.message.content.utf8.count
            rows.append(next)
        }
        return (rows, false)
    }
}
