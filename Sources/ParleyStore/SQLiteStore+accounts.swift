//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation
import GRDB
public import ParleyCore

extension SQLiteStore: AccountStore {
    private static let userColumns = "u.id, u.name, u.email, u.role, u.created"

    private static func user(_ row: Row) throws -> User {
        guard let role = User.Role(rawValue: row[3]) else {
            throw StoreError(.unusable, "The database holds a role that this release does not know.")
        }
        return User(id: UserID(row, 0), name: row[1], email: row[2], role: role, createdAt: Timestamp(row, 4))
    }

    public func userCount() async throws(StoreError) -> Int {
        try await self.read { db in
            Int(try db.integer("SELECT count(*) FROM users WHERE password_hash IS NOT NULL") ?? 0)
        }
    }

    public func create(_ user: User, passwordHash: String?, onlyIfFirst: Bool) async throws(StoreError) {
        try await self.write { db in
            if onlyIfFirst, try db.integer("SELECT 1 FROM users WHERE password_hash IS NOT NULL LIMIT 1") != nil {
                throw StoreError(.conflict, "There is an account already.")
            }
            do {
                try db.run(
                    "INSERT INTO users (id, name, email, role, password_hash, created) VALUES (?, ?, ?, ?, ?, ?)",
                    [
                        user.id.blob, user.name.storable, user.email?.lowercased().storable, user.role.rawValue,
                        passwordHash, user.createdAt.milliseconds,
                    ])
            } catch let error as DatabaseError where error.resultCode == .SQLITE_CONSTRAINT {
                throw StoreError.taken("The e-mail or id")
            }
        }
    }

    public func user(_ id: UserID) async throws(StoreError) -> User {
        try await self.read { db in
            guard let row = try db.first("SELECT \(Self.userColumns) FROM users AS u WHERE id = ?", [id.blob]) else {
                throw StoreError(.notFound, "There is no such user.")
            }
            return try Self.user(row)
        }
    }

    public func credentials(
        email: String
    ) async throws(StoreError) -> (user: User, passwordHash: String)? {
        try await self.read { db in
            let row = try db.first(
                """
                SELECT \(Self.userColumns), u.password_hash FROM users AS u
                WHERE u.email = ? AND u.password_hash IS NOT NULL
                """, [email.lowercased().storable])
            return try row.map { (try Self.user($0), $0[5]) }
        }
    }

    static func requireUser(_ id: UserID, _ db: Database) throws {
        guard try db.integer("SELECT 1 FROM users WHERE id = ?", [id.blob]) != nil else {
            throw StoreError(.notFound, "There is no such user.")
        }
    }

    // MARK: API keys

    public func create(_ key: APIKey) async throws(StoreError) {
        try await self.write { db in
            try Self.requireUser(key.userID, db)
            let count = try db.integer("SELECT count(*) FROM api_keys WHERE user = ?", [key.userID.blob]) ?? 0
            guard count < StoreLimits.keysPerUser else {
                throw StoreError(.conflict, "There are \(StoreLimits.keysPerUser) keys already; delete one first.")
            }
            do {
                try db.run(
                    "INSERT INTO api_keys (id, user, name, secret_hash, created) VALUES (?, ?, ?, ?, ?)",
                    [
                        key.id.blob, key.userID.blob, key.name.storable, Data(key.secretHash),
                        key.createdAt.milliseconds,
                    ])
            } catch let error as DatabaseError where error.resultCode == .SQLITE_CONSTRAINT {
                throw StoreError.taken("The key")
            }
        }
    }

    public func keys(of user: UserID) async throws(StoreError) -> [APIKey] {
        try await self.read { db in
            try db.rows(
                "SELECT id, user, name, secret_hash, created FROM api_keys WHERE user = ? ORDER BY created, id",
                [user.blob]
            ).map { Self.key($0, from: 0) }
        }
    }

    private static func key(_ row: Row, from column: Int) -> APIKey {
        APIKey(
            id: KeyID(row, column), userID: UserID(row, column + 1), name: row[column + 2],
            secretHash: Array(row[column + 3] as Data), createdAt: Timestamp(row, column + 4))
    }

    public func key(secretHash: [UInt8]) async throws(StoreError) -> (key: APIKey, user: User)? {
        try await self.read { db in
            let row = try db.first(
                """
                SELECT \(Self.userColumns), k.id, k.user, k.name, k.secret_hash, k.created
                FROM api_keys AS k JOIN users AS u ON u.id = k.user WHERE k.secret_hash = ?
                """, [Data(secretHash)])
            return try row.map { (Self.key($0, from: 5), try Self.user($0)) }
        }
    }

    public func deleteKey(_ id: KeyID, user: UserID) async throws(StoreError) {
        try await self.write { db in
            try db.run("DELETE FROM api_keys WHERE id = ? AND user = ?", [id.blob, user.blob])
            guard db.changesCount == 1 else { throw StoreError(.notFound, "There is no such key.") }
        }
    }
}
