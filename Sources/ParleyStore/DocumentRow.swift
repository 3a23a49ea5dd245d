//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation
import GRDB
import ParleyCore

/// A document as the table has it.
struct DocumentRow {
    /// For a `SELECT` in which `documents` is named `d`, joined by ``tables``.
    static let columns = """
        d.row, d.collection, d.content, d.live_version, d.id, c.id, (SELECT id FROM owners WHERE row = c.owner),
        d.name, d.title, d.media_type, k.byte_count, k.hash, d.version, d.state, d.progress, d.failure,
        d.passage_count, d.created, d.updated
        """

    static let tables = """
        documents AS d JOIN collections AS c ON c.row = d.collection JOIN contents AS k ON k.row = d.content
        """

    static let missing = StoreError(.notFound, "There is no such document.")

    var row: Int64
    var collection: Int64
    var content: Int64
    var liveVersion: Int?
    var document: Document

    /// The version that is to be read, or was.
    var version: DocumentVersion {
        DocumentVersion(documentID: self.document.id, version: self.document.version)
    }

    init(_ row: Row) throws {
        self.row = row[0]
        self.collection = row[1]
        self.content = row[2]
        self.liveVersion = row[3]
        guard let state = Document.State(rawValue: row[13]) else {
            throw StoreError(.unusable, "The database holds a document that this release does not know.")
        }
        self.document = Document(
            id: DocumentID(row, 4), collectionID: CollectionID(row, 5), ownerID: UserID(row, 6), name: row[7],
            title: row[8], mediaType: row[9], byteCount: row[10] ?? 0, contentHash: [UInt8](row[11] as Data),
            version: row[12], state: state, progress: row[14], failure: row[15], passageCount: row[16],
            createdAt: Timestamp(row, 17), updatedAt: Timestamp(row, 18))
    }

    static func find(row: Int64, _ db: Database) throws -> DocumentRow {
        let found = try db.first("SELECT \(Self.columns) FROM \(Self.tables) WHERE d.row = ?", [row])
        guard let found else { throw Self.missing }
        return try DocumentRow(found)
    }

    /// - Throws: `.notFound` when it is not the owner's.
    static func find(_ id: DocumentID, owner: UserID, _ db: Database) throws -> DocumentRow {
        let row = try db.first(
            """
            SELECT \(Self.columns) FROM \(Self.tables)
            WHERE d.id = ? AND c.owner = (SELECT row FROM owners WHERE id = ?) AND c.deleted = 0
            """, [id.blob, owner.blob])
        guard let row else { throw Self.missing }
        return try DocumentRow(row)
    }

    /// - Throws: `.notFound` when it is gone or has a later version.
    static func find(_ version: DocumentVersion, _ db: Database) throws -> DocumentRow {
        let row = try db.first(
            """
            SELECT \(Self.columns) FROM \(Self.tables) WHERE d.id = ? AND d.version = ? AND c.deleted = 0
            """, [version.documentID.blob, version.version])
        guard let row else { throw Self.missing }
        return try DocumentRow(row)
    }

    /// Back into the queue: the present version waits for a job, which is enqueued here.
    func enqueue(at time: Timestamp, _ db: Database) throws {
        try db.run(
            "UPDATE documents SET state = 'pending', progress = 0, failure = NULL, updated = ? WHERE row = ?",
            [time.milliseconds, self.row])
        try JobRow.cancel(reading: self.version, db)
        let job = NewJob(
            kind: .readDocument, payload: try JobRow.payload(self.version),
            dedupeKey: JobRow.dedupeKey(self.version), runAt: time)
        _ = try JobRow.insert(job, db)
    }

    /// Removes the document. Its editions are dead from now on, and swept later.
    func remove(_ db: Database) throws {
        try JobRow.cancel(reading: self.version, db)
        try db.run("UPDATE editions SET dead = 1 WHERE document = ?", [self.row])
        try db.run("DELETE FROM documents WHERE row = ?", [self.row])
        try SQLiteStore.release(content: self.content, db)
        try db.run("UPDATE collections SET document_count = document_count - 1 WHERE row = ?", [self.collection])
        if self.liveVersion != nil {
            try SQLiteStore.record(.removed, document: self.row, version: self.document.version, db)
        }
    }
}
