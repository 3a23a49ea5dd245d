//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// Migration "2": collections, documents and their passages, background jobs, memories.
extension Schema {
    /// Numbers that indexes outside the database refer to (`AUTOINCREMENT`) are never given again.
    ///
    /// A deleted collection is a mark until its documents are swept, so that deleting it costs the same whatever is in
    /// it. Readers are numbers of `owners`.
    static let collections = """
        CREATE TABLE collections (
            row INTEGER PRIMARY KEY AUTOINCREMENT,
            id BLOB NOT NULL UNIQUE,
            owner INTEGER NOT NULL REFERENCES owners(row),
            name TEXT NOT NULL,
            folded TEXT NOT NULL,
            readers TEXT NOT NULL,
            document_count INTEGER NOT NULL DEFAULT 0,
            passage_count INTEGER NOT NULL DEFAULT 0,
            created INTEGER NOT NULL,
            deleted INTEGER NOT NULL DEFAULT 0
        ) STRICT;
        CREATE UNIQUE INDEX collections_by_name ON collections(owner, folded) WHERE deleted = 0;
        CREATE INDEX collections_for_everyone ON collections(folded) WHERE readers = 'everyone' AND deleted = 0;
        CREATE INDEX collections_deleted ON collections(row) WHERE deleted = 1;

        CREATE TABLE collection_readers (
            user INTEGER NOT NULL,
            collection INTEGER NOT NULL REFERENCES collections(row) ON DELETE CASCADE,
            PRIMARY KEY (user, collection)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX collection_readers_in_order ON collection_readers(collection);
        """

    /// Contents are shared by the documents that have them; `uses` counts those. A document of several contents in
    /// turn has *editions*, one for each version that was staged.
    ///
    /// `live_version` alone decides which passages can be found. An edition's first `indexed` passages are in
    /// `passage_index`, under `title`, which deleting from the index needs to be told again. A dead edition's rows are
    /// swept.
    static let documents = """
        CREATE TABLE contents (
            row INTEGER PRIMARY KEY AUTOINCREMENT,
            hash BLOB NOT NULL UNIQUE,
            byte_count INTEGER,
            uses INTEGER NOT NULL DEFAULT 0,
            touched INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX contents_unused ON contents(touched) WHERE uses = 0;

        CREATE TABLE content_parts (
            content INTEGER NOT NULL,
            part INTEGER NOT NULL,
            bytes BLOB NOT NULL,
            UNIQUE (content, part)
        ) STRICT;

        CREATE TABLE documents (
            row INTEGER PRIMARY KEY AUTOINCREMENT,
            id BLOB NOT NULL UNIQUE,
            collection INTEGER NOT NULL REFERENCES collections(row),
            name TEXT NOT NULL,
            title TEXT NOT NULL,
            media_type TEXT,
            content INTEGER NOT NULL REFERENCES contents(row),
            version INTEGER NOT NULL,
            live_version INTEGER,
            state TEXT NOT NULL,
            progress REAL NOT NULL,
            failure TEXT,
            passage_count INTEGER NOT NULL,
            created INTEGER NOT NULL,
            updated INTEGER NOT NULL,
            UNIQUE (collection, name)
        ) STRICT;
        CREATE INDEX documents_in_order ON documents(collection);
        CREATE INDEX documents_by_content ON documents(content, collection);
        CREATE INDEX documents_unready ON documents(collection) WHERE state <> 'ready';

        CREATE TABLE editions (
            document INTEGER NOT NULL,
            version INTEGER NOT NULL,
            collection INTEGER NOT NULL,
            title TEXT,
            indexed INTEGER NOT NULL DEFAULT 0,
            dead INTEGER NOT NULL DEFAULT 0,
            PRIMARY KEY (document, version)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX editions_dead ON editions(document, version) WHERE dead = 1;
        """

