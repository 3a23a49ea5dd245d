//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import GRDB
public import ParleyCore

extension SQLiteStore {
    /// Titles that match come first, in at most half of the places unless messages leave more; both by BM25.
    public func search(owner: UserID, query: String, limit: Int) async throws(StoreError) -> [SearchHit] {
        guard let query = SearchQuery(query) else { return [] }
        let limit = min(max(limit, 1), StoreLimits.searchHits)
        return try await self.read { db in
            guard let number = try db.integer("SELECT row FROM owners WHERE id = ?", [owner.blob]) else { return [] }
            let titles = try db.rows(
                Self.titleHits, [query.expression(column: "title", owner: number), limit]
            ).map(Self.hit)
            let messages = try db.rows(
                Self.messageHits, [query.expression(column: "content", owner: number), limit]
            ).map(Self.hit)
            let titleShare = max(limit - messages.count, (limit + 1) / 2)
            let first = titles.prefix(titleShare)
            return Array(first + messages.prefix(limit - first.count))
        }
    }

    private static let titleHits = """
        SELECT c.id, c.title, NULL,
            snippet(title_index, 1, char(0xE000), char(0xE001), '…', \(StoreLimits.snippetWords)),
            c.updated
        FROM title_index JOIN conversations AS c ON c.row = title_index.rowid
        WHERE title_index MATCH ? AND c.deleted IS NULL ORDER BY title_index.rank LIMIT ?
        """

    private static let messageHits = """
        SELECT c.id, c.title, m.id,
            snippet(message_index, 1, char(0xE000), char(0xE001), '…', \(StoreLimits.snippetWords)), m.created
        FROM message_index JOIN messages AS m ON m.position = message_index.rowid
        JOIN conversations AS c ON c.row = m.conversation
        WHERE message_index MATCH ? AND c.deleted IS NULL ORDER BY message_index.rank LIMIT ?
        """

    private static func hit(_ row: Row) -> SearchHit {
        SearchHit(
            conversationID: ConversationID(row, 0), conversationTitle: row[1],
            messageID: row[2] == nil ? nil : MessageID(row, 2), snippet: Self.withPairedMarks(row[3]),
            createdAt: Timestamp(row, 4))
    }

    /// Drops marks that a text brought along itself, so that each U+E000 is followed by its U+E001.
    static func withPairedMarks(_ snippet: String) -> String {
        var result = String.UnicodeScalarView()
        var isOpen = false
        for scalar in snippet.unicodeScalars {
            switch scalar {
            case "\u{E000}" where isOpen, "\u{E001}" where !isOpen: continue
            case "\u{E000}": isOpen = true
            case "\u{E001}": isOpen = false
            default: break
            }
            result.append(scalar)
        }
        if isOpen { result.append("\u{E001}") }
        return String(result)
    }
}
