//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation
import GRDB
import ParleyCore

/// A collection as the table has it.
struct CollectionRow {
    /// For a `SELECT` in which `collections` is named `c`.
    static let columns = """
        c.row, c.id, (SELECT id FROM owners WHERE row = c.owner), c.name, c.readers, c.created, c.document_count,
        c.owner
        """

    /// A condition on `c`, with the user's number in `?1`: the collections that the user may read.
    static let readable = """
        c.deleted = 0 AND (c.owner = ?1 OR c.readers = 'everyone' OR c.readers = 'users' AND EXISTS (
            SELECT 1 FROM collection_readers AS r WHERE r.user = ?1 AND r.collection = c.row))
        """

    var row: Int64
    var owner: Int64
    var stored: StoredCollection

    init(_ row: Row, _ db: Database) throws {
        self.row = row[0]
        self.owner = row[7]
        let readers: KnowledgeCollection.Readers
        switch row[4] as String {
        case "owner": readers = .owner
        case "everyone": readers = .everyone
        case "users": readers = .users(try Self.readers(of: self.row, db))
        default: throw StoreError(.unusable, "The database holds an access list that this release does not know.")
        }
        self.stored = StoredCollection(
            collection: KnowledgeCollection(
                id: CollectionID(row, 1), ownerID: UserID(row, 2), name: row[3], readers: readers,
                createdAt: Timestamp(row, 5)),
            partition: self.row, documentCount: row[6])
    }

    private static func readers(of collection: Int64, _ db: Database) throws -> Set<UserID> {
        let rows = try db.rows(
            """
            SELECT o.id FROM collection_readers AS r JOIN owners AS o ON o.row = r.user WHERE r.collection = ?
            """, [collection])
        return Set(rows.map { UserID($0, 0) })
    }

    /// - Throws: `.notFound` when it is not the owner's.
    static func find(_ id: CollectionID, owner: UserID, _ db: Database) throws -> CollectionRow {
        let row = try db.first(
            """
            SELECT \(Self.columns) FROM collections AS c
            WHERE c.id = ? AND c.owner = (SELECT row FROM owners WHERE id = ?) AND c.deleted = 0
            """, [id.blob, owner.blob])
        guard let row else { throw Self.missing }
        return try CollectionRow(row, db)
    }

    static let missing = StoreError(.notFound, "There is no such collection.")

    /// Adds a collection.
    ///
    /// - Throws: `.conflict` when its id or name is taken, or the owner has too many.
    static func insert(_ collection: KnowledgeCollection, _ db: Database) throws -> CollectionRow {
        let owner = try OwnerNumber.made(for: collection.ownerID, db)
        let count =
            try db.integer("SELECT count(*) FROM collections WHERE owner = ? AND deleted = 0", [owner]) ?? 0
        guard count < CoreLimits.collectionsPerUser else {
            throw StoreError(
                .conflict, "There are \(CoreLimits.collectionsPerUser) collections already; delete one first.")
        }
        do {
            try db.run(
                """
                INSERT INTO collections (id, owner, name, folded, readers, created) VALUES (?, ?, ?, ?, 'owner', ?)
                """,
                [
                    collection.id.blob, owner, collection.name.storable, Self.folded(collection.name),
                    collection.createdAt.milliseconds,
                ])
        } catch let error as DatabaseError where error.extendedResultCode == .SQLITE_CONSTRAINT_UNIQUE {
            throw StoreError.taken("The collection's id or name")
        }
        let row = db.lastInsertedRowID
        try Self.setReaders(collection.readers, of: row, db)
        return try Self.find(collection.id, owner: collection.ownerID, db)
    }

    static func setReaders(_ readers: KnowledgeCollection.Readers, of row: Int64, _ db: Database) throws {
        try db.run("DELETE FROM collection_readers WHERE collection = ?", [row])
        let word: String
        switch readers {
        case .owner: word = "owner"
        case .everyone: word = "everyone"
        case .users(let users):
            guard users.count <= StoreLimits.readersPerCollection else {
                throw StoreError(.invalid, "A collection has at most \(StoreLimits.readersPerCollection) readers.")
            }
            word = "users"
            for user in users {
                let number = try OwnerNumber.made(for: user, db)
                try db.run("INSERT INTO collection_readers (user, collection) VALUES (?, ?)", [number, row])
            }
        }
        try db.run("UPDATE collections SET readers = ? WHERE row = ?", [word, row])
    }

    /// The form in which names are compared.
    static func folded(_ name: String) -> String {
        name.lowercased().precomposedStringWithCanonicalMapping.storable
    }

    /// Those of the partitions that are collections and not deleted.
    static func living(_ partitions: [Int64], _ db: Database) throws -> [Int64] {
        guard !partitions.isEmpty else { return [] }
        return try db.rows(
            "SELECT row FROM collections WHERE row IN (SELECT value FROM json_each(?)) AND deleted = 0",
            [JSONNumbers.text(partitions)]
        ).map { $0[0] }
    }
}

/// The small number that stands for a user in the tables.
enum OwnerNumber {
    /// `nil` when nothing of the user was ever stored.
    static func known(_ user: UserID, _ db: Database) throws -> Int64? {
        try db.integer("SELECT row FROM owners WHERE id = ?", [user.blob])
    }

    static func made(for user: UserID, _ db: Database) throws -> Int64 {
        try db.run("INSERT OR IGNORE INTO owners (id) VALUES (?)", [user.blob])
        guard let number = try Self.known(user, db) else {
            throw StoreError(.internal, "The owner could not be stored.")
        }
        return number
    }
}

/// A list of numbers as one argument of a statement: JSON that `json_each` takes apart.
enum JSONNumbers {
    static func text(_ numbers: [Int64]) -> String {
        "[" + numbers.map(String.init).joined(separator: ",") + "]"
    }
}
