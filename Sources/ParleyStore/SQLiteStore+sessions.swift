//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation
import GRDB
public import ParleyCore

extension SQLiteStore: SessionStore {
    private static let sessionColumns = "id_hash, user, created, last_seen, expires"
    /// The end of a session as an expression, after `Session.endsAt`.
    private static let sessionEnd = "min(expires, last_seen + \(CoreLimits.sessionIdleLife.milliseconds))"

    private static func session(_ row: Row) -> Session {
        Session(
            idHash: Array(row[0] as Data), userID: UserID(row, 1), createdAt: Timestamp(row, 2),
            lastSeenAt: Timestamp(row, 3), expiresAt: Timestamp(row, 4))
    }

    public func create(_ session: Session) async throws(StoreError) {
        try await self.write { db in
            try Self.requireUser(session.userID, db)
            do {
                try db.run(
                    "INSERT INTO sessions (\(Self.sessionColumns)) VALUES (?, ?, ?, ?, ?)",
                    [
                        Data(session.idHash), session.userID.blob, session.createdAt.milliseconds,
                        session.lastSeenAt.milliseconds, session.expiresAt.milliseconds,
                    ])
            } catch let error as DatabaseError where error.resultCode == .SQLITE_CONSTRAINT {
                throw StoreError.taken("The session")
            }
            let count = try db.integer("SELECT count(*) FROM sessions WHERE user = ?", [session.userID.blob]) ?? 0
            guard count > CoreLimits.sessionsPerUser else { return }
            try db.run(
                """
                DELETE FROM sessions WHERE id_hash IN (
                    SELECT id_hash FROM sessions WHERE user = ? AND id_hash <> ? ORDER BY \(Self.sessionEnd) LIMIT ?)
                """,
                [session.userID.blob, Data(session.idHash), count - Int64(CoreLimits.sessionsPerUser)])
        }
    }

    public func session(idHash: [UInt8], now: Timestamp) async throws(StoreError) -> Session? {
        try await self.read { db in
            try db.first(
                "SELECT \(Self.sessionColumns) FROM sessions WHERE id_hash = ? AND \(Self.sessionEnd) > ?",
                [Data(idHash), now.milliseconds]
            ).map(Self.session)
        }
    }

    public func touch(sessionIDHash: [UInt8], at time: Timestamp) async throws(StoreError) {
        try await self.write { db in
            try db.run(
                "UPDATE sessions SET last_seen = max(last_seen, ?) WHERE id_hash = ?",
                [time.milliseconds, Data(sessionIDHash)])
        }
    }

    public func sessions(of user: UserID, now: Timestamp) async throws(StoreError) -> [Session] {
        try await self.read { db in
            try db.rows(
                """
                SELECT \(Self.sessionColumns) FROM sessions WHERE user = ? AND \(Self.sessionEnd) > ?
                ORDER BY last_seen DESC, id_hash
                """, [user.blob, now.milliseconds]
            ).map(Self.session)
        }
    }

    public func deleteSession(idHash: [UInt8]) async throws(StoreError) {
        try await self.write { db in
            try db.run("DELETE FROM sessions WHERE id_hash = ?", [Data(idHash)])
        }
    }

    public func deleteSessions(of user: UserID, except kept: [UInt8]?) async throws(StoreError) -> [[UInt8]] {
        try await self.write { db in
            let others = try db.rows(
                "DELETE FROM sessions WHERE user = ? AND id_hash IS NOT ? RETURNING id_hash",
                [user.blob, kept.map { Data($0) }])
            return others.map { Array($0[0] as Data) }
        }
    }

    public func purgeSessions(now: Timestamp) async throws(StoreError) {
        try await self.write { db in
            try db.run(
                "DELETE FROM sessions WHERE expires <= ? OR last_seen <= ?",
                [now.milliseconds, now.advanced(by: .zero - CoreLimits.sessionIdleLife).milliseconds])
        }
    }
}
