//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import GRDB
public import ParleyCore

/// Deleting in two steps: a mark that can be undone, then the removal.
extension SQLiteStore {
    public func delete(_ id: ConversationID, owner: UserID, at time: Timestamp) async throws(StoreError) {
        try await self.write { db in
            let found = try ConversationRow.find(id, owner: owner, db)
            try db.run("UPDATE conversations SET deleted = ? WHERE row = ?", [time.milliseconds, found.row])
        }
    }

    public func restore(_ id: ConversationID, owner: UserID) async throws(StoreError) -> Conversation {
        try await self.write { db in
            try db.run(
                """
                UPDATE conversations SET deleted = NULL
                WHERE id = ? AND owner = (SELECT row FROM owners WHERE id = ?) AND deleted > 0
                """, [id.blob, owner.blob])
            guard db.changesCount == 1 else {
                throw StoreError(.notFound, "There is no such deleted conversation.")
            }
            return try ConversationRow.find(id, owner: owner, db).conversation
        }
    }

    /// Messages go in several commits, so that a large conversation does not hold up the writer. From the first of
    /// them on `deleted` is 0, which cannot be restored.
    public func purge(deletedBefore: Timestamp, temporaryBefore: Timestamp) async throws(StoreError) -> Int {
        var purged = 0
        while purged < CoreLimits.purgeBatch {
            let step = try await self.write { db in
                try Self.purgeStep(deletedBefore: deletedBefore, temporaryBefore: temporaryBefore, db)
            }
            switch step {
            case .nothingLeft: return purged
            case .someMessages: continue
            case .conversation: purged += 1
            }
        }
        return purged
    }

    enum PurgeStep {
        case nothingLeft
        case someMessages
        case conversation
    }

    private static func purgeStep(
        deletedBefore: Timestamp, temporaryBefore: Timestamp, _ db: Database
    ) throws -> PurgeStep {
        let row = try db.integer(
            """
            SELECT row FROM conversations WHERE deleted IS NOT NULL AND deleted < ?
            UNION ALL
            SELECT row FROM conversations WHERE temporary = 1 AND updated < ?
            LIMIT 1
            """, [deletedBefore.milliseconds, temporaryBefore.milliseconds])
        guard let row else { return .nothingLeft }
        return try Self.remove(row, db)
    }

    /// Removes some messages of a conversation, and the conversation with the last of them. Summaries and vectors go
    /// with their messages.
    static func remove(_ row: Int64, _ db: Database) throws -> PurgeStep {
        try db.run("UPDATE conversations SET deleted = 0 WHERE row = ?", [row])
        try MessageTree.rememberLastPosition(db)
        try db.run(
            """
            DELETE FROM messages WHERE position IN (
                SELECT position FROM messages WHERE conversation = ? ORDER BY position DESC LIMIT ?)
            """, [row, StoreLimits.purgedMessagesPerCommit])
        guard db.changesCount < StoreLimits.purgedMessagesPerCommit else { return .someMessages }
        try db.run("DELETE FROM turns WHERE conversation = ?", [row])
        try db.run("DELETE FROM conversations WHERE row = ?", [row])
        return .conversation
    }
}