    /// The texts lie apart from what is looked at to know whether a passage is live.
    ///
    /// In the full-text index each word carries its collection's number (`7:walrus`, see `StemTokenizer`): a search of
    /// a collection meets its passages and no others, and so does counting how rare a word is. The index keeps no text
    /// (https://www.sqlite.org/fts5.html#contentless_tables).
    static let passages = """
        CREATE TABLE passages (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            document INTEGER NOT NULL,
            version INTEGER NOT NULL,
            ordinal INTEGER NOT NULL,
            UNIQUE (document, version, ordinal)
        ) STRICT;
        CREATE INDEX passages_by_number ON passages(document, version);

        CREATE TABLE passage_texts (
            number INTEGER PRIMARY KEY,
            headings TEXT,
            page INTEGER,
            start INTEGER NOT NULL,
            end INTEGER NOT NULL,
            text TEXT NOT NULL
        ) STRICT;

        CREATE VIRTUAL TABLE passage_index USING fts5(
            title, text, content='', tokenize='parley_stems');

        CREATE TABLE models (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            name TEXT NOT NULL,
            dimension INTEGER NOT NULL,
            messages_through INTEGER NOT NULL DEFAULT 0,
            UNIQUE (name, dimension)
        ) STRICT;

        CREATE TABLE passage_vectors (
            passage INTEGER NOT NULL,
            model INTEGER NOT NULL,
            vector BLOB NOT NULL,
            UNIQUE (passage, model)
        ) STRICT;

        CREATE TABLE knowledge_changes (
            sequence INTEGER PRIMARY KEY AUTOINCREMENT,
            document INTEGER NOT NULL,
            version INTEGER NOT NULL,
            kind TEXT NOT NULL
        ) STRICT;
        """

    static let jobs = """
        CREATE TABLE jobs (
            row INTEGER PRIMARY KEY AUTOINCREMENT,
            id BLOB NOT NULL UNIQUE,
            kind TEXT NOT NULL,
            payload TEXT NOT NULL,
            dedupe_key TEXT,
            state TEXT NOT NULL,
            run_at INTEGER NOT NULL,
            deliveries INTEGER NOT NULL,
            failures INTEGER NOT NULL,
            last_error TEXT,
            progress REAL NOT NULL,
            token INTEGER NOT NULL DEFAULT 0,
            worker TEXT,
            lease_end INTEGER,
            created INTEGER NOT NULL,
            updated INTEGER NOT NULL
        ) STRICT;
        CREATE UNIQUE INDEX jobs_unfinished ON jobs(dedupe_key)
            WHERE dedupe_key IS NOT NULL AND state IN ('waiting', 'running');
        CREATE INDEX jobs_dead ON jobs(dedupe_key) WHERE dedupe_key IS NOT NULL AND state = 'dead';
        CREATE INDEX jobs_due ON jobs(kind, run_at, row) WHERE state = 'waiting';
        CREATE INDEX jobs_leased ON jobs(kind, lease_end) WHERE state = 'running';
        CREATE INDEX jobs_completed ON jobs(updated) WHERE state = 'completed';
        CREATE INDEX jobs_by_state ON jobs(state);
        """

    /// A memory names its conversation by id, since it outlives it. A summary carries the place of its message in the
    /// tree (see MessageTree.swift), by which it is found.
    static let memories = """
        CREATE TABLE memories (
            row INTEGER PRIMARY KEY,
            id BLOB NOT NULL UNIQUE,
            owner INTEGER NOT NULL REFERENCES owners(row),
            text TEXT NOT NULL,
            origin TEXT NOT NULL,
            conversation BLOB,
            created INTEGER NOT NULL,
            updated INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX memories_by_owner ON memories(owner, created, row);

        CREATE TABLE memory_settings (
            owner INTEGER PRIMARY KEY REFERENCES owners(row),
            uses INTEGER NOT NULL,
            learns INTEGER NOT NULL,
            recalls INTEGER NOT NULL
        ) STRICT;

        CREATE TABLE summaries (
            message INTEGER PRIMARY KEY REFERENCES messages(position) ON DELETE CASCADE,
            run INTEGER NOT NULL,
            depth INTEGER NOT NULL,
            text TEXT NOT NULL,
            created INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX summaries_by_place ON summaries(run, depth);

        CREATE TABLE message_vectors (
            message INTEGER NOT NULL REFERENCES messages(position) ON DELETE CASCADE,
            model INTEGER NOT NULL,
            vector BLOB NOT NULL,
            UNIQUE (message, model)
        ) STRICT;
        """
}
