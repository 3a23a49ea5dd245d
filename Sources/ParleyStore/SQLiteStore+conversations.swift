//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import GRDB
public import ParleyCore

extension SQLiteStore: ConversationStore {
    public func create(_ conversation: Conversation) async throws(StoreError) {
        try await self.write { db in
            _ = try ConversationRow.insert(conversation, db)
        }
    }

    public func conversation(_ id: ConversationID, owner: UserID) async throws(StoreError) -> Conversation {
        try await self.read { db in
            try ConversationRow.find(id, owner: owner, db).conversation
        }
    }

    public func conversations(
        owner: UserID, archived: Bool, query: String?, before: String?, limit: Int
    ) async throws(StoreError) -> Page<Conversation> {
        let limit = Self.clamped(limit)
        var place = (pinned: Int64(2), updated: Int64.max, row: Int64.max)
        if let before {
            guard case .conversation(let pinned, let updated, let row) = try PageCursor(before) else {
                throw StoreError(.invalid, "The cursor is of another list.")
            }
            place = (pinned ? 1 : 0, updated, row)
        }
        let search = query.map { SearchQuery($0) }
        // A query without a word, such as "?!", finds nothing.
        if case .some(nil) = search { return Page(elements: [], next: nil) }
        return try await self.read { [place] db in
            guard let number = try db.integer("SELECT row FROM owners WHERE id = ?", [owner.blob]) else {
                return Page(elements: [], next: nil)
            }
            var arguments: StatementArguments = [number, archived, place.pinned, place.updated, place.row]
            var matching = ""
            if case .some(.some(let search)) = search {
                matching = Self.matching
                arguments += [
                    search.expression(column: "title", owner: number),
                    search.expression(column: "content", owner: number),
                ]
            }
            arguments += [limit + 1]
            let rows = try db.rows(
                """
                SELECT \(ConversationRow.columns) FROM conversations AS c
                WHERE c.owner = ? AND c.archived = ? AND c.deleted IS NULL AND c.temporary = 0
                    AND (c.pinned, c.updated, c.row) < (?, ?, ?) \(matching)
                ORDER BY c.pinned DESC, c.updated DESC, c.row DESC LIMIT ?
                """, arguments
            ).map { ConversationRow($0) }
            let page = rows.prefix(limit)
            let next = rows.count > limit ? page.last.map(Self.cursor) : nil
            return Page(elements: page.map(\.conversation), next: next)
        }
    }

    private static let matching = """
        AND c.row IN (
            SELECT rowid FROM title_index WHERE title_index MATCH ?
            UNION ALL
            SELECT m.conversation FROM message_index JOIN messages AS m ON m.position = message_index.rowid
            WHERE message_index MATCH ?)
        """

    private static func cursor(after row: ConversationRow) -> String {
        PageCursor.conversation(
            pinned: row.conversation.pinned, updated: row.conversation.updatedAt.milliseconds, row: row.row
        ).text
    }

    /// A page size within `1 ... CoreLimits.pageElements`.
    static func clamped(_ limit: Int) -> Int {
        min(max(limit, 1), CoreLimits.pageElements)
    }

    public func update(
        _ id: ConversationID, owner: UserID, patch: ConversationPatch, at time: Timestamp
    ) async throws(StoreError) -> Conversation {
        try await self.write { db in
            let found = try ConversationRow.find(id, owner: owner, db)
            var changed = found.conversation
            if let title = patch.title {
                changed.title = title.storable
                changed.titleIsAutomatic = false
            }
            if let systemPrompt = patch.systemPrompt { changed.systemPrompt = systemPrompt?.storable }
            if let model = patch.model { changed.model = model?.storable }
            if let pinned = patch.pinned { changed.pinned = pinned }
            if let archived = patch.archived { changed.archived = archived }
            guard changed != found.conversation else { return changed }
            changed.updatedAt = max(changed.updatedAt, time)
            try db.run(
                """
                UPDATE conversations SET system_prompt = ?, model = ?, pinned = ?, archived = ?, updated = ?
                WHERE row = ?
                """,
                [
                    changed.systemPrompt, changed.model, changed.pinned, changed.archived,
                    changed.updatedAt.milliseconds, found.row,
                ])
            if patch.title != nil {
                try db.run(
                    "UPDATE conversations SET title = ?, title_is_automatic = 0 WHERE row = ?",
                    [changed.title, found.row])
            }
            return changed
        }
    }

    public func setAutomaticTitle(_ id: ConversationID, owner: UserID, title: String) async throws(StoreError) {
        try await self.write { db in
            try db.run(
                """
                UPDATE conversations SET title = ?
                WHERE id = ? AND owner = (SELECT row FROM owners WHERE id = ?) AND title_is_automatic = 1
                """, [title.storable, id.blob, owner.blob])
        }
    }
}
