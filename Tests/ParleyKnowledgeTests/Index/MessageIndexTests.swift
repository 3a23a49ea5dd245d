//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation
import Logging
import ParleyCore
import Synchronization
import Testing

@testable import ParleyKnowledge

@Suite("The index of messages", .timeLimit(.minutes(1)))
struct MessageIndexTests {
    /// Rows of message vectors, and nothing else.
    private final class Rows: MessageVectorStore {
        let vectors = Mutex<[Int64: StoredVector]>([:])

        func messagesWithoutVector(
            model: EmbeddingModel, limit: Int
        ) async throws(StoreError) -> [(number: Int64, text: String)] { [] }

        func saveMessageVectors(
            _ vectors: [(number: Int64, vector: [Float])], model: EmbeddingModel
        ) async throws(StoreError) {
            self.vectors.withLock { rows in
                for (number, vector) in vectors {
                    rows[number] = StoredVector(number: number, partition: number % 2, vector: vector)
                }
            }
        }

        func messageVectors(
            model: EmbeddingModel, after number: Int64, limit: Int
        ) async throws(StoreError) -> [StoredVector] {
            self.vectors.withLock { rows in
                Array(rows.values.filter { $0.number > number }.sorted { $0.number < $1.number }.prefix(limit))
            }
        }

        func messagePartition(of owner: UserID) async throws(StoreError) -> Int64? { nil }

        func messages(
            _ numbers: [Int64], owner: UserID, excluding: ConversationID?
        ) async throws(StoreError) -> [(number: Int64, message: Message, conversationTitle: String)] { [] }
    }

    @Test("a message that is given its vector after a later one is found, within its owner's partition only")
    func late() async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("parley-\(UUID())").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let embedder = ScriptedEmbedder()
        let rows = Rows()
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        func save(_ number: Int64, _ text: String) async throws {
            try await rows.saveMessageVectors([(number, embedder.vector(text))], model: embedder.model)
        }
        for number in 1...700 { try await save(Int64(number) * 2, "filler \(number)") }
        func found(_ text: String, _ partition: Int64, _ index: KnowledgeIndex) async throws -> Int64? {
            try await index.nearest(embedder.vector(text), partitions: [partition], limit: 1).first?.number
        }
        for start in 0..<2 {
            let index = KnowledgeIndex.ofMessages(
                rows, embedder: embedder, absence: "", folder: folder, logger: logger)
            let text = "apples and pears \(start)"
            let number = Int64(1001 + 2 * start)
            try await running(index.run) {
                try await eventually { index.isReady && index.figures.vectors == 700 + start }
                try await save(number, text)
                index.nudge()
                try await eventually { try await found(text, 1, index) == number }
                #expect(try await found(text, 0, index) != number)
            }
        }
    }
}
