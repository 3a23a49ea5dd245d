//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import GRDB
public import ParleyCore

/// Vectors of messages. A message's number is its position, which is never given again.
extension SQLiteStore: MessageVectorStore {
    /// Looks from where all earlier messages are known to be done, and remembers how far that reaches now, so that a
    /// look at a large history that is done costs nothing. It reaches no message that may yet become a finished one:
    /// one that is being written, or whose conversation may be restored.
    public func messagesWithoutVector(
        model: EmbeddingModel, limit: Int
    ) async throws(StoreError) -> [(number: Int64, text: String)] {
        let limit = min(max(limit, 1), StoreLimits.readNumbers)
        let known = try await self.read { db in
            try db.first(
                "SELECT messages_through FROM models WHERE name = ? AND dimension = ?",
                [model.name.storable, model.dimension]
            ).map { $0[0] as Int64 } ?? 0
        }
        var look = Look(through: known, last: known)
        repeat {
            look = try await self.read { [look] db in try look.next(for: model, limit: limit, db) }
        } while look.found.isEmpty && look.isCut
        if look.through - known >= StoreLimits.scannedMessages / 10 {
            try await self.write { [look] db in
                try db.run(
                    "UPDATE models SET messages_through = max(messages_through, ?) WHERE number = ?",
                    [look.through, try ModelNumber.made(for: model, db)])
            }
        }
        return look.found
    }

    /// How far the look for messages without a vector has come.
    private struct Look: Sendable {
        /// Everything up to here is done for good.
        var through: Int64
        /// The last message that was looked at.
        var last: Int64
        /// Whether there are messages behind it.
        var isCut = false
        var found: [(number: Int64, text: String)] = []

        /// Looks at `StoreLimits.scannedMessages` more messages.
        func next(for model: EmbeddingModel, limit: Int, _ db: Database) throws -> Look {
            var next = Look(through: self.through, last: self.last)
            var count = 0
            let cursor = try db.cursor(
                SQLiteStore.messageStates,
                [self.last, try ModelNumber.known(model, db) ?? 0, StoreLimits.scannedMessages])
            while next.found.count < limit, let row = try cursor.next() {
                count += 1
                let position: Int64 = row[0]
                switch row[1] as String {
                case "done":
                    if next.through == next.last { next.through = position }
                case "open":
                    break
                default:
                    next.found.append((number: position, text: row[2]))
                }
                next.last = position
            }
            next.isCut = count == StoreLimits.scannedMessages
            return next
        }
    }

    static let messageStates = """
        SELECT m.position,
            CASE
                WHEN m.state = 'pending' OR c.deleted > 0 THEN 'open'
                WHEN m.searchable = 0 OR c.temporary = 1 OR c.deleted = 0 OR m.content = '' THEN 'done'
                WHEN EXISTS (SELECT 1 FROM message_vectors AS v WHERE v.message = m.position AND v.model = ?2)
                    THEN 'done'
                ELSE 'missing'
            END AS status,
            m.content
        FROM messages AS m CROSS JOIN conversations AS c ON c.row = m.conversation
        WHERE m.position > ?1 ORDER BY m.position LIMIT ?3
        """

    /// One that is gone, or was never to be found, is skipped.
    public func saveMessageVectors(
        _ vectors: [(number: Int64, vector: [Float])], model: EmbeddingModel
    ) async throws(StoreError) {
        guard vectors.count <= StoreLimits.stagedPassages else {
            throw StoreError(.invalid, "More than \(StoreLimits.stagedPassages) vectors at once.")
        }
        try await self.write { db in
            let modelNumber = try ModelNumber.made(for: model, db)
            for (number, vector) in vectors {
                try db.run(
                    """
                    INSERT OR REPLACE INTO message_vectors (message, model, vector)
                    SELECT position, ?2, ?3 FROM messages WHERE position = ?1 AND searchable = 1
                    """, [number, modelNumber, try VectorBlob.data(vector, model: model)])
            }
        }
    }

    public func messageVectors(
        model: EmbeddingModel, after number: Int64, limit: Int
    ) async throws(StoreError) -> [StoredVector] {
        let limit = Self.feedSize(limit)
        return try await self.read { db in
            guard let modelNumber = try ModelNumber.known(model, db) else { return [] }
            return try db.rows(Self.messageVectorFeed, [number, modelNumber, limit]).map(StoredVector.init)
        }
    }

    static let messageVectorFeed = """
        SELECT v.message, c.owner, v.vector FROM message_vectors AS v
        CROSS JOIN messages AS m ON m.position = v.message AND m.searchable = 1
        CROSS JOIN conversations AS c ON c.row = m.conversation AND c.deleted IS NULL AND c.temporary = 0
        WHERE v.message > ?1 AND v.model = ?2 ORDER BY v.message LIMIT ?3
        """

    public func messagePartition(of owner: UserID) async throws(StoreError) -> Int64? {
        try await self.read { db in
            try OwnerNumber.known(owner, db)
        }
    }

    public func messages(
        _ numbers: [Int64], owner: UserID, excluding: ConversationID?
    ) async throws(StoreError) -> [(number: Int64, message: Message, conversationTitle: String)] {
        guard numbers.count <= StoreLimits.readNumbers else {
            throw StoreError(.invalid, "More than \(StoreLimits.readNumbers) messages at once.")
        }
        return try await self.read { db in
            try db.rows(Self.messagesByNumber, [JSONNumbers.text(numbers), owner.blob, excluding?.blob]).map {
                let found = try MessageRow($0)
                return (found.position, found.message, $0["title"])
            }
        }
    }

    static let messagesByNumber = """
        SELECT \(MessageRow.columns), c.title AS title FROM json_each(?1) AS n
        CROSS JOIN messages AS m ON m.position = n.value AND m.searchable = 1
        CROSS JOIN conversations AS c ON c.row = m.conversation
        WHERE c.owner = (SELECT row FROM owners WHERE id = ?2) AND c.deleted IS NULL AND c.temporary = 0
            AND c.id IS NOT ?3
        """
}
