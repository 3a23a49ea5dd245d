//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation
import GRDB
public import ParleyCore

/// What an index of vectors is made from, and kept in step by.
extension SQLiteStore {
    static func record(
        _ kind: KnowledgeChange.Kind, document: Int64, version: Int, _ db: Database
    ) throws {
        try db.run(
            "INSERT INTO knowledge_changes (document, version, kind) VALUES (?, ?, ?)",
            [document, version, kind.rawValue])
    }

    /// - Throws: `.invalid` when steps after the sequence are no longer kept, or the sequence is not of this database:
    ///   the index is made anew.
    public func changes(after sequence: Int64, limit: Int) async throws(StoreError) -> [KnowledgeChange] {
        let limit = Self.feedSize(limit)
        return try await self.read { db in
            let last = try Self.lastChange(db)
            guard try Self.firstChange(db) <= sequence + 1, sequence <= last else {
                throw StoreError(.invalid, "The changes after \(sequence) are not kept: make the index anew.")
            }
            return try db.rows(
                """
                SELECT sequence, document, version, kind FROM knowledge_changes WHERE sequence > ?
                ORDER BY sequence LIMIT ?
                """, [sequence, limit]
            ).map { row in
                guard let kind = KnowledgeChange.Kind(rawValue: row[3]) else {
                    throw StoreError(.unusable, "The database holds a change that this release does not know.")
                }
                return KnowledgeChange(sequence: row[0], documentNumber: row[1], version: row[2], kind: kind)
            }
        }
    }

    public func lastChange() async throws(StoreError) -> Int64 {
        try await self.read { try Self.lastChange($0) }
    }

    public func firstChange() async throws(StoreError) -> Int64 {
        try await self.read { try Self.firstChange($0) }
    }

    /// The last step is never swept, so the sequence goes on from it.
    private static func lastChange(_ db: Database) throws -> Int64 {
        try db.integer("SELECT max(sequence) FROM knowledge_changes") ?? 0
    }

    private static func firstChange(_ db: Database) throws -> Int64 {
        try db.integer("SELECT min(sequence) FROM knowledge_changes") ?? 1
    }

    static func feedSize(_ limit: Int) -> Int {
        min(max(limit, 1), StoreLimits.feedElements)
    }

    public func vectors(
        of document: Int64?, model: EmbeddingModel, after number: Int64, limit: Int
    ) async throws(StoreError) -> [StoredVector] {
        let limit = Self.feedSize(limit)
        return try await self.read { db in
            guard let modelNumber = try ModelNumber.known(model, db) else { return [] }
            let rows =
                if let document {
                    try db.rows(Self.vectorsOfDocument, [modelNumber, number, limit, document])
                } else {
                    try db.rows(Self.allVectors, [modelNumber, number, limit])
                }
            return rows.map(StoredVector.init)
        }
    }

    static let allVectors = """
        SELECT v.passage, d.collection, v.vector FROM passage_vectors AS v
        CROSS JOIN passages AS p ON p.number = v.passage
        CROSS JOIN documents AS d ON d.row = p.document AND d.live_version = p.version
        CROSS JOIN collections AS c ON c.row = d.collection AND c.deleted = 0
        WHERE v.passage > ?2 AND v.model = ?1 ORDER BY v.passage LIMIT ?3
        """

    static let vectorsOfDocument = """
        SELECT v.passage, d.collection, v.vector FROM documents AS d
        CROSS JOIN collections AS c ON c.row = d.collection AND c.deleted = 0
        CROSS JOIN passages AS p INDEXED BY passages_by_number ON p.document = d.row AND p.version = d.live_version
        CROSS JOIN passage_vectors AS v ON v.passage = p.number AND v.model = ?1
        WHERE d.row = ?4 AND p.number > ?2 ORDER BY p.number LIMIT ?3
        """

    public func passageNumbers(
        of document: Int64, except version: Int?
    ) async throws(StoreError) -> [Int64] {
        try await self.read { db in
            try db.rows(Self.numbers, [document, version]).map { $0[0] }
        }
    }

