//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation
import GRDB
import ParleyCore
import Testing

@testable import ParleyStore

@Suite("the SQLite file")
struct SQLiteFileTests {
    let owner = UserID.generate()

    @Test("it and its folder are for their owner only")
    func permissions() async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/data/nested/parley.sqlite"
            let store = try SQLiteStore(path: path)
            try await store.create(Samples.conversation(owner: self.owner))
            func mode(_ path: String) throws -> Int? {
                try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
            }
            for file in [path, path + "-wal", path + "-shm"] {
                #expect(try mode(file) == 0o600, "\(file)")
            }
            #expect(try mode(folder + "/data/nested") == 0o700)
            try await store.close()
        }
    }

    @Test("what was acknowledged is there after the store is opened again", arguments: SQLiteStore.Durability.allCases)
    func reopening(_ durability: SQLiteStore.Durability) async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/parley.sqlite"
            let conversation = Samples.conversation(owner: self.owner)
            var store = try SQLiteStore(path: path, durability: durability)
            try await store.create(conversation)
            try await store.close()
            await expectError(.unavailable) { _ = try await store.userCount() }
            await expectError(.unavailable) { try await store.create(conversation) }
            store = try SQLiteStore(path: path, durability: durability)
            #expect(try await store.conversation(conversation.id, owner: self.owner) == conversation)
            #expect(try await store.damages(within: .seconds(5)).isEmpty)
            try await store.close()
        }
    }

    @Test("a copy of the files in mid-flight, as kill -9 leaves them, has every acknowledged write")
    func crash() async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/parley.sqlite"
            let store = try SQLiteStore(path: path, durability: .processCrash)
            let conversation = Samples.conversation(owner: self.owner)
            try await store.create(conversation)
            let copy = folder + "/copy.sqlite"
            let acknowledged = Acknowledged()
            let known = try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<16 {
                    group.addTask {
                        while await acknowledged.count < 800 {
                            let (turn, _) = try await store.begin(Samples.newTurn(in: conversation, "crash test"))
                            await acknowledged.add(turn)
                        }
                    }
                }
                while await acknowledged.count < 300 { await Task.yield() }
                // A dead process moves nothing from the log to the file. Here a reader sees to it that what is moved
                // stays in the log as well.
                var configuration = Configuration()
                configuration.allowsUnsafeTransactions = true
                let reader = try DatabaseQueue(path: path, configuration: configuration)
                try await reader.writeWithoutTransaction { db in
                    try db.execute(sql: "BEGIN; SELECT count(*) FROM turns")
                }
                let known = await acknowledged.turns
                try FileManager.default.copyItem(atPath: path, toPath: copy)
                try FileManager.default.copyItem(atPath: path + "-wal", toPath: copy + "-wal")
                try await reader.writeWithoutTransaction { try $0.execute(sql: "COMMIT") }
                try reader.close()
                try await group.waitForAll()
                return known
            }
            try await store.close()
            let reopened = try SQLiteStore(path: copy)
            #expect(known.count >= 300)
            for turn in known {
                let found = try await reopened.turn(turn.id, owner: self.owner)
                #expect(found.id == turn.id)
            }
            #expect(try await reopened.damages(within: .seconds(5)).isEmpty)
            try await Self.expectSoundIndex(reopened)
            try await reopened.close()
        }
    }

    private actor Acknowledged {
        private(set) var turns: [Turn] = []
        var count: Int { self.turns.count }

        func add(_ turn: Turn) {
            self.turns.append(turn)
        }
    }

    /// The index holds what a fresh one would. FTS5's own `integrity-check` cannot tell, since drafts are left out.
    static func expectSoundIndex(_ store: SQLiteStore) async throws {
        let (indexed, searchable) = try await store.read { db in
            let indexed = try Int64.fetchAll(db, sql: "SELECT id FROM message_index_docsize ORDER BY id")
            let searchable = try Int64.fetchAll(
                db, sql: "SELECT position FROM messages WHERE searchable = 1 ORDER BY position")
            return (indexed, searchable)
        }
        #expect(indexed == searchable)
    }

    @Test("a file of a newer release is refused and left as it is")
    func newerSchema() async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/parley.sqlite"
            try await SQLiteStore(path: path).close()
            let queue = try DatabaseQueue(path: path)
            try await queue.write { try $0.execute(sql: "INSERT INTO grdb_migrations VALUES ('9000')") }
            try queue.close()
            await expectError(.unusable) { _ = try SQLiteStore(path: path) }
        }
    }

    @Test("a file that is no database is refused", arguments: [100, 5000, 100_000])
    func noDatabase(_ size: Int) async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/parley.sqlite"
            let bytes = Data((0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31) })
            try bytes.write(to: URL(fileURLWithPath: path))
            await expectError(.unusable) { _ = try SQLiteStore(path: path) }
            #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == bytes)
        }
    }

    @Test("damage within the file is reported, not fatal")
    func damage() async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/parley.sqlite"
            var store = try SQLiteStore(path: path)
            let conversation = Samples.conversation(owner: self.owner)
            try await store.create(conversation)
            for number in 0..<200 {
                try await store.exchange(in: conversation, "question \(number)", String(repeating: "x", count: 500))
            }
            try await store.close()
            // Whatever still lies in the write-ahead log would hide the damage.
            let queue = try DatabaseQueue(path: path)
            _ = try await queue.writeWithoutTransaction { db in try db.checkpoint(.truncate) }
            try queue.close()
            var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
            for index in stride(from: 8192, to: bytes.count, by: 3) { bytes[index] ^= 0x5A }
            try bytes.write(to: URL(fileURLWithPath: path))
            do {
                store = try SQLiteStore(path: path)
                await expectError(.unusable) {
                    _ = try await store.messages(in: conversation.id, owner: self.owner, before: nil, limit: 200)
                    _ = try await store.search(owner: self.owner, query: "question", limit: 9)
                }
                try? await store.close()
            } catch let error as StoreError {
                #expect(error.code == .unusable, "\(error)")
            }
        }
    }

    @Test("a path that cannot be opened is unavailable", arguments: ["/proc/parley/x.sqlite", "/proc/version", "/tmp"])
    func unreachable(_ path: String) async {
        await expectError(.unavailable) { _ = try SQLiteStore(path: path) }
    }

    @Test("a new file that several open at the same moment is made once", arguments: 0..<5)
    func simultaneousOpening(_ round: Int) async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/parley.sqlite"
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<6 {
                    group.addTask {
                        let store = try SQLiteStore(path: path, durability: .processCrash)
                        try await store.create(Samples.conversation(owner: self.owner))
                        try await store.close()
                    }
                }
                try await group.waitForAll()
            }
            let store = try SQLiteStore(path: path)
            let page = try await store.conversations(
                owner: self.owner, archived: false, query: nil, before: nil, limit: 10)
            #expect(page.elements.count == 6)
            try await store.close()
        }
    }

    @Test("two stores on one file see each other's writes")
    func twoStores() async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/parley.sqlite"
            let one = try SQLiteStore(path: path, durability: .processCrash)
            let two = try SQLiteStore(path: path, durability: .processCrash)
            let conversation = Samples.conversation(owner: self.owner)
            try await one.create(conversation)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<100 {
                    group.addTask {
                        let store = number % 2 == 0 ? one : two
                        _ = try await store.begin(Samples.newTurn(in: conversation))
                    }
                }
                try await group.waitForAll()
            }
            let page = try await two.messages(in: conversation.id, owner: self.owner, before: nil, limit: 200)
            #expect(page.elements.count == 200)
            try await one.close()
            try await two.close()
        }
    }
}
