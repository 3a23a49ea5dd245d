//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import GRDB
public import ParleyCore

/// Passages on their way to be found: staged, put into the full-text index, published.
extension SQLiteStore: PassageStore {
    public func document(_ version: DocumentVersion) async throws(StoreError) -> Document {
        try await self.read { db in
            try DocumentRow.find(version, db).document
        }
    }

    public func setProgress(_ version: DocumentVersion, to progress: Double) async throws(StoreError) {
        try await self.write { db in
            let found = try DocumentRow.find(version, db)
            try db.run(
                "UPDATE documents SET progress = ? WHERE row = ? AND state IN ('pending', 'indexing')",
                [min(max(progress, 0), 1), found.row])
        }
    }

    /// A version that is published has not failed, whatever its job says.
    public func setFailure(
        _ version: DocumentVersion, reason: String, at time: Timestamp
    ) async throws(StoreError) {
        try await self.write { db in
            _ = try DocumentRow.find(version, db)
            try Self.fail(version, reason: reason, at: time, db)
        }
    }

    static func fail(_ version: DocumentVersion, reason: String, at time: Timestamp, _ db: Database) throws {
        try db.run(
            """
            UPDATE documents SET state = 'failed', failure = ?, updated = ?
            WHERE id = ? AND version = ? AND live_version IS NOT version
            """,
            [
                String(reason.unicodeScalars.prefix(StoreLimits.jobErrorScalars)).storable, time.milliseconds,
                version.documentID.blob, version.version,
            ])
    }

    /// - Throws: `.notFound`; `.invalid` when a passage cannot be one. What is published already is left as it is.
    public func stage(
        _ passages: [NewPassage], of version: DocumentVersion, model: EmbeddingModel?
    ) async throws(StoreError) {
        guard passages.count <= StoreLimits.stagedPassages else {
            throw StoreError(.invalid, "More than \(StoreLimits.stagedPassages) passages at once.")
        }
        for passage in passages {
            guard (0..<CoreLimits.passagesPerDocument).contains(passage.ordinal) else {
                throw StoreError(.invalid, "A document has at most \(CoreLimits.passagesPerDocument) passages.")
            }
            guard passage.text.utf8.count <= CoreLimits.passageBytes else {
                throw StoreError(.invalid, "A passage has at most \(CoreLimits.passageBytes) bytes.")
            }
        }
        try await self.write { db in
            let found = try DocumentRow.find(version, db)
            guard found.liveVersion != version.version else { return }
            let edition = try EditionRow.made(for: found, db)
            let number = try model.map { try ModelNumber.made(for: $0, db) }
            for passage in passages {
                let row = try PassageRow.stage(passage, in: edition, db)
                if let model, let number, let vector = passage.vector {
                    try db.run(
                        "INSERT INTO passage_vectors (passage, model, vector) VALUES (?, ?, ?)",
                        [row, number, try VectorBlob.data(vector, model: model)])
                }
            }
        }
    }

    public func stagedCount(
        _ version: DocumentVersion, model: EmbeddingModel?
    ) async throws(StoreError) -> Int {
        try await self.read { db in
            let found = try DocumentRow.find(version, db)
            guard let model else {
                return Int(try db.integer(Self.contiguous(""), [found.row, version.version]) ?? 0)
            }
            guard let number = try ModelNumber.known(model, db) else { return 0 }
            return Int(
                try db.integer(Self.contiguous(Self.hasVector), [found.row, version.version, number]) ?? 0)
        }
    }

    /// Ordinals are unique: they equal their place in the order up to the first gap, and never behind it.
    static func contiguous(_ condition: String) -> String {
        """
        SELECT count(*) FROM (
            SELECT ordinal, row_number() OVER (ORDER BY ordinal) - 1 AS place FROM passages AS p
            WHERE document = ?1 AND version = ?2 \(condition))
        WHERE ordinal = place
        """
    }

    static let hasVector =
        "AND EXISTS (SELECT 1 FROM passage_vectors AS v WHERE v.passage = p.number AND v.model = ?3)"

    // MARK: Publishing

    /// First the passages go into the full-text index, in many short transactions between which others write; nobody
    /// finds them there, since the version is not live. The last transaction makes it so, and touches no passage.
    ///
    /// - Throws: `.notFound`; `.invalid` when not all passages are staged.
    public func publish(
        _ version: DocumentVersion, title: String, mediaType: String, passageCount: Int, at time: Timestamp
    ) async throws(StoreError) {
        let title = title.storable
        while try await self.write({ db in
            let found = try DocumentRow.find(version, db)
            guard found.liveVersion != version.version else { return false }
            let edition = try EditionRow.made(for: found, db)
            return try edition.index(under: title, count: passageCount, db)
        }) {}
        try await self.write { db in
            let found = try DocumentRow.find(version, db)
            guard found.liveVersion != version.version else { return }
            let edition = try EditionRow.made(for: found, db)
            guard edition.indexed == passageCount, edition.title == title || passageCount == 0 else {
                throw StoreError(.invalid, "The document's passages changed while they were published.")
            }
            try Self.flip(found, title: title, mediaType: mediaType, passageCount: passageCount, at: time, db)
        }
    }

    private static func flip(
        _ found: DocumentRow, title: String, mediaType: String, passageCount: Int, at time: Timestamp,
        _ db: Database
    ) throws {
        try db.run(
            """
            UPDATE documents SET live_version = version, state = 'ready', progress = 1, failure = NULL, title = ?,
                media_type = ?, passage_count = ?, updated = ?
            WHERE row = ?
            """, [title, mediaType.storable, passageCount, time.milliseconds, found.row])
        try db.run(
            "UPDATE collections SET passage_count = passage_count + ? WHERE row = ?",
            [passageCount - found.document.passageCount, found.collection])
        if let earlier = found.liveVersion {
            try Self.bury(document: found.row, version: earlier, db)
        }
        try Self.record(.published, document: found.row, version: found.document.version, db)
    }

    /// Marks an edition as dead, for ``sweep(now:)``.
    static func bury(document: Int64, version: Int, _ db: Database) throws {
        try db.run("UPDATE editions SET dead = 1 WHERE document = ? AND version = ?", [document, version])
    }
}
