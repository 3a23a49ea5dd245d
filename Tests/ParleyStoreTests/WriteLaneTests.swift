//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation
import GRDB
import ParleyCore
import Synchronization
import Testing

@testable import ParleyStore

@Suite("the writer", .timeLimit(.minutes(1)))
struct WriteLaneTests {
    let owner = UserID.generate()

    private struct Refused: Error {}

    /// Holds the write lock of a file, as another process would.
    private struct OtherProgram {
        private let queue: DatabaseQueue

        init(locking path: String) throws {
            var configuration = Configuration()
            configuration.allowsUnsafeTransactions = true
            self.queue = try DatabaseQueue(path: path, configuration: configuration)
            try self.queue.writeWithoutTransaction { try $0.execute(sql: "BEGIN IMMEDIATE") }
        }

        func unlock() throws {
            try self.queue.writeWithoutTransaction { try $0.execute(sql: "ROLLBACK") }
            try self.queue.close()
        }
    }

    @Test("writes share a commit, and one that fails leaves the others alone")
    func groupCommit() async throws {
        try await withTemporaryFolder { folder in
            let store = try SQLiteStore(path: folder + "/parley.sqlite")
            let commits = CommitCounter()
            try await store.write { $0.add(transactionObserver: commits, extent: .databaseLifetime) }
            let outcomes = await withTaskGroup(of: Bool.self) { group in
                for number in 0..<300 {
                    group.addTask {
                        do {
                            try await store.write { db in
                                try db.run("INSERT INTO owners (id) VALUES (?)", ["\(number)".data(using: .utf8)])
                                if number % 3 == 0 { throw Refused() }
                            }
                            return true
                        } catch {
                            return false
                        }
                    }
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
            #expect(outcomes.filter { $0 }.count == 200)
            #expect(try await store.read { try $0.integer("SELECT count(*) FROM owners") } == 200)
            print("300 concurrent writes took \(commits.count) commits")
            #expect(commits.count < 100)
            try await store.close()
        }
    }

    /// Counts commits on the writer's queue.
    private final class CommitCounter: TransactionObserver, Sendable {
        private let commits = Mutex(0)
        var count: Int { self.commits.withLock { $0 } }

        func observes(eventsOfKind eventKind: DatabaseEventKind) -> Bool { false }
        func databaseDidChange(with event: DatabaseEvent) {}
        func databaseDidCommit(_ db: Database) { self.commits.withLock { $0 += 1 } }
        func databaseDidRollback(_ db: Database) {}
    }

    @Test("a lock of another program makes writes unavailable in time, reads go on, and all is well after it")
    func locked() async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/parley.sqlite"
            let deadline = Duration.milliseconds(300)
            let store = try SQLiteStore(path: path, deadlines: .init(write: deadline))
            let conversation = Samples.conversation(owner: self.owner)
            try await store.create(conversation)
            let other = try OtherProgram(locking: path)
            let clock = ContinuousClock()
            let waited = await clock.measure {
                await withTaskGroup(of: Void.self) { group in
                    for _ in 0..<20 {
                        group.addTask {
                            await expectError(.unavailable) {
                                _ = try await store.begin(Samples.newTurn(in: conversation))
                            }
                        }
                    }
                }
            }
            #expect(try await store.conversation(conversation.id, owner: self.owner) == conversation)
            #expect(waited >= deadline && waited < deadline + .seconds(2), "\(waited)")
            await expectError(.unavailable) { try await store.check() }
            try other.unlock()
            _ = try await store.begin(Samples.newTurn(in: conversation))
            try await store.check()
            let page = try await store.messages(in: conversation.id, owner: self.owner, before: nil, limit: 9)
            #expect(page.elements.count == 2)
            try await store.close()
        }
    }