    static let numbers = "SELECT number FROM passages WHERE document = ?1 AND version IS NOT ?2"

    public func passagesWithoutVector(
        model: EmbeddingModel, after number: Int64, limit: Int
    ) async throws(StoreError) -> [(number: Int64, title: String, text: String)] {
        let limit = min(max(limit, 1), StoreLimits.readNumbers)
        return try await self.read { db in
            let modelNumber = try ModelNumber.known(model, db) ?? 0
            return try db.rows(Self.withoutVector, [modelNumber, number, limit]).map { row in
                (row[0], StoredPassage.title(in: row[1], headings: PassageRow.headings(row[2])), row[3])
            }
        }
    }

    static let withoutVector = """
        SELECT p.number, d.title, t.headings, t.text FROM passages AS p
        CROSS JOIN documents AS d ON d.row = p.document AND d.live_version = p.version
        CROSS JOIN collections AS c ON c.row = d.collection AND c.deleted = 0
        CROSS JOIN passage_texts AS t ON t.number = p.number
        WHERE p.number > ?2
            AND NOT EXISTS (SELECT 1 FROM passage_vectors AS v WHERE v.passage = p.number AND v.model = ?1)
        ORDER BY p.number LIMIT ?3
        """

    /// One step of kind `embedded` is recorded for each live document among them.
    public func save(
        _ vectors: [(number: Int64, vector: [Float])], model: EmbeddingModel
    ) async throws(StoreError) {
        guard vectors.count <= StoreLimits.stagedPassages else {
            throw StoreError(.invalid, "More than \(StoreLimits.stagedPassages) vectors at once.")
        }
        try await self.write { db in
            let modelNumber = try ModelNumber.made(for: model, db)
            var changed: Set<DocumentPlace> = []
            for (number, vector) in vectors {
                let data = try VectorBlob.data(vector, model: model)
                let row = try db.first("SELECT document, version FROM passages WHERE number = ?", [number])
                guard let row else { continue }
                try db.run(
                    "INSERT OR REPLACE INTO passage_vectors (passage, model, vector) VALUES (?, ?, ?)",
                    [number, modelNumber, data])
                changed.insert(DocumentPlace(document: row[0], version: row[1]))
            }
            for place in changed {
                let isLive = try db.integer(
                    "SELECT 1 FROM documents WHERE row = ? AND live_version = ?", [place.document, place.version])
                if isLive != nil { try Self.record(.embedded, document: place.document, version: place.version, db) }
            }
        }
    }

    private struct DocumentPlace: Hashable {
        var document: Int64
        var version: Int
    }

    // MARK: Sweeping

    public func sweep(now: Timestamp) async throws(StoreError) -> Bool {
        try await self.write { db in
            if try EditionRow.sweep(db) { return true }
            if try Self.sweepCollection(db) { return true }
            if try Self.sweepContents(now: now, db) { return true }
            return try Self.sweepChanges(db)
        }
    }

    private static func sweepCollection(_ db: Database) throws -> Bool {
        guard let row = try db.integer("SELECT row FROM collections WHERE deleted = 1 LIMIT 1") else { return false }
        let documents = try db.rows(
            "SELECT row FROM documents WHERE collection = ? LIMIT ?", [row, StoreLimits.sweptDocumentsPerCommit])
        for document in documents {
            try DocumentRow.find(row: document[0], db).remove(db)
        }
        if documents.isEmpty {
            try db.run("DELETE FROM collections WHERE row = ?", [row])
        }
        return true
    }

    private static func sweepChanges(_ db: Database) throws -> Bool {
        try db.run(
            """
            DELETE FROM knowledge_changes WHERE sequence IN (
                SELECT sequence FROM knowledge_changes
                WHERE sequence <= (SELECT max(sequence) FROM knowledge_changes) - ? ORDER BY sequence LIMIT ?)
            """, [StoreLimits.keptChanges, StoreLimits.sweptChangesPerCommit])
        return db.changesCount == StoreLimits.sweptChangesPerCommit
    }
}
