//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCore
import Synchronization
import Testing

@testable import ParleyKnowledge

@Suite("Recall of messages", .timeLimit(.minutes(1)))
struct MessageRecallTests {
    private let past = Past()
    private let user = UserID.generate()
    private let stranger = UserID.generate()

    private func recall(
        _ text: String, excluding: ConversationID? = nil, limit: Int = 3,
        embedder: (any Embedder)? = HashingEmbedder()
    ) async throws(KnowledgeError) -> [RecalledMessage] {
        try await VectorMessageRecall(messages: self.past, embedder: embedder, index: self.past, clock: StillClock())
            .recall(text, owner: self.user, excluding: excluding, limit: limit)
    }

    @Test("older messages come by their meaning, nearest first, and only near ones")
    func recalls() async throws {
        let partly = self.past.add("My sister plays violin in Vienna every summer", owner: self.user)
        let wholly = self.past.add("my sister plays violin", owner: self.user)
        _ = self.past.add("The kitchen closes early", owner: self.user)
        let found = try await self.recall("sister plays violin")
        #expect(found.map(\.message.id) == [wholly.id, partly.id])
        #expect(found.map(\.conversationTitle) == ["Then", "Then"])
    }

    @Test("another user's messages and deleted ones never come, whatever the index holds")
    func access() async throws {
        _ = self.past.add("my sister plays violin", owner: self.stranger)
        let gone = self.past.add("my sister plays violin!", owner: self.user)
        let own = self.past.add("my sister plays violin?", owner: self.user)
        self.past.remove(gone)
        self.past.state.withLock { $0.ignoresPartitions = true }
        #expect(try await self.recall("sister plays violin").map(\.message.id) == [own.id])
    }

    @Test("the present conversation is left out, however many of its messages are nearer")
    func excluded() async throws {
        let present = ConversationID.generate()
        for number in 0..<50 {
            _ = self.past.add("sister plays violin \(number)", owner: self.user, conversation: present)
        }
        let older = self.past.add("My sister plays violin in Vienna", owner: self.user)
        #expect(try await self.recall("sister plays violin", excluding: present).map(\.message.id) == [older.id])
    }

    @Test("the same content comes once")
    func once() async throws {
        let first = self.past.add("my sister plays violin", owner: self.user)
        _ = self.past.add("my sister plays violin", owner: self.user)
        #expect(try await self.recall("sister plays violin").map(\.message.id) == [first.id])
    }

    @Test("without an embedder, an index that is ready, words or messages there is nothing")
    func nothing() async throws {
        #expect(try await self.recall("sister plays violin").isEmpty)
        _ = self.past.add("my sister plays violin", owner: self.user)
        #expect(try await self.recall("sister plays violin", embedder: nil).isEmpty)
        #expect(try await self.recall("…").isEmpty)
        #expect(try await self.recall("sister plays violin", limit: 0).isEmpty)
        self.past.state.withLock { $0.isReady = false }
        #expect(try await self.recall("sister plays violin").isEmpty)
    }

    @Test("an embedder that fails is reported")
    func failing() async throws {
        _ = self.past.add("my sister plays violin", owner: self.user)
        let error = await #expect(throws: KnowledgeError.self) {
            try await self.recall("violin", embedder: HashingEmbedder(failing: EmbedderError(.unreachable, "No.")))
        }
        #expect(error?.code == .unavailable)
    }
}

/// Messages in memory with an index over them.
private final class Past: Sendable {
    struct Entry: Sendable {
        var message: Message
        var owner: UserID
        var isLive = true
    }

    struct State: Sendable {
        var entries: [Entry] = []
        var owners: [UserID] = []
        var isReady = true
        var ignoresPartitions = false
    }

    let state = Mutex(State())

    func add(_ text: String, owner: UserID, conversation: ConversationID = .generate()) -> Message {
        let message = Message(
            id: .generate(), conversationID: conversation, parentID: nil, role: .user, content: text, createdAt: .now())
        self.state.withLock { state in
            if !state.owners.contains(owner) { state.owners.append(owner) }
            state.entries.append(Entry(message: message, owner: owner))
        }
        return message
    }

    func remove(_ message: Message) {
        self.state.withLock { state in
            for place in state.entries.indices where state.entries[place].message.id == message.id {
                state.entries[place].isLive = false
            }
        }
    }
}

extension Past: PassageIndex {
    var isReady: Bool { self.state.withLock { $0.isReady } }

    func nearest(
        _ vector: [Float], partitions: Set<Int64>, limit: Int
    ) async throws(KnowledgeError) -> [ScoredNumber] {
        let state = self.state.withLock { $0 }
        let owners = state.owners.enumerated().filter { partitions.contains(Int64($0.offset)) }.map(\.element)
        return Array(
            state.entries.enumerated().filter { state.ignoresPartitions || owners.contains($0.element.owner) }
                .map { place, entry in
                    let product = SmallWorld.product(HashingEmbedder.vector(entry.message.content), vector)
                    return ScoredNumber(number: Int64(place), score: Double(product))
                }
                .sorted { ($0.score, $1.number) > ($1.score, $0.number) }.prefix(limit))
    }
}

extension Past: MessageVectorStore {
    func messagePartition(of owner: UserID) async throws(StoreError) -> Int64? {
        self.state.withLock { $0.owners }.firstIndex(of: owner).map(Int64.init)
    }

    func messages(
        _ numbers: [Int64], owner: UserID, excluding: ConversationID?
    ) async throws(StoreError) -> [(number: Int64, message: Message, conversationTitle: String)] {
        self.state.withLock { $0.entries }.enumerated().filter { place, entry in
            entry.isLive && entry.owner == owner && entry.message.conversationID != excluding
                && numbers.contains(Int64(place))
        }.map { (Int64($0.offset), $0.element.message, "Then") }.shuffled()
    }

    // MARK: Not asked by a recall

    private var unasked: StoreError { StoreError(.internal, "A recall has no business here.") }

    func messagesWithoutVector(
        model: EmbeddingModel, limit: Int
    ) async throws(StoreError) -> [(number: Int64, text: String)] { throw self.unasked }

    func saveMessageVectors(
        _ vectors: [(number: Int64, vector: [Float])], model: EmbeddingModel
    ) async throws(StoreError) { throw self.unasked }

    func messageVectors(
        model: EmbeddingModel, after number: Int64, limit: Int
    ) async throws(StoreError) -> [StoredVector] { throw self.unasked }
}
