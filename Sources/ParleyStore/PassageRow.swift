//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation
import GRDB
import ParleyCore

/// The passages of one version of a document, as far as they are stored.
struct EditionRow {
    var document: Int64
    var version: Int
    var collection: Int64
    /// The document's title under which passages are in the full-text index.
    var title: String?
    /// How many passages are there, from ordinal 0.
    var indexed: Int

    init(_ row: Row) {
        self.document = row[0]
        self.version = row[1]
        self.collection = row[2]
        self.title = row[3]
        self.indexed = row[4]
    }

    static let columns = "document, version, collection, title, indexed"

    /// The edition of a document's present version.
    static func made(for found: DocumentRow, _ db: Database) throws -> EditionRow {
        let key: StatementArguments = [found.row, found.document.version]
        let select = "SELECT \(Self.columns) FROM editions WHERE document = ? AND version = ? AND dead = 0"
        if let row = try db.first(select, key) { return EditionRow(row) }
        try db.run(
            "INSERT INTO editions (document, version, collection) VALUES (?, ?, ?)",
            [found.row, found.document.version, found.collection])
        guard let row = try db.first(select, key) else {
            throw StoreError(.internal, "The edition could not be stored.")
        }
        return EditionRow(row)
    }

    /// Takes one step towards the edition's having exactly `count` passages, all in the full-text index under a title.
    ///
    /// - Returns: whether another step is needed.
    func index(under title: String, count: Int, _ db: Database) throws -> Bool {
        if try self.removeSurplus(from: count, db) { return true }
        if self.indexed > 0, self.title != title {
            try self.unindex(db)
            return true
        }
        guard self.indexed < count else { return false }
        let rows = try db.rows(
            Self.unindexed,
            [
                self.document, self.version, self.indexed,
                min(StoreLimits.indexedPassagesPerCommit, count - self.indexed),
            ]
        ).map(PassageRow.init)
        for (place, row) in rows.enumerated() where row.ordinal != self.indexed + place {
            throw Self.incomplete(row.ordinal)
        }
        guard !rows.isEmpty else { throw Self.incomplete(self.indexed) }
        for row in rows {
            try row.index(title: title, collection: self.collection, db)
        }
        try self.set(indexed: self.indexed + rows.count, title: title, db)
        return self.indexed + rows.count < count
    }

    static let unindexed = """
        SELECT \(PassageRow.columns) FROM passages AS p CROSS JOIN passage_texts AS t ON t.number = p.number
        WHERE p.document = ? AND p.version = ? AND p.ordinal >= ? ORDER BY p.ordinal LIMIT ?
        """

    static let surplus = """
        SELECT \(PassageRow.columns) FROM passages AS p CROSS JOIN passage_texts AS t ON t.number = p.number
        WHERE p.document = ? AND p.version = ? AND p.ordinal >= ? ORDER BY p.ordinal DESC LIMIT ?
        """

    static let firstDead = "SELECT \(Self.columns) FROM editions WHERE dead = 1 LIMIT 1"

    private static func incomplete(_ ordinal: Int) -> StoreError {
        StoreError(.invalid, "Passages are missing before number \(ordinal).")
    }

    /// Removes passages that an earlier attempt staged and this one does not have.
    private func removeSurplus(from count: Int, _ db: Database) throws -> Bool {
        let rows = try db.rows(
            Self.surplus, [self.document, self.version, count, StoreLimits.sweptPassagesPerCommit]
        ).map(PassageRow.init)
        try self.remove(rows, db)
        return !rows.isEmpty
    }

    /// Takes the last passages out of the full-text index.
    private func unindex(_ db: Database) throws {
        let first = max(self.indexed - StoreLimits.indexedPassagesPerCommit, 0)
        let rows = try db.rows(
            """
            SELECT \(PassageRow.columns) FROM passages AS p JOIN passage_texts AS t ON t.number = p.number
            WHERE p.document = ? AND p.version = ? AND p.ordinal >= ? AND p.ordinal < ?
            """, [self.document, self.version, first, self.indexed]
        ).map(PassageRow.init)
        for row in rows {
            try row.unindex(title: self.title ?? "", collection: self.collection, db)
        }
        try self.set(indexed: first, title: self.title, db)
    }

    private func set(indexed: Int, title: String?, _ db: Database) throws {
        try db.run(
            "UPDATE editions SET indexed = ?, title = ? WHERE document = ? AND version = ?",
            [indexed, title, self.document, self.version])
    }

    /// Removes passages with all that hangs on them.
    private func remove(_ rows: [PassageRow], _ db: Database) throws {
        for row in rows {
            if row.ordinal < self.indexed {
                try row.unindex(title: self.title ?? "", collection: self.collection, db)
            }
            try db.run("DELETE FROM passage_vectors WHERE passage = ?", [row.number])
            try db.run("DELETE FROM passage_texts WHERE number = ?", [row.number])
            try db.run("DELETE FROM passages WHERE number = ?", [row.number])
        }
        if let lowest = rows.map(\.ordinal).min(), lowest < self.indexed {
            try self.set(indexed: lowest, title: self.title, db)
        }
    }

