//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import GRDB
public import ParleyCore

/// Collections and who may read them.
extension SQLiteStore {
    public func create(_ collection: KnowledgeCollection) async throws(StoreError) -> StoredCollection {
        try await self.write { db in
            try CollectionRow.insert(collection, db).stored
        }
    }

    public func collection(
        named name: String, owner: UserID, at time: Timestamp
    ) async throws(StoreError) -> StoredCollection {
        try await self.write { db in
            let row = try db.first(
                """
                SELECT \(CollectionRow.columns) FROM collections AS c
                WHERE c.owner = (SELECT row FROM owners WHERE id = ?) AND c.folded = ? AND c.deleted = 0
                """, [owner.blob, CollectionRow.folded(name)])
            if let row { return try CollectionRow(row, db).stored }
            let new = KnowledgeCollection(id: .generate(at: time), ownerID: owner, name: name, createdAt: time)
            return try CollectionRow.insert(new, db).stored
        }
    }

    /// Of other users' collections at most `StoreLimits.readableCollections`.
    public func collections(readableBy user: UserID) async throws(StoreError) -> [StoredCollection] {
        try await self.read { db in
            try Self.readable(by: user, db).map { try CollectionRow($0, db).stored }
        }
    }

    public func partitions(
        readableBy user: UserID
    ) async throws(StoreError) -> [(collection: CollectionID, partition: Int64)] {
        try await self.read { db in
            try Self.readable(by: user, db).map { (collection: CollectionID($0, 1), partition: $0[0] as Int64) }
        }
    }

    /// Rows of `CollectionRow.columns`, the user's own ones first.
    private static func readable(by user: UserID, _ db: Database) throws -> [Row] {
        let number = try OwnerNumber.known(user, db)
        let own = try number.map { try db.rows(Self.ownCollections, [$0]) } ?? []
        let others = try db.rows(Self.othersCollections, [number ?? 0, StoreLimits.readableCollections])
        return own + others
    }

    static let ownCollections = """
        SELECT \(CollectionRow.columns) FROM collections AS c WHERE c.owner = ? AND c.deleted = 0 ORDER BY c.folded
        """

    static let othersCollections = """
        SELECT \(CollectionRow.columns) FROM collections AS c
        WHERE c.row IN (
            SELECT row FROM collections WHERE readers = 'everyone' AND deleted = 0
            UNION
            SELECT collection FROM collection_readers WHERE user = ?1)
        AND c.owner <> ?1 AND c.deleted = 0 ORDER BY c.folded, c.row LIMIT ?2
        """

    public func collection(
        _ id: CollectionID, readableBy user: UserID
    ) async throws(StoreError) -> StoredCollection {
        try await self.read { db in
            let row = try db.first(
                """
                SELECT \(CollectionRow.columns) FROM collections AS c WHERE \(CollectionRow.readable) AND c.id = ?2
                """, [try OwnerNumber.known(user, db) ?? 0, id.blob])
            guard let row else { throw CollectionRow.missing }
            return try CollectionRow(row, db).stored
        }
    }

    public func update(
        _ id: CollectionID, owner: UserID, patch: CollectionPatch
    ) async throws(StoreError) -> StoredCollection {
        try await self.write { db in
            let found = try CollectionRow.find(id, owner: owner, db)
            if let name = patch.name {
                do {
                    try db.run(
                        "UPDATE collections SET name = ?, folded = ? WHERE row = ?",
                        [name.storable, CollectionRow.folded(name), found.row])
                } catch let error as DatabaseError where error.extendedResultCode == .SQLITE_CONSTRAINT_UNIQUE {
                    throw StoreError.taken("The collection's name")
                }
            }
            if let readers = patch.readers {
                try CollectionRow.setReaders(readers, of: found.row, db)
            }
            return try CollectionRow.find(id, owner: owner, db).stored
        }
    }

    /// From the commit on nobody finds the collection; ``sweep(now:)`` then removes its documents. Their jobs that run
    /// now are cancelled here, the waiting ones when they are swept.
    public func delete(_ id: CollectionID, owner: UserID) async throws(StoreError) {
        try await self.write { db in
            let found = try CollectionRow.find(id, owner: owner, db)
            try db.run("UPDATE collections SET deleted = 1 WHERE row = ?", [found.row])
            for job in try db.rows(Self.runningReaders, [JobKind.readDocument.rawValue]) {
                guard let version = JobRow.version(payload: job[1]) else { continue }
                let collection = try db.integer(
                    "SELECT collection FROM documents WHERE id = ?", [version.documentID.blob])
                if collection == found.row { try db.run("DELETE FROM jobs WHERE row = ?", [job[0] as Int64]) }
            }
        }
    }

    /// As many as there are workers.
    static let runningReaders = "SELECT row, payload FROM jobs WHERE state = 'running' AND kind = ?"
}
