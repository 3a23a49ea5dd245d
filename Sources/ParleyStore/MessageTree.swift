//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import GRDB
import ParleyCore

/// The shape of a conversation's tree in the table `messages`.
///
/// A message's first child continues its *run*; every further child, an edit or a regeneration, begins a run of its
/// own, whose number is its position. So a conversation without edits is one run, and `(run, depth)` names a message
/// in it. `fork_of` is, on the first message of a run, the run that its parent belongs to.
///
/// The leaf that a reader expects below a message is the latest child of the latest child, and so on. It is found
/// from fork to fork: the first fork at or below a message is one look-up in the index `messages_forks`, and so is
/// the end of a run. The cost is that of the forks on the way, whatever the number of messages.
///
/// All of this never changes once a message is there: later messages only add rows.
enum MessageTree {
    /// A message in its run.
    struct Place: Equatable {
        var position: Int64
        var run: Int64
        var depth: Int64
    }

    /// Where a new message goes.
    struct Slot {
        var position: Int64
        var parent: Int64?
        var run: Int64
        var depth: Int64
        var forkOf: Int64?

        /// The message once it is there.
        var place: Place { Place(position: self.position, run: self.run, depth: self.depth) }
    }

    /// The place for a new message, the latest of all.
    static func slot(in conversation: Int64, below parent: Place?, _ db: Database) throws -> Slot {
        let position = try Self.lastPosition(db) + 1
        guard let parent else {
            return Slot(position: position, parent: nil, run: position, depth: 0, forkOf: nil)
        }
        let hasChild = try db.integer(
            "SELECT 1 FROM messages WHERE conversation = ? AND parent = ? LIMIT 1", [conversation, parent.position])
        return Slot(
            position: position, parent: parent.position, run: hasChild == nil ? parent.run : position,
            depth: parent.depth + 1, forkOf: hasChild == nil ? nil : parent.run)
    }

    /// The last position that was ever given: an index of vectors knows messages by it.
    private static func lastPosition(_ db: Database) throws -> Int64 {
        try db.integer(
            """
            SELECT max(
                coalesce((SELECT max(position) FROM messages), 0),
                coalesce((SELECT value FROM store WHERE key = 'last_position'), 0))
            """) ?? 0
    }

    /// Sees to it that no position is given again after the last messages are removed.
    static func rememberLastPosition(_ db: Database) throws {
        try db.run(
            "INSERT OR REPLACE INTO store (key, value) VALUES ('last_position', ?)", [try Self.lastPosition(db)])
    }

    static func place(of id: MessageID, in conversation: Int64, _ db: Database) throws -> Place? {
        try db.first(
            "SELECT position, run, depth FROM messages WHERE id = ? AND conversation = ?", [id.blob, conversation]
        ).map(Place.init)
    }

    /// The latest leaf below a message, or the message itself.
    static func latestLeaf(below place: Place, _ db: Database) throws -> Place {
        var place = place
        while let fork = try db.first(
            """
            SELECT position, run, depth FROM messages WHERE fork_of = ? AND depth > ?
            ORDER BY depth, position DESC LIMIT 1
            """, [place.run, place.depth])
        {
            place = Place(fork)
        }
        return try db.first(
            "SELECT position, run, depth FROM messages WHERE run = ? ORDER BY depth DESC LIMIT 1", [place.run]
        ).map(Place.init) ?? place
    }

    /// The latest message of a conversation: a leaf, since children come after their parents.
    static func latest(in conversation: Int64, _ db: Database) throws -> Int64? {
        try db.integer("SELECT max(position) FROM messages WHERE conversation = ?", [conversation])
    }

    /// A message and what is above it, nearest first, as rows of ``MessageRow``.
    static func upwards(from position: Int64, limit: Int, _ db: Database) throws -> RowCursor {
        try db.cursor(
            """
            WITH RECURSIVE up(position, parent, n) AS (
                SELECT position, parent, 1 FROM messages WHERE position = ?1
                UNION ALL
                SELECT messages.position, messages.parent, n + 1 FROM up
                JOIN messages ON messages.position = up.parent
                WHERE n < ?2)
            SELECT \(MessageRow.columns) FROM up JOIN messages AS m ON m.position = up.position ORDER BY n
            """, [position, limit])
    }

    /// The messages that share a parent, oldest first: this one and at most `StoreLimits.siblingsPerSide` on each
    /// side of it.
    static func siblings(of row: MessageRow, _ db: Database) throws -> [MessageID] {
        let most = StoreLimits.siblingsPerSide * 2 + 1
        let all = try db.rows(
            "SELECT id FROM messages WHERE conversation = ? AND parent IS ? ORDER BY position LIMIT ?",
            [row.conversation, row.parent, most + 1])
        guard all.count > most else { return all.map { MessageID($0, 0) } }
        let earlier = try db.rows(
            """
            SELECT id FROM messages WHERE conversation = ? AND parent IS ? AND position <= ?
            ORDER BY position DESC LIMIT ?
            """, [row.conversation, row.parent, row.position, StoreLimits.siblingsPerSide + 1])
        let later = try db.rows(
            """
            SELECT id FROM messages WHERE conversation = ? AND parent IS ? AND position > ?
            ORDER BY position LIMIT ?
            """, [row.conversation, row.parent, row.position, StoreLimits.siblingsPerSide])
        return earlier.reversed().map { MessageID($0, 0) } + later.map { MessageID($0, 0) }
    }
}

extension MessageTree.Place {
    init(_ row: Row) {
        self.init(position: row[0], run: row[1], depth: row[2])
    }
}
