//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation
import GRDB
import ParleyCore
import Testing

@testable import ParleyStore

/// Figures that the store promises, printed. The checks are ratios with room for a busy machine.
@Suite("the store's figures", .serialized, .timeLimit(.minutes(2)))
struct FigureTests {
    let owner = UserID.generate()

    @Test("the last page of 100,000 messages costs about what the first does")
    func messagePaging() async throws {
        try await withTemporaryFolder { folder in
            let store = try SQLiteStore(
                path: folder + "/parley.sqlite", durability: .processCrash, deadlines: .init(write: .seconds(60)))
            let conversation = Samples.conversation(owner: self.owner)
            let leaf = try await Self.fill(store, conversation, count: 100_000)
            let first = try await Self.median {
                _ = try await store.messages(in: conversation.id, owner: self.owner, before: nil, limit: 50)
            }
            let last = try await Self.median {
                _ = try await store.messages(in: conversation.id, owner: self.owner, before: "m.60", limit: 50)
            }
            let newest = try await Self.median {
                _ = try await store.branch(
                    of: conversation.id, owner: self.owner, through: nil, before: nil, limit: 50)
            }
            let root = try #require(
                try await store.messages(in: conversation.id, owner: self.owner, before: "m.2", limit: 1).elements.first
            )
            let throughRoot = try await Self.median {
                _ = try await store.branch(
                    of: conversation.id, owner: self.owner, through: root.id, before: nil, limit: 50)
            }
            let oldest = try await Self.median {
                _ = try await store.branch(
                    of: conversation.id, owner: self.owner, through: nil, before: "b.60", limit: 50)
            }
            let ancestors = try await Self.median {
                _ = try await store.ancestors(of: leaf, owner: self.owner, limit: 50)
            }
            print(
                """
                100,000 messages, page of 50, p50: list newest \(first), list oldest \(last), branch newest \(newest), \
                branch through the root \(throughRoot), branch oldest \(oldest), ancestors \(ancestors)
                """)
            #expect(last < first * 3 && throughRoot < newest * 3 && oldest < newest * 3 && ancestors < newest * 3)
            try await Self.addForks(store, conversation, below: root.id, count: 200)
            try await store.close()
        }
    }

    /// A chain, written as a store writes it but in larger commits.
    private static func fill(_ store: SQLiteStore, _ conversation: Conversation, count: Int) async throws -> MessageID {
        try await store.create(conversation)
        var parent: MessageID?
        for start in stride(from: 0, to: count, by: 2000) {
            var chunk: [Message] = []
            for number in start..<(start + 2000) {
                chunk.append(
                    Samples.message(
                        in: conversation, below: parent, role: number % 2 == 0 ? .user : .assistant,
                        "message \(number) with a few words in it", at: Int64(number)))
                parent = chunk.last?.id
            }
            try await store.write { [chunk] db in
                let row = try ConversationRow.find(conversation.id, owner: conversation.ownerID, db)
                for message in chunk {
                    let above = try message.parentID.flatMap { try MessageTree.place(of: $0, in: row.row, db) }
                    let slot = try MessageTree.slot(in: row.row, below: above, db)
                    try MessageRow.insert(message, at: slot, in: row, db)
                }
            }
        }
        return try #require(parent)
    }

    private static func addForks(
        _ store: SQLiteStore, _ conversation: Conversation, below root: MessageID, count: Int
    ) async throws {
        for _ in 0..<count {
            _ = try await store.begin(Samples.newTurn(in: conversation, below: root))
        }
        let time = try await Self.median {
            _ = try await store.branch(
                of: conversation.id, owner: conversation.ownerID, through: root, before: nil, limit: 50)
        }
        print("branch through a root with \(count) later edits, p50: \(time)")
    }

    @Test("the last page of 10,000 conversations costs about what the first does")
    func conversationPaging() async throws {
        try await withTemporaryFolder { folder in
            let store = try SQLiteStore(
                path: folder + "/parley.sqlite", durability: .processCrash, deadlines: .init(write: .seconds(60)))
            try await store.write { [owner] db in
                for number in 0..<10_000 {
                    _ = try ConversationRow.insert(
                        Samples.conversation(
                            owner: owner, title: "Talk about \(number % 100)", at: Int64(number),
                            pinned: number % 1000 == 0),
                        db)
                }
            }
            let end = "c.0.\(Samples.time(60).milliseconds).60"
            func page(_ query: String?, _ before: String?) async throws -> Duration {
                try await Self.median {
                    _ = try await store.conversations(
                        owner: self.owner, archived: false, query: query, before: before, limit: 50)
                }
            }
            let (first, last) = (try await page(nil, nil), try await page(nil, end))
            let found = try await page("42", nil)
            print("10,000 conversations, page of 50, p50: first \(first), last \(last), filtered by a word \(found)")
            #expect(last < first * 3)
            try await store.close()
        }
    }

    @Test("writes share commits: many writers are faster than one", arguments: SQLiteStore.Durability.allCases)
    func throughput(_ durability: SQLiteStore.Durability) async throws {
        try await withTemporaryFolder { folder in
            let store = try SQLiteStore(path: folder + "/parley.sqlite", durability: durability)
            var rates: [Int: Double] = [:]
            for (writers, each) in [(1, 200), (64, 20), (200, 10)] {
                let conversation = Samples.conversation(owner: self.owner)
                try await store.create(conversation)
                let (latencies, seconds) = try await Self.begin(store, conversation, writers: writers, each: each)
                rates[writers] = Double(writers * each) / seconds
                print(
                    """
                    begin() with \(writers) writers, \(durability): \(Int(rates[writers] ?? 0))/s, \
                    p50 \(latencies[latencies.count / 2]), p99 \(latencies[latencies.count * 99 / 100])
                    """)
            }
            #expect(rates[64] ?? 0 > rates[1] ?? 0)
            try await store.close()
        }
    }

    private static func begin(
        _ store: SQLiteStore, _ conversation: Conversation, writers: Int, each: Int
    ) async throws -> (latencies: [Duration], seconds: Double) {
        let clock = ContinuousClock()
        let start = clock.now
        let latencies = try await withThrowingTaskGroup(of: [Duration].self) { group in
            for _ in 0..<writers {
                group.addTask {
                    var latencies: [Duration] = []
                    var parent: MessageID?
                    for _ in 0..<each {
                        let new = Samples.newTurn(in: conversation, below: parent, "A question of usual length, why?")
                        latencies.append(try await clock.measure { _ = try await store.begin(new) })
                        parent = new.assistantMessage.id
                    }
                    return latencies
                }
            }
            return try await group.reduce(into: [], +=)
        }
        return (latencies.sorted(), (clock.now - start).inSeconds)
    }

    @Test("search stays quick in a large history, also for words that are everywhere")
    func searching() async throws {
        try await withTemporaryFolder { folder in
            let store = try SQLiteStore(
                path: folder + "/parley.sqlite", durability: .processCrash, deadlines: .init(write: .seconds(60)))
            let large = Samples.conversation(owner: .generate())
            _ = try await Self.fill(store, large, count: 50_000)
            let small = Samples.conversation(owner: self.owner)
            try await store.importConversation(
                small, messages: [Samples.message(in: small, "message 7 with a few words of mine")])
            var report = "50,000 messages, search p50:"
            for (who, query) in [
                (large.ownerID, "message"), (large.ownerID, "m"), (large.ownerID, "4711"), (self.owner, "message"),
            ] {
                let time = try await Self.median(of: 5) {
                    let hits = try await store.search(owner: who, query: query, limit: 20)
                    #expect(!hits.isEmpty)
                }
                report += " “\(query)” by \(who == self.owner ? "another user" : "their owner") \(time),"
            }
            print(report)
            try await store.close()
        }
    }

    @Test("an import of the largest size and its purge")
    func largeImport() async throws {
        try await withTemporaryFolder { folder in
            let store = try SQLiteStore(path: folder + "/parley.sqlite")
            let conversation = Samples.conversation(owner: self.owner)
            var messages: [Message] = []
            for number in 0..<CoreLimits.importedMessages {
                messages.append(
                    Samples.message(
                        in: conversation, below: messages.last?.id,
                        String(repeating: "word\(number % 977) and more of it. ", count: 20)))
            }
            let clock = ContinuousClock()
            let imported = try await clock.measure {
                try await store.importConversation(conversation, messages: messages)
            }
            try await store.delete(conversation.id, owner: self.owner, at: Samples.time(0))
            let purged = try await clock.measure {
                _ = try await store.purge(deletedBefore: Samples.time(1), temporaryBefore: Samples.time(0))
            }
            print("20,000 messages of 450 bytes: import \(imported), purge \(purged)")
            #expect(try await store.read { try $0.integer("SELECT count(*) FROM messages") } == 0)
            try await SQLiteFileTests.expectSoundIndex(store)
            try await store.close()
        }
    }

    @Test("opening is quick")
    func opening() async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/parley.sqlite"
            let clock = ContinuousClock()
            let made = try clock.measure { _ = try SQLiteStore(path: path) }
            let opened = try clock.measure { _ = try SQLiteStore(path: path) }
            print("a new file is ready in \(made), an existing one in \(opened)")
        }
    }

    private static func median(of count: Int = 15, _ body: () async throws -> Void) async throws -> Duration {
        var times: [Duration] = []
        for _ in 0..<count {
            times.append(try await ContinuousClock().measure(body))
        }
        return times.sorted()[count / 2]
    }
}
