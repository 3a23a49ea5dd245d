//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation
import GRDB
import ParleyCore
import Testing

@testable import ParleyStore

@Suite("the knowledge base in the SQLite file", .timeLimit(.minutes(1)))
struct KnowledgeFileTests {
    let owner = UserID.generate()

    @Test("a file of schema 1 keeps what it holds and gains the knowledge base")
    func migration() async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/parley.sqlite"
            let conversation = Samples.conversation(owner: self.owner, title: "Old talk")
            let message = Samples.message(in: conversation, "an old walrus")
            var configuration = Configuration()
            configuration.prepareDatabase { $0.add(tokenizer: WordTokenizer.self) }
            let old = try DatabasePool(path: path, configuration: configuration)
            try Schema.migrator.migrate(old, upTo: "1")
            try await old.write { db in
                let row = try ConversationRow.insert(conversation, db)
                let slot = try MessageTree.slot(in: row.row, below: nil, db)
                try MessageRow.insert(message, at: slot, in: row, db)
                #expect(try Int.fetchOne(db, sql: "SELECT count(*) FROM sqlite_master WHERE name = 'jobs'") == 0)
            }
            try old.close()
            let store = try SQLiteStore(path: path)
            #expect(try await store.conversation(conversation.id, owner: self.owner) == conversation)
            #expect(try await store.search(owner: self.owner, query: "walrus", limit: 9).count == 1)
            #expect(
                try await store.messagesWithoutVector(model: Samples.model, limit: 9).map(\.text) == [message.content])
            let stored = try await store.create(Samples.collection(owner: self.owner))
            try await store.addReady("a", content: 1, to: stored.collection.id, owner: self.owner, ["a new walrus"])
            #expect(try await store.found("walrus", in: [stored.partition]) == ["a new walrus"])
            #expect(try await store.damages(within: .seconds(5)).isEmpty)
            try await store.close()
        }
    }

    /// Copies the files as `kill -9` leaves them.
    private func copy(_ path: String, to copy: String) async throws {
        // A dead process moves nothing from the log to the file. Here a reader sees to it that what is moved stays in
        // the log as well.
        var configuration = Configuration()
        configuration.allowsUnsafeTransactions = true
        let reader = try DatabaseQueue(path: path, configuration: configuration)
        try await reader.writeWithoutTransaction { try $0.execute(sql: "BEGIN; SELECT count(*) FROM jobs") }
        try FileManager.default.copyItem(atPath: path, toPath: copy)
        try FileManager.default.copyItem(atPath: path + "-wal", toPath: copy + "-wal")
        try await reader.writeWithoutTransaction { try $0.execute(sql: "COMMIT") }
        try reader.close()
    }

    @Test("a process that dies between staging and publishing loses nothing, and nothing of it is found")
    func crash() async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/parley.sqlite"
            let store = try SQLiteStore(path: path, durability: .processCrash)
            let stored = try await store.create(Samples.collection(owner: self.owner))
            let id = stored.collection.id
            try await store.addReady("a", content: 1, to: id, owner: self.owner, ["the old walrus"])
            let (document, _) = try await store.add("a", content: 2, to: id, owner: self.owner)
            let version = DocumentVersion(documentID: document.id, version: document.version)
            let count = StoreLimits.indexedPassagesPerCommit * 4
            for start in stride(from: 0, to: count, by: 500) {
                try await store.stage(
                    (start..<start + 500).map { Samples.passage($0, "walrus number \($0)") }, of: version, model: nil)
            }
            // The publication has got somewhere when the copies are made: one title is half indexed, then the other.
            for (place, title) in ["First", "Second"].enumerated() {
                await expectError(.invalid) {
                    try await store.publish(
                        version, title: title, mediaType: "m", passageCount: count + 1, at: Samples.time(0))
                }
                let copy = folder + "/copy\(place).sqlite"
                try await self.copy(path, to: copy)
                let reopened = try SQLiteStore(path: copy)
                #expect(try await reopened.found("walrus", in: [stored.partition]) == ["the old walrus"])
                #expect(try await reopened.stagedCount(version, model: nil) == count)
                try await reopened.publish(
                    version, title: "Third", mediaType: "m", passageCount: count, at: Samples.time(0))
                while try await reopened.sweep(now: .now()) {}
                #expect(try await reopened.found("third", in: [stored.partition], limit: 1000).count == 1000)
                for word in ["first", "second", "old"] {
                    #expect(try await reopened.found(word, in: [stored.partition]).isEmpty)
                }
                try await Self.expectSoundIndex(reopened, passages: count)
                #expect(try await reopened.damages(within: .seconds(5)).isEmpty)
                try await reopened.close()
            }
            try await store.close()
        }
    }

    /// The index holds each passage once and nothing else.
    static func expectSoundIndex(_ store: SQLiteStore, passages: Int) async throws {
        let (indexed, numbers, texts) = try await store.read { db in
            (
                try Int64.fetchAll(db, sql: "SELECT id FROM passage_index_docsize ORDER BY id"),
                try Int64.fetchAll(db, sql: "SELECT number FROM passages ORDER BY number"),
                try Int64.fetchAll(db, sql: "SELECT number FROM passage_texts ORDER BY number")
            )
        }
        #expect(indexed == numbers && texts == numbers && numbers.count == passages)
        // https://www.sqlite.org/fts5.html#the_integrity_check_command
        try await store.write { db in
            try db.execute(sql: "INSERT INTO passage_index(passage_index) VALUES ('integrity-check')")
        }
    }

    @Test("what was deleted is swept without a trace")
    func sweeping() async throws {
        try await withTemporaryFolder { folder in
            let store = try SQLiteStore(path: folder + "/parley.sqlite", durability: .processCrash)
            let stored = try await store.create(Samples.collection(owner: self.owner, readers: .everyone))
            let id = stored.collection.id
            for number in 0..<5 {
                try await store.addReady(
                    "\(number)", content: number, to: id, owner: self.owner, (0..<700).map { "walrus \($0)" },
                    vectors: (0..<700).map { _ in [1, 0, 0, 0] })
            }
            let (half, _) = try await store.add("half", content: 9, to: id, owner: self.owner)
            try await store.stage(
                [Samples.passage(0, "x", vector: [1, 0, 0, 0])],
                of: DocumentVersion(documentID: half.id, version: 1), model: Samples.model)
            try await store.delete(id, owner: self.owner)
            while try await store.sweep(now: Timestamp.now().advanced(by: .seconds(1))) {}
            try await Self.expectSoundIndex(store, passages: 0)
            for table in [
                "collections", "documents", "editions", "passages", "passage_texts", "passage_vectors", "contents",
                "content_parts", "jobs", "collection_readers",
            ] {
                #expect(try await store.read { try $0.integer("SELECT count(*) FROM \(table)") } == 0, "\(table)")
            }
            try await store.close()
        }
    }

    @Test("no search that begins after a deletion was acknowledged gives what was deleted")
    func deletionUnderSearch() async throws {
        try await withTemporaryFolder { folder in
            let store = try SQLiteStore(path: folder + "/parley.sqlite", durability: .processCrash)
            let stored = try await store.create(Samples.collection(owner: self.owner))
            let id = stored.collection.id
            var documents: [Document] = []
            for number in 0..<40 {
                documents.append(
                    try await store.addReady(
                        "\(number)", content: number, to: id, owner: self.owner, ["walrus of document \(number)"]))
            }
            let gone = Gone()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<4 {
                    group.addTask {
                        while await gone.ids.count < 40 {
                            let before = await gone.ids
                            let hits = try await store.keywordSearch(
                                ["walru"], partitions: [stored.partition], limit: 50)
                            let found = try await store.passages(hits.map(\.number), partitions: [stored.partition])
                            #expect(before.isDisjoint(with: found.map(\.documentID)))
                        }
                    }
                }
                group.addTask { [documents] in
                    for document in documents {
                        try await store.delete(document.id, owner: self.owner)
                        await gone.add(document.id)
                        _ = try await store.sweep(now: .now())
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await store.found("walrus", in: [stored.partition]).isEmpty)
            try await store.close()
        }
    }

    private actor Gone {
        private(set) var ids: Set<DocumentID> = []

        func add(_ id: DocumentID) {
            self.ids.insert(id)
        }
    }

    @Test("old steps of the change sequence are swept, and an index that needs them is told")
    func changes() async throws {
        try await withTemporaryFolder { folder in
            let store = try SQLiteStore(path: folder + "/parley.sqlite", durability: .processCrash)
            let count = StoreLimits.keptChanges + StoreLimits.sweptChangesPerCommit + 7
            try await store.write { db in
                for number in 1...count {
                    try SQLiteStore.record(.published, document: Int64(number), version: 1, db)
                }
            }
            while try await store.sweep(now: .now()) {}
            #expect(try await store.lastChange() == Int64(count))
            let first = try await store.firstChange()
            #expect(first == Int64(count - StoreLimits.keptChanges + 1))
            await expectError(.invalid) { _ = try await store.changes(after: first - 2, limit: 1) }
            #expect(try await store.changes(after: first - 1, limit: 1).map(\.sequence) == [first])
            #expect(try await store.changes(after: Int64(count), limit: 1).isEmpty)
            try await store.close()
        }
    }

    @Test("no statement on a hot path walks a whole table")
    func plans() async throws {
        try await withTemporaryFolder { folder in
            let store = try SQLiteStore(path: folder + "/parley.sqlite", durability: .processCrash)
            let statements = [
                SQLiteStore.ownCollections, SQLiteStore.othersCollections, SQLiteStore.runningReaders,
                SQLiteStore.readableNumbers, SQLiteStore.documentsInOrder, SQLiteStore.unreadyInOrder,
                SQLiteStore.contiguous(SQLiteStore.hasVector), SQLiteStore.keywordHits, TermStatistics.holding,
                SQLiteStore.livePassages, SQLiteStore.allVectors, SQLiteStore.vectorsOfDocument, SQLiteStore.numbers,
                SQLiteStore.withoutVector, SQLiteStore.dueJobs, SQLiteStore.lostJobs, SQLiteStore.jobsInOrder,
                SQLiteStore.jobsInState, JobRow.unfinished, SQLiteStore.memoriesOfOwner, SQLiteStore.deepestSummary,
                SQLiteStore.fork, SQLiteStore.messageStates, SQLiteStore.messageVectorFeed,
                SQLiteStore.messagesByNumber, EditionRow.firstDead, EditionRow.unindexed, EditionRow.surplus,
                "SELECT min(run_at) FROM jobs WHERE state = 'waiting' AND kind = ? AND run_at <= ?",
                "SELECT row FROM contents WHERE uses = 0 AND touched < ? ORDER BY touched LIMIT 1",
                """
                SELECT row FROM jobs INDEXED BY jobs_completed
                WHERE state = 'completed' AND updated < ? ORDER BY updated LIMIT ?
                """,
                "DELETE FROM jobs WHERE dedupe_key = ? AND state = 'dead'",
                "SELECT row FROM collections WHERE deleted = 1 LIMIT 1",
                "SELECT row FROM documents WHERE content = ? AND collection = ? ORDER BY row LIMIT 1",
            ]
            let scans = try await store.read { db in
                try statements.flatMap { statement in
                    let explanation = try db.makeStatement(sql: "EXPLAIN QUERY PLAN " + statement)
                    // The plan does not depend on the values.
                    explanation.setUncheckedArguments(StatementArguments())
                    let plan = try Row.fetchAll(explanation)
                    if statement == SQLiteStore.keywordHits {
                        // Rows come in their rank's order, so that reading ends at the limit.
                        #expect(!plan.contains { ($0["detail"] as String).contains("TEMP B-TREE") })
                    }
                    return plan.map { $0["detail"] as String }.filter(Self.isTableScan).map { "\($0): \(statement)" }
                }
            }
            #expect(scans.isEmpty, "\(scans.joined(separator: "\n"))")
            try await store.close()
        }
    }

    /// `SCAN messages`, but not of a virtual table, which is a look-up or a list, nor of a subquery's few rows, nor
    /// along an index that holds just what is looked for.
    private static func isTableScan(_ line: String) -> Bool {
        guard line.hasPrefix("SCAN "), !line.contains("VIRTUAL TABLE"), !line.hasPrefix("SCAN (") else { return false }
        return !["_deleted", "_dead", "_everyone"].contains { line.hasSuffix($0) }
    }
}
