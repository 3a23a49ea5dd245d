//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import GRDB
public import ParleyCore

extension SQLiteStore {
    /// The conversation appears whole or not at all. Its messages go in several commits, so that a large import does
    /// not hold up the writer; until the last one the conversation is hidden as deleted, with a time by which a purge
    /// removes it if this process dies.
    public func importConversation(
        _ conversation: Conversation, messages: [Message]
    ) async throws(StoreError) {
        try Self.checkImport(conversation, messages)
        let hiddenUntil = Timestamp.now().advanced(by: StoreLimits.importLife)
        let row = try await self.write { db in
            let row = try ConversationRow.insert(conversation, db)
            try db.run(
                "UPDATE conversations SET deleted = ? WHERE row = ?", [hiddenUntil.milliseconds, row.row])
            return row
        }
        do {
            var start = 0
            repeat {
                let end = min(start + StoreLimits.importedMessagesPerCommit, messages.count)
                let chunk = messages[start..<end]
                let isLast = end == messages.count
                try await self.write { db in
                    try Self.add(chunk, to: row, db)
                    if isLast {
                        try db.run("UPDATE conversations SET deleted = NULL WHERE row = ?", [row.row])
                    }
                }
                start = end
            } while start < messages.count
        } catch {
            await self.undoImport(row.row)
            throw error
        }
    }

    /// - Throws: `.invalid`.
    private static func checkImport(_ conversation: Conversation, _ messages: [Message]) throws(StoreError) {
        guard messages.count <= CoreLimits.importedMessages else {
            throw StoreError(.invalid, "A conversation of more than \(CoreLimits.importedMessages) messages.")
        }
        var known: Set<MessageID> = []
        for message in messages {
            guard message.conversationID == conversation.id else {
                throw StoreError(.invalid, "A message belongs to another conversation.")
            }
            if let parent = message.parentID, !known.contains(parent) {
                throw StoreError(.invalid, "A message comes before the one that it answers.")
            }
            guard known.insert(message.id).inserted else {
                throw StoreError(.invalid, "Two messages have one id.")
            }
        }
    }

    private static func add(_ messages: ArraySlice<Message>, to row: ConversationRow, _ db: Database) throws {
        for message in messages {
            let parent = try message.parentID.flatMap { try MessageTree.place(of: $0, in: row.row, db) }
            let slot = try MessageTree.slot(in: row.row, below: parent, db)
            try MessageRow.insert(message, at: slot, in: row, db)
        }
    }

    /// Removes what an import left. If that fails as well, a purge does it later.
    private func undoImport(_ row: Int64) async {
        var isLeft = true
        while isLeft {
            let step = try? await self.write { db in try Self.remove(row, db) }
            isLeft = step == .someMessages
        }
    }
}
