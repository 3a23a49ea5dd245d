//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import GRDB
public import ParleyCore

/// Facts about a user, what the user allows, and summaries of branches.
extension SQLiteStore: MemoryStore {
    public func memories(of owner: UserID) async throws(StoreError) -> [Memory] {
        try await self.read { db in
            try db.rows(Self.memoriesOfOwner + " ORDER BY m.created, m.row", [owner.blob]).map { row in
                try Self.memory(row, owner: owner)
            }
        }
    }

    static let memoriesOfOwner = """
        SELECT m.id, m.text, m.origin, c.id, m.created, m.updated FROM memories AS m
        LEFT JOIN conversations AS c ON c.id = m.conversation AND c.owner = m.owner AND c.deleted IS NULL
        WHERE m.owner = (SELECT row FROM owners WHERE id = ?)
        """

    private static func memory(_ row: Row, owner: UserID) throws -> Memory {
        guard let origin = Memory.Origin(rawValue: row[2]) else {
            throw StoreError(.unusable, "The database holds a memory that this release does not know.")
        }
        return Memory(
            id: MemoryID(row, 0), ownerID: owner, text: row[1], origin: origin,
            conversationID: row[3] == nil ? nil : ConversationID(row, 3), createdAt: Timestamp(row, 4),
            updatedAt: Timestamp(row, 5))
    }

    public func add(_ memory: Memory) async throws(StoreError) {
        try await self.write { db in
            let owner = try OwnerNumber.made(for: memory.ownerID, db)
            let count = try db.integer("SELECT count(*) FROM memories WHERE owner = ?", [owner]) ?? 0
            guard count < CoreLimits.memoriesPerUser else {
                throw StoreError(.conflict, "There are \(CoreLimits.memoriesPerUser) memories already; delete some.")
            }
            do {
                try db.run(
                    """
                    INSERT INTO memories (id, owner, text, origin, conversation, created, updated)
                    VALUES (?, ?, ?, ?, ?, ?, ?)
                    """,
                    [
                        memory.id.blob, owner, memory.text.storable, memory.origin.rawValue,
                        memory.conversationID?.blob, memory.createdAt.milliseconds, memory.updatedAt.milliseconds,
                    ])
            } catch let error as DatabaseError where error.extendedResultCode == .SQLITE_CONSTRAINT_UNIQUE {
                throw StoreError.taken("The memory's id")
            }
        }
    }

    public func changeMemory(
        _ id: MemoryID, owner: UserID, text: String, at time: Timestamp
    ) async throws(StoreError) -> Memory {
        try await self.write { db in
            try db.run(
                """
                UPDATE memories SET text = ?, updated = ?
                WHERE id = ? AND owner = (SELECT row FROM owners WHERE id = ?)
                """, [text.storable, time.milliseconds, id.blob, owner.blob])
            guard db.changesCount == 1,
                let row = try db.first(Self.memoriesOfOwner + " AND m.id = ?", [owner.blob, id.blob])
            else { throw StoreError(.notFound, "There is no such memory.") }
            return try Self.memory(row, owner: owner)
        }
    }

    public func deleteMemory(_ id: MemoryID, owner: UserID) async throws(StoreError) {
        try await self.write { db in
            try db.run(
                "DELETE FROM memories WHERE id = ? AND owner = (SELECT row FROM owners WHERE id = ?)",
                [id.blob, owner.blob])
            guard db.changesCount == 1 else { throw StoreError(.notFound, "There is no such memory.") }
        }
    }

    public func deleteMemories(of owner: UserID) async throws(StoreError) {
        try await self.write { db in
            try db.run(
                "DELETE FROM memories WHERE owner = (SELECT row FROM owners WHERE id = ?)", [owner.blob])
        }
    }

    public func memorySettings(of owner: UserID) async throws(StoreError) -> MemorySettings {
        try await self.read { db in
            let row = try db.first(
                """
                SELECT uses, learns, recalls FROM memory_settings
                WHERE owner = (SELECT row FROM owners WHERE id = ?)
                """, [owner.blob])
            guard let row else { return MemorySettings() }
            return MemorySettings(usesMemories: row[0], learnsMemories: row[1], recallsMessages: row[2])
        }
    }

    public func save(_ settings: MemorySettings, owner: UserID) async throws(StoreError) {
        try await self.write { db in
            try db.run(
                "INSERT OR REPLACE INTO memory_settings (owner, uses, learns, recalls) VALUES (?, ?, ?, ?)",
                [
                    try OwnerNumber.made(for: owner, db), settings.usesMemories, settings.learnsMemories,
                    settings.recallsMessages,
                ])
        }
    }

    // MARK: Summaries

    /// The branch is walked run by run, not message by message (`MessageTree`): in the message's own run the deepest
    /// summary above it is one look-up, and so is each earlier run's. The runs looked at are bounded by
    /// `CoreLimits.summarySearchDepth`.
    public func summary(
        before message: MessageID, owner: UserID
    ) async throws(StoreError) -> ConversationSummary? {
        try await self.read { db in
            guard var place = try Self.ownPlace(of: message, owner: owner, db) else {
                throw StoreError(.notFound, "There is no such message.")
            }
            for _ in 0..<CoreLimits.summarySearchDepth {
                let row = try db.first(Self.deepestSummary, [place.run, place.depth])
                if let row {
                    return ConversationSummary(
                        conversationID: ConversationID(row, 0), messageID: MessageID(row, 1), text: row[2],
                        createdAt: Timestamp(row, 3))
                }
                // A run has the position of its first message as its number; the parent goes on in another run.
                guard let fork = try db.first(Self.fork, [place.run]) else { return nil }
                place = MessageTree.Place(position: fork[0], run: fork[1], depth: fork[2])
            }
            return nil
        }
    }

    static let deepestSummary = """
        SELECT c.id, m.id, s.text, s.created FROM summaries AS s
        JOIN messages AS m ON m.position = s.message JOIN conversations AS c ON c.row = m.conversation
        WHERE s.run = ? AND s.depth < ? ORDER BY s.depth DESC LIMIT 1
        """

    /// The depth is that of the run's first message, so that what covers its parent is found below it.
    static let fork =
        "SELECT position, fork_of, depth FROM messages WHERE position = ? AND fork_of IS NOT NULL"

    private static func ownPlace(
        of message: MessageID, owner: UserID, _ db: Database
    ) throws -> MessageTree.Place? {
        try db.first(
            """
            SELECT m.position, m.run, m.depth FROM messages AS m JOIN conversations AS c ON c.row = m.conversation
            WHERE m.id = ? AND c.owner = (SELECT row FROM owners WHERE id = ?) AND c.deleted IS NULL
            """, [message.blob, owner.blob]
        ).map(MessageTree.Place.init)
    }

    /// Replaces an earlier summary up to the same message.
    ///
    /// - Throws: `.notFound` when the message is not the owner's.
    public func save(_ summary: ConversationSummary, owner: UserID) async throws(StoreError) {
        try await self.write { db in
            let conversation = try ConversationRow.find(summary.conversationID, owner: owner, db)
            guard let place = try MessageTree.place(of: summary.messageID, in: conversation.row, db) else {
                throw StoreError(.notFound, "There is no such message.")
            }
            try db.run(
                "INSERT OR REPLACE INTO summaries (message, run, depth, text, created) VALUES (?, ?, ?, ?, ?)",
                [
                    place.position, place.run, place.depth, summary.text.storable, summary.createdAt.milliseconds,
                ])
        }
    }
}
