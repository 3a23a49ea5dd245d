//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation
import GRDB
import ParleyCore

/// SQL first: statements are written out beside their Swift and compiled once per connection.
extension Database {
    func run(_ sql: String, _ arguments: StatementArguments = []) throws {
        try self.cachedStatement(sql: sql).execute(arguments: arguments)
    }

    func first(_ sql: String, _ arguments: StatementArguments = []) throws -> Row? {
        try Row.fetchOne(self.cachedStatement(sql: sql), arguments: arguments)
    }

    /// Reads the first row where it lies, which saves its copy. For hot paths.
    func first<Value>(
        _ sql: String, _ arguments: StatementArguments, _ decode: (Row) throws -> Value
    ) throws -> Value? {
        let cursor = try self.cursor(sql, arguments)
        // The row lies in the statement, which is reset when the cursor goes.
        return try withExtendedLifetime(cursor) { try cursor.next().map(decode) }
    }

    func rows(_ sql: String, _ arguments: StatementArguments = []) throws -> [Row] {
        try Row.fetchAll(self.cachedStatement(sql: sql), arguments: arguments)
    }

    func cursor(_ sql: String, _ arguments: StatementArguments = []) throws -> RowCursor {
        try Row.fetchCursor(self.cachedStatement(sql: sql), arguments: arguments)
    }

    func integer(_ sql: String, _ arguments: StatementArguments = []) throws -> Int64? {
        try Int64.fetchOne(self.cachedStatement(sql: sql), arguments: arguments)
    }
}

extension String {
    /// The text without NUL, at which SQLite's text ends: each becomes U+FFFD, so that positions in the text stay.
    var storable: String {
        self.utf8.contains(0) ? self.replacing("\0", with: "\u{FFFD}") : self
    }
}

extension ID {
    /// The 16 bytes of the UUID.
    var blob: UUID { self.uuid }

    init(_ row: Row, _ column: Int) {
        self.init(row[column] as UUID)
    }
}

extension Timestamp {
    init(_ row: Row, _ column: Int) {
        self.init(milliseconds: row[column])
    }
}
