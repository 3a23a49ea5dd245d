//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation
import GRDB
public import ParleyCore

extension SQLiteStore: DocumentStore {
    /// A name that is there with other content is replaced even when another document has that content: its old text
    /// must not stay.
    public func add(
        _ new: NewDocument, owner: UserID
    ) async throws(StoreError) -> (Document, DocumentAddition) {
        try await self.write { db in
            let collection = try CollectionRow.find(new.collectionID, owner: owner, db)
            let content = try db.first(
                "SELECT row, byte_count FROM contents WHERE hash = ? AND byte_count IS NOT NULL",
                [Data(new.contentHash)])
            guard let content else { throw StoreError(.notFound, "The content of the document is not there.") }
            let (contentRow, byteCount): (Int64, Int) = (content[0], content[1])
            guard byteCount == new.byteCount else {
                throw StoreError(.invalid, "The content does not have \(new.byteCount) bytes.")
            }
            if let known = try Self.known(new, content: contentRow, in: collection, db) {
                if known.content == contentRow {
                    if known.document.state == .failed { try known.enqueue(at: new.at, db) }
                    return (try DocumentRow.find(row: known.row, db).document, .unchanged)
                }
                try Self.replace(known, by: contentRow, db)
                try DocumentRow.find(row: known.row, db).enqueue(at: new.at, db)
                return (try DocumentRow.find(row: known.row, db).document, .replaced)
            }
            let row = try Self.insert(new, content: contentRow, in: collection, db)
            try DocumentRow.find(row: row, db).enqueue(at: new.at, db)
            return (try DocumentRow.find(row: row, db).document, .added)
        }
    }

    /// The document of the name, or else one of the content.
    private static func known(
        _ new: NewDocument, content: Int64, in collection: CollectionRow, _ db: Database
    ) throws -> DocumentRow? {
        let row =
            try db.integer(
                "SELECT row FROM documents WHERE collection = ? AND name = ?", [collection.row, new.name.storable])
            ?? db.integer(
                "SELECT row FROM documents WHERE content = ? AND collection = ? ORDER BY row LIMIT 1",
                [content, collection.row])
        return try row.map { try DocumentRow.find(row: $0, db) }
    }

    private static func replace(_ known: DocumentRow, by content: Int64, _ db: Database) throws {
        try JobRow.cancel(reading: known.version, db)
        if known.liveVersion != known.document.version {
            try Self.bury(document: known.row, version: known.document.version, db)
        }
        try db.run(
            "UPDATE documents SET version = version + 1, content = ?, media_type = NULL WHERE row = ?",
            [content, known.row])
        try db.run("UPDATE contents SET uses = uses + 1 WHERE row = ?", [content])
        try Self.release(content: known.content, db)
    }

    private static func insert(
        _ new: NewDocument, content: Int64, in collection: CollectionRow, _ db: Database
    ) throws -> Int64 {
        guard collection.stored.documentCount < CoreLimits.documentsPerCollection else {
            throw StoreError(
                .conflict, "The collection holds \(CoreLimits.documentsPerCollection) documents already.")
        }
        do {
            try db.run(
                """
                INSERT INTO documents (id, collection, name, title, content, version, state, progress, passage_count,
                    created, updated)
                VALUES (?1, ?2, ?3, ?3, ?4, 1, 'pending', 0, 0, ?5, ?5)
                """, [new.id.blob, collection.row, new.name.storable, content, new.at.milliseconds])
        } catch let error as DatabaseError where error.extendedResultCode == .SQLITE_CONSTRAINT_UNIQUE {
            throw StoreError.taken("The document's id")
        }
        let row = db.lastInsertedRowID
        try db.run("UPDATE contents SET uses = uses + 1 WHERE row = ?", [content])
        try db.run("UPDATE collections SET document_count = document_count + 1 WHERE row = ?", [collection.row])
        return row
    }

    // MARK: Reading