    /// Removes passages of a dead edition from its end on, and the edition with the last of them.
    ///
    /// - Returns: false when there is no dead edition.
    static func sweep(_ db: Database) throws -> Bool {
        guard let edition = try db.first(Self.firstDead).map(EditionRow.init) else { return false }
        guard try !edition.removeSurplus(from: 0, db) else { return true }
        try db.run(
            "DELETE FROM editions WHERE document = ? AND version = ?", [edition.document, edition.version])
        return true
    }
}

/// A passage as the tables have it.
struct PassageRow {
    /// For a `SELECT` in which `passages` is named `p` and `passage_texts` `t`.
    static let columns = "p.number, p.ordinal, t.headings, t.text"

    var number: Int64
    var ordinal: Int
    var headings: [String]
    var text: String

    init(_ row: Row) {
        self.number = row[0]
        self.ordinal = row[1]
        self.headings = Self.headings(row[2])
        self.text = row[3]
    }

    init(number: Int64, _ passage: NewPassage) {
        self.number = number
        self.ordinal = passage.ordinal
        self.headings = passage.headings.map(Self.oneLine)
        self.text = passage.text.storable
    }

    /// Stores a passage in the place of the one with its ordinal, without vectors.
    ///
    /// - Returns: its number.
    static func stage(_ passage: NewPassage, in edition: EditionRow, _ db: Database) throws -> Int64 {
        let key: StatementArguments = [edition.document, edition.version, passage.ordinal]
        var number = try db.integer(
            "SELECT number FROM passages WHERE document = ? AND version = ? AND ordinal = ?", key)
        if let number {
            try Self.unstage(number, in: edition, db)
        } else {
            try db.run("INSERT INTO passages (document, version, ordinal) VALUES (?, ?, ?)", key)
            number = db.lastInsertedRowID
        }
        guard let number else { throw StoreError(.internal, "The passage could not be stored.") }
        let row = PassageRow(number: number, passage)
        try db.run(
            "INSERT OR REPLACE INTO passage_texts (number, headings, page, start, end, text) VALUES (?, ?, ?, ?, ?, ?)",
            [
                number, row.headings.isEmpty ? nil : row.headings.joined(separator: "\n"), passage.page,
                passage.range.lowerBound, passage.range.upperBound, row.text,
            ])
        if row.ordinal < edition.indexed {
            try row.index(title: edition.title ?? "", collection: edition.collection, db)
        }
        return number
    }

    private static func unstage(_ number: Int64, in edition: EditionRow, _ db: Database) throws {
        let row = try db.first(
            """
            SELECT \(Self.columns) FROM passages AS p JOIN passage_texts AS t ON t.number = p.number
            WHERE p.number = ?
            """, [number])
        if let old = row.map(PassageRow.init), old.ordinal < edition.indexed {
            try old.unindex(title: edition.title ?? "", collection: edition.collection, db)
        }
        try db.run("DELETE FROM passage_vectors WHERE passage = ?", [number])
    }

    func index(title: String, collection: Int64, _ db: Database) throws {
        let words = self.words(title: title, collection: collection)
        try db.run(
            "INSERT INTO passage_index (rowid, title, text) VALUES (?, ?, ?)", [self.number, words.title, words.text])
    }

    /// The index wants to be told what it was told when the passage went in.
    func unindex(title: String, collection: Int64, _ db: Database) throws {
        let words = self.words(title: title, collection: collection)
        try db.run(
            "INSERT INTO passage_index (passage_index, rowid, title, text) VALUES ('delete', ?, ?, ?)",
            [self.number, words.title, words.text])
    }

    /// What of the passage is in the index when its document has this title.
    private func words(title: String, collection: Int64) -> (title: String, text: String) {
        (
            StemTokenizer.text(StoredPassage.title(in: title, headings: self.headings), of: collection),
            StemTokenizer.text(self.text, of: collection)
        )
    }

    /// Headings lie one on a line.
    static func headings(_ lines: String?) -> [String] {
        lines.map { $0.split(separator: "\n", omittingEmptySubsequences: false).map(String.init) } ?? []
    }

    private static func oneLine(_ heading: String) -> String {
        guard heading.utf8.contains(where: { $0 == 0x0A || $0 == 0x0D }) else { return heading.storable }
        var line = String.UnicodeScalarView()
        line.append(contentsOf: heading.unicodeScalars.map { $0 == "\n" || $0 == "\r" ? " " : $0 })
        return String(line).storable
    }
}