    @Test("a lock that goes in time is only waited for")
    func shortLock() async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/parley.sqlite"
            let store = try SQLiteStore(path: path)
            let other = try OtherProgram(locking: path)
            async let written: Void = store.create(Samples.conversation(owner: self.owner))
            // The writer meets the lock once it has taken the write up.
            while store.writes.load.running == 0 { await Task.yield() }
            try other.unlock()
            try await written
            try await store.close()
        }
    }

    @Test("a full file refuses writes whole, reads go on, and writes work again once there is room")
    func full() async throws {
        try await withTemporaryFolder { folder in
            let store = try SQLiteStore(path: folder + "/parley.sqlite", durability: .processCrash)
            let conversation = Samples.conversation(owner: self.owner)
            try await store.create(conversation)
            let pages = try await store.write { db in
                let pages = try #require(try db.integer("PRAGMA page_count"))
                _ = try db.rows("PRAGMA max_page_count = \(pages + 40)")
                return pages
            }
            var stored = 0
            var refusal: StoreError?
            while refusal == nil, stored < 1000 {
                do {
                    _ = try await store.begin(
                        Samples.newTurn(in: conversation, String(repeating: "full ", count: 2000)))
                    stored += 1
                } catch {
                    refusal = error as? StoreError
                }
            }
            #expect(refusal?.code == .full && stored > 0)
            // Large and small ones at once: each is stored whole or refused.
            let outcomes = await withTaskGroup(of: MessageID?.self) { group in
                for number in 0..<60 {
                    group.addTask {
                        let text = String(repeating: "x ", count: number % 2 == 0 ? 20_000 : 1)
                        let turn = try? await store.begin(Samples.newTurn(in: conversation, text))
                        return turn?.turn.userMessageID
                    }
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
            for case let id? in outcomes {
                let found = try await store.message(id, owner: self.owner)
                #expect(found.id == id)
            }
            let taken = outcomes.compactMap(\.self).count + stored
            let count = try await store.read { try $0.integer("SELECT count(*) FROM messages") }
            #expect(count == Int64(taken) * 2)
            await expectError(.full) {
                for _ in 0..<50 {
                    _ = try await store.begin(
                        Samples.newTurn(in: conversation, String(repeating: "more ", count: 2000)))
                }
            }
            #expect(try await store.damages(within: .seconds(5)).isEmpty)
            _ = try await store.write { try $0.rows("PRAGMA max_page_count = \(pages + 4000)").count }
            _ = try await store.begin(Samples.newTurn(in: conversation, String(repeating: "room ", count: 2000)))
            try await store.close()
        }
    }

    @Test("the queue is bounded, and what it refuses is told at once")
    func bounded() async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/parley.sqlite"
            let store = try SQLiteStore(path: path, durability: .processCrash, deadlines: .init(write: .seconds(20)))
            let other = try OtherProgram(locking: path)
            let total = StoreLimits.queuedWrites + StoreLimits.writesPerCommit + 500
            let refused = await withTaskGroup(of: StoreError?.self) { group in
                for _ in 0..<total {
                    group.addTask {
                        do {
                            try await store.deleteSession(idHash: [1])
                            return nil
                        } catch {
                            return error as? StoreError
                        }
                    }
                }
                var refused: [StoreError] = []
                // The refused ones come first, while the lock holds.
                while refused.count < 500, let outcome = await group.next() {
                    if let error = outcome { refused.append(error) }
                }
                try? other.unlock()
                for await outcome in group {
                    if let error = outcome { refused.append(error) }
                }
                return refused
            }
            #expect(refused.count >= 500 && refused.count <= 500 + StoreLimits.writesPerCommit)
            #expect(refused.allSatisfy { $0.code == .unavailable })
            try await store.close()
        }
    }

    @Test("a caller who gives up is let go at once, and what had not begun is not done")
    func cancellation() async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/parley.sqlite"
            let store = try SQLiteStore(path: path, deadlines: .init(write: .seconds(30)))
            let conversation = Samples.conversation(owner: self.owner)
            let other = try OtherProgram(locking: path)
            await withTaskGroup(of: Void.self) { group in
                group.addTask { await expectError(.unavailable) { try await store.create(conversation) } }
                while store.writes.load.running == 0 { await Task.yield() }
                group.cancelAll()
            }
            try other.unlock()
            await expectError(.notFound) {
                _ = try await store.conversation(conversation.id, owner: self.owner)
            }
            try await store.close()
        }
    }

    @Test("a read that runs too long is interrupted, and so is one whose caller gives up")
    func slowReads() async throws {
        try await withTemporaryFolder { folder in
            let store = try SQLiteStore(
                path: folder + "/parley.sqlite", deadlines: .init(read: .milliseconds(200)))
            let endless = """
                WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n
                """
            let clock = ContinuousClock()
            let waited = await clock.measure {
                await withTaskGroup(of: Void.self) { group in
                    for _ in 0..<(StoreLimits.readers * 2) {
                        group.addTask {
                            await expectError(.unavailable) { _ = try await store.read { try $0.integer(endless) } }
                        }
                    }
                }
            }
            #expect(waited < .seconds(3), "\(waited)")
            await withTaskGroup(of: Void.self) { group in
                group.addTask {
                    await expectError(.unavailable) {
                        _ = try await store.read(within: .seconds(600)) { try $0.integer(endless) }
                    }
                }
                group.cancelAll()
            }
            // The readers are free again.
            #expect(try await store.userCount() == 0)
            try await store.close()
        }
    }
}
