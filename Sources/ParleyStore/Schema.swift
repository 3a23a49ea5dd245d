//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import GRDB
import ParleyCore

/// The schema, one migration after another. A migration that was released is never changed.
///
/// Ids are 16-byte blobs; times are milliseconds since 1970; references between tables are the small integer keys, so
/// that indexes stay small. `STRICT` keeps types honest.
enum Schema {
    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1") { db in
            try db.execute(sql: Self.accounts)
            try db.execute(sql: Self.conversations)
            try db.execute(sql: Self.messages)
            try db.execute(sql: Self.turns)
            try db.execute(sql: Self.search)
        }
        migrator.registerMigration("2") { db in
            try db.execute(sql: Self.collections)
            try db.execute(sql: Self.documents)
            try db.execute(sql: Self.passages)
            try db.execute(sql: Self.jobs)
            try db.execute(sql: Self.memories)
        }
        migrator.registerMigration("3") { db in
            try db.execute(sql: "ALTER TABLE turns ADD COLUMN collections TEXT")
        }
        return migrator
    }

    private static let accounts = """
        CREATE TABLE store (
            key TEXT PRIMARY KEY,
            value ANY
        ) STRICT;

        CREATE TABLE users (
            id BLOB PRIMARY KEY,
            name TEXT NOT NULL,
            email TEXT UNIQUE,
            role TEXT NOT NULL,
            password_hash TEXT,
            created INTEGER NOT NULL
        ) STRICT;

        CREATE TABLE sessions (
            id_hash BLOB PRIMARY KEY,
            user BLOB NOT NULL REFERENCES users(id) ON DELETE CASCADE,
            created INTEGER NOT NULL,
            last_seen INTEGER NOT NULL,
            expires INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX sessions_by_user ON sessions(user);
        CREATE INDEX sessions_by_end ON sessions(expires);
        CREATE INDEX sessions_by_use ON sessions(last_seen);

        CREATE TABLE api_keys (
            id BLOB PRIMARY KEY,
            user BLOB NOT NULL REFERENCES users(id) ON DELETE CASCADE,
            name TEXT NOT NULL,
            secret_hash BLOB NOT NULL UNIQUE,
            created INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX api_keys_by_user ON api_keys(user, created);

        CREATE TABLE presets (
            id BLOB PRIMARY KEY,
            user BLOB NOT NULL,
            name TEXT NOT NULL,
            system_prompt TEXT NOT NULL,
            created INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX presets_by_user ON presets(user, created);
        """

    /// `owners` gives each user's UUID a small number. It is not `users`: a conversation may be stored before, or
    /// without, an account.
    private static let conversations = """
        CREATE TABLE owners (
            row INTEGER PRIMARY KEY,
            id BLOB NOT NULL UNIQUE
        ) STRICT;

        CREATE TABLE conversations (
            row INTEGER PRIMARY KEY,
            id BLOB NOT NULL UNIQUE,
            owner INTEGER NOT NULL REFERENCES owners(row),
            title TEXT NOT NULL,
            title_is_automatic INTEGER NOT NULL,
            system_prompt TEXT,
            model TEXT,
            pinned INTEGER NOT NULL,
            archived INTEGER NOT NULL,
            temporary INTEGER NOT NULL,
            created INTEGER NOT NULL,
            updated INTEGER NOT NULL,
            deleted INTEGER
        ) STRICT;
        CREATE INDEX conversations_listed ON conversations(owner, archived, pinned, updated, row)
            WHERE deleted IS NULL AND temporary = 0;
        CREATE INDEX conversations_deleted ON conversations(deleted) WHERE deleted IS NOT NULL;
        CREATE INDEX conversations_temporary ON conversations(updated) WHERE temporary = 1;
        """

    /// `position` is the order of making. `depth`, `run` and `fork_of` are explained in MessageTree.swift. `parent`
    /// is the parent's position; it has no foreign key, because trees are only ever removed whole.
    private static let messages = """
        CREATE TABLE messages (
            position INTEGER PRIMARY KEY,
            id BLOB NOT NULL UNIQUE,
            conversation INTEGER NOT NULL REFERENCES conversations(row),
            owner INTEGER NOT NULL,
            parent INTEGER,
            depth INTEGER NOT NULL,
            run INTEGER NOT NULL,
            fork_of INTEGER,
            role TEXT NOT NULL,
            state TEXT NOT NULL,
            model TEXT,
            created INTEGER NOT NULL,
            turn BLOB,
            searchable INTEGER NOT NULL,
            sources TEXT,
            content TEXT NOT NULL
        ) STRICT;
        CREATE INDEX messages_in_order ON messages(conversation, position);
        CREATE INDEX messages_by_parent ON messages(conversation, parent, position);
        CREATE INDEX messages_by_run ON messages(run, depth);
        CREATE INDEX messages_forks ON messages(fork_of, depth, position) WHERE fork_of IS NOT NULL;
        """

    private static let turns = """
        CREATE TABLE turns (
            row INTEGER PRIMARY KEY,
            id BLOB NOT NULL UNIQUE,
            conversation INTEGER NOT NULL REFERENCES conversations(row),
            owner INTEGER NOT NULL,
            user_message INTEGER NOT NULL,
            assistant_message INTEGER NOT NULL,
            state TEXT NOT NULL,
            epoch INTEGER NOT NULL,
            attempts INTEGER NOT NULL,
            model TEXT,
            sequence INTEGER NOT NULL,
            stop_requested INTEGER NOT NULL,
            finish_reason TEXT,
            prompt_tokens INTEGER,
            completion_tokens INTEGER,
            failure_code TEXT,
            failure_message TEXT,
            failure_retryable INTEGER,
            created INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX turns_by_conversation ON turns(conversation);
        CREATE INDEX turns_by_user_message ON turns(user_message);
        CREATE INDEX turns_unfinished ON turns(row) WHERE state IN ('queued', 'running');
        """

    /// Full-text indexes over final messages and titles (https://www.sqlite.org/fts5.html, external content). The
    /// owner's number is an indexed word of its own column: a search meets the owner's texts only, and its cost does
    /// not grow with what others wrote. Ranking leaves that column out.
    private static let search = """
        CREATE VIRTUAL TABLE message_index USING fts5(
            owner, content, content='messages', content_rowid='position', tokenize='parley_words');
        INSERT INTO message_index(message_index, rank) VALUES ('rank', 'bm25(0.0, 1.0)');
        CREATE TRIGGER messages_indexed AFTER INSERT ON messages WHEN new.searchable = 1 BEGIN
            INSERT INTO message_index(rowid, owner, content) VALUES (new.position, new.owner, new.content);
        END;
        CREATE TRIGGER messages_unindexed AFTER DELETE ON messages WHEN old.searchable = 1 BEGIN
            INSERT INTO message_index(message_index, rowid, owner, content)
                VALUES ('delete', old.position, old.owner, old.content);
        END;
        CREATE TRIGGER messages_reindexed AFTER UPDATE OF content, searchable ON messages
            WHEN old.searchable = 1 OR new.searchable = 1 BEGIN
            INSERT INTO message_index(message_index, rowid, owner, content)
                SELECT 'delete', old.position, old.owner, old.content WHERE old.searchable = 1;
            INSERT INTO message_index(rowid, owner, content)
                SELECT new.position, new.owner, new.content WHERE new.searchable = 1;
        END;

        CREATE VIRTUAL TABLE title_index USING fts5(
            owner, title, content='conversations', content_rowid='row', tokenize='parley_words');
        INSERT INTO title_index(title_index, rank) VALUES ('rank', 'bm25(0.0, 1.0)');
        CREATE TRIGGER titles_indexed AFTER INSERT ON conversations WHEN new.temporary = 0 BEGIN
            INSERT INTO title_index(rowid, owner, title) VALUES (new.row, new.owner, new.title);
        END;
        CREATE TRIGGER titles_unindexed AFTER DELETE ON conversations WHEN old.temporary = 0 BEGIN
            INSERT INTO title_index(title_index, rowid, owner, title)
                VALUES ('delete', old.row, old.owner, old.title);
        END;
        CREATE TRIGGER titles_reindexed AFTER UPDATE OF title ON conversations WHEN new.temporary = 0 BEGIN
            INSERT INTO title_index(title_index, rowid, owner, title)
                VALUES ('delete', old.row, old.owner, old.title);
            INSERT INTO title_index(rowid, owner, title) VALUES (new.row, new.owner, new.title);
        END;
        """
}
