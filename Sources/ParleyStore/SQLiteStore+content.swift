//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation
import GRDB
public import ParleyCore

/// Contents in parts, addressed by their hash. That the hash is that of the bytes is for the caller to see to.
extension SQLiteStore {
    /// An unused content that is asked for is kept for another day, so that it is still there to be added.
    public func hasContent(_ hash: [UInt8]) async throws(StoreError) -> Bool {
        let hash = Data(hash)
        let uses = try await self.read { db in
            try db.integer("SELECT uses FROM contents WHERE hash = ? AND byte_count IS NOT NULL", [hash])
        }
        guard let uses else { return false }
        guard uses == 0 else { return true }
        let now = Timestamp.now()
        return try await self.write { db in
            try db.run(
                "UPDATE contents SET touched = max(touched, ?) WHERE hash = ? AND byte_count IS NOT NULL",
                [now.milliseconds, hash])
            return db.changesCount == 1
        }
    }

    /// - Throws: `.invalid` when the part is empty or too long, or the number cannot be one.
    public func writeContent(_ hash: [UInt8], part: Int, bytes: [UInt8]) async throws(StoreError) {
        guard (0...CoreLimits.documentBytes / CoreLimits.contentPartBytes).contains(part),
            (1...CoreLimits.contentPartBytes).contains(bytes.count)
        else {
            throw StoreError(.invalid, "A part of a content has 1 to \(CoreLimits.contentPartBytes) bytes.")
        }
        let (hash, bytes, now) = (Data(hash), Data(bytes), Timestamp.now())
        try await self.write { db in
            let row = try Self.contentRow(hash, at: now, db)
            guard row.byteCount == nil else { return }
            try db.run(
                "INSERT OR IGNORE INTO content_parts (content, part, bytes) VALUES (?, ?, ?)", [row.row, part, bytes])
        }
    }

    private static func contentRow(
        _ hash: Data, at now: Timestamp, _ db: Database
    ) throws -> (row: Int64, byteCount: Int?) {
        let row = try db.first(
            """
            INSERT INTO contents (hash, touched) VALUES (?1, ?2)
            ON CONFLICT (hash) DO UPDATE SET touched = max(touched, ?2) RETURNING row, byte_count
            """, [hash, now.milliseconds])
        guard let row else { throw StoreError(.internal, "The content could not be stored.") }
        return (row[0], row[1])
    }

    public func completeContent(_ hash: [UInt8], byteCount: Int) async throws(StoreError) {
        let (hash, now) = (Data(hash), Timestamp.now())
        try await self.write { db in
            let content = try Self.contentRow(hash, at: now, db)
            let sums = try db.first(
                """
                SELECT count(*), coalesce(max(part) + 1, 0), coalesce(sum(length(bytes)), 0) FROM content_parts
                WHERE content = ?
                """, [content.row])
            let parts = (byteCount + CoreLimits.contentPartBytes - 1) / CoreLimits.contentPartBytes
            let found = sums.map { [$0[0] as Int, $0[1], $0[2]] }
            guard found == [parts, parts, byteCount] else {
                throw StoreError(.invalid, "The parts of the content do not add up to \(byteCount) bytes.")
            }
            try db.run("UPDATE contents SET byte_count = ? WHERE row = ?", [byteCount, content.row])
        }
    }

    public func contentPart(_ hash: [UInt8], part: Int) async throws(StoreError) -> [UInt8]? {
        let hash = Data(hash)
        return try await self.read { db in
            let bytes = try db.first(
                """
                SELECT bytes FROM content_parts
                WHERE content = (SELECT row FROM contents WHERE hash = ? AND byte_count IS NOT NULL) AND part = ?
                """, [hash, part])
            return bytes.map { [UInt8]($0[0] as Data) }
        }
    }

    /// Counts one document less that has the content; the last one's is removed by the next sweep.
    static func release(content: Int64, _ db: Database) throws {
        try db.run(
            "UPDATE contents SET uses = uses - 1, touched = iif(uses = 1, 0, touched) WHERE row = ?", [content])
    }

    /// Removes unused contents.
    ///
    /// - Returns: whether there may be more.
    static func sweepContents(now: Timestamp, _ db: Database) throws -> Bool {
        let end = now.milliseconds - StoreLimits.unusedContentLife.milliseconds
        let row = try db.integer(
            "SELECT row FROM contents WHERE uses = 0 AND touched < ? ORDER BY touched LIMIT 1", [end])
        guard let row else { return false }
        // From here on it is no longer whole for anyone who asks.
        try db.run("UPDATE contents SET byte_count = NULL, touched = 0 WHERE row = ?", [row])
        try db.run(
            """
            DELETE FROM content_parts WHERE rowid IN (
                SELECT rowid FROM content_parts WHERE content = ? ORDER BY part DESC LIMIT ?)
            """, [row, StoreLimits.sweptPartsPerCommit])
        if db.changesCount < StoreLimits.sweptPartsPerCommit {
            try db.run("DELETE FROM contents WHERE row = ?", [row])
        }
        return true
    }
}