    public func documents(
        in collection: CollectionID?, readableBy user: UserID, before: String?, limit: Int
    ) async throws(StoreError) -> Page<Document> {
        let limit = Self.clamped(limit)
        var end = Int64.max
        if let before {
            guard case .document(let row) = try PageCursor(before) else {
                throw StoreError(.invalid, "The cursor is of another list.")
            }
            end = row
        }
        return try await self.read { [end] db in
            let collections = try Self.readableCollections(collection, by: user, db)
            let rows = try Self.merged(Self.documentsInOrder, of: collections, before: end, limit: limit + 1, db)
            let page = rows.prefix(limit)
            return Page(
                elements: try page.map { try DocumentRow.find(row: $0, db).document },
                next: rows.count > limit ? page.last.map { PageCursor.document($0).text } : nil)
        }
    }

    static let documentsInOrder = """
        SELECT row FROM documents WHERE collection = ? AND row < ? ORDER BY row DESC LIMIT ?
        """

    static let unreadyInOrder = """
        SELECT row FROM documents WHERE collection = ? AND state <> 'ready' AND row < ? ORDER BY row DESC LIMIT ?
        """

    /// The latest of several collections. Each is asked for its own: what others hold costs nothing.
    private static func merged(
        _ sql: String, of collections: [Int64], before end: Int64, limit: Int, _ db: Database
    ) throws -> [Int64] {
        var rows: [Int64] = []
        for collection in collections {
            rows += try db.rows(sql, [collection, end, limit]).map { $0[0] as Int64 }
            if rows.count > limit * 2 { rows = Array(rows.sorted(by: >).prefix(limit)) }
        }
        return Array(rows.sorted(by: >).prefix(limit))
    }

    /// - Throws: `.notFound` for one that the user may not read.
    private static func readableCollections(
        _ collection: CollectionID?, by user: UserID, _ db: Database
    ) throws -> [Int64] {
        let number = try OwnerNumber.known(user, db) ?? 0
        guard let collection else {
            return try db.rows(Self.readableNumbers, [number, StoreLimits.readableCollections]).map { $0[0] }
        }
        let row = try db.integer(
            "SELECT c.row FROM collections AS c WHERE \(CollectionRow.readable) AND c.id = ?2",
            [number, collection.blob])
        guard let row else { throw CollectionRow.missing }
        return [row]
    }

    static let readableNumbers = """
        SELECT c.row FROM collections AS c WHERE c.owner = ?1 AND c.deleted = 0
        UNION
        SELECT row FROM (
            SELECT c.row FROM collections AS c WHERE c.readers = 'everyone' AND c.deleted = 0
            UNION
            SELECT r.collection FROM collection_readers AS r JOIN collections AS c ON c.row = r.collection
            WHERE r.user = ?1 AND c.deleted = 0
            LIMIT ?2)
        """

    public func document(_ id: DocumentID, readableBy user: UserID) async throws(StoreError) -> Document {
        try await self.read { db in
            let row = try db.first(
                """
                SELECT \(DocumentRow.columns) FROM \(DocumentRow.tables)
                WHERE \(CollectionRow.readable) AND d.id = ?2
                """, [try OwnerNumber.known(user, db) ?? 0, id.blob])
            guard let row else { throw DocumentRow.missing }
            return try DocumentRow(row).document
        }
    }

    public func unreadyDocuments(
        in partitions: [Int64], limit: Int
    ) async throws(StoreError) -> [Document] {
        let limit = Self.clamped(limit)
        return try await self.read { db in
            let rows = try Self.merged(
                Self.unreadyInOrder, of: CollectionRow.living(partitions, db), before: .max, limit: limit, db)
            return try rows.map { try DocumentRow.find(row: $0, db).document }
        }
    }

    // MARK: Changing

    public func delete(_ id: DocumentID, owner: UserID) async throws(StoreError) {
        try await self.write { db in
            try DocumentRow.find(id, owner: owner, db).remove(db)
        }
    }

    public func retry(_ id: DocumentID, owner: UserID) async throws(StoreError) -> Document {
        let now = Timestamp.now()
        return try await self.write { db in
            let found = try DocumentRow.find(id, owner: owner, db)
            guard found.document.state == .failed else {
                throw StoreError(.conflict, "Only a document that failed can be read again.")
            }
            try found.enqueue(at: now, db)
            return try DocumentRow.find(row: found.row, db).document
        }
    }
}
