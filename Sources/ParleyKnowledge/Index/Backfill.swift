//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
public import Logging
public import ParleyCore
public import ServiceLifecycle
import Synchronization

/// Gives vectors to passages and messages that have none by the present model: those that came while there was no
/// embedder, all of them after a change of the model, and each finished message.
///
/// It works in small batches with pauses. The embedder puts queries first, so that nobody waits for it longer than a
/// batch takes.
public final class Backfill: Service {
    private let passages: any PassageStore
    private let messages: any MessageVectorStore
    private let embedder: (any Embedder)?
    private let passageIndex: KnowledgeIndex?
    private let messageIndex: KnowledgeIndex?
    private let logger: Logger
    private let nudges = Nudge()
    private let embedded = Mutex<Int?>(nil)

    /// - Parameters:
    ///   - embedder: `nil` does nothing.
    ///   - passageIndex: is told of new vectors, as is the other.
    public init(
        passages: any PassageStore, messages: any MessageVectorStore, embedder: (any Embedder)?,
        passageIndex: KnowledgeIndex?, messageIndex: KnowledgeIndex?, logger: Logger
    ) {
        self.passages = passages
        self.messages = messages
        self.embedder = embedder
        self.passageIndex = passageIndex
        self.messageIndex = messageIndex
        self.logger = logger
    }

    /// Passages that got their vectors in the round that runs; `nil` when none lacks one.
    public var passagesEmbedded: Int? {
        self.embedded.withLock { $0 }
    }

    /// Looks for texts without vectors at once, such as after an answer.
    public func nudge() {
        self.nudges.signal()
    }

    public func run() async throws {
        guard let embedder = self.embedder else {
            // A service that ends would end its group.
            try? await gracefulShutdown()
            return
        }
        await cancelWhenGracefulShutdown { await self.work(BulkEmbedding(embedder: embedder)) }
    }

    private func work(_ embedding: BulkEmbedding) async {
        var wait = KnowledgeLimits.backfillBackoff
        while !Task.isCancelled {
            do {
                let count = try await self.round(embedding)
                if count > 0 { self.logger.info("vectors were added", metadata: ["texts": "\(count)"]) }
                wait = KnowledgeLimits.backfillBackoff
                await self.nudges.wait(atMost: KnowledgeLimits.backfillInterval)
            } catch {
                guard !Task.isCancelled else { return }
                self.logger.warning(
                    "vectors could not be added; tried again later",
                    metadata: ["error": "\(error)", "seconds": "\(wait.inSeconds)"])
                try? await Task.sleep(for: wait)
                wait = min(wait * 2, KnowledgeLimits.backfillMaximumBackoff)
            }
        }
    }

    /// Embeds all that lacks a vector.
    ///
    /// - Returns: how many texts that were.
    /// - Throws: `EmbedderError`, `StoreError`, `CancellationError`.
    func round(_ embedding: BulkEmbedding) async throws -> Int {
        let model = try await embedding.embedder.model
        var count = try await self.embedMessages(embedding, model)
        var number: Int64 = 0
        var passages = 0
        defer { self.embedded.withLock { $0 = nil } }
        while true {
            let batch = try await self.passages.passagesWithoutVector(
                model: model, after: number, limit: KnowledgeLimits.backfillTexts)
            guard let last = batch.last else { break }
            self.embedded.withLock { $0 = passages }
            let texts = batch.map { PassageText.embedded(title: $0.title, text: $0.text) }
            let vectors = try await embedding.vectors(of: texts, model: model)
            try await self.passages.save(
                zip(batch, vectors).map { (number: $0.number, vector: $1) }, model: model)
            self.passageIndex?.nudge()
            number = last.number
            passages += batch.count
            count += batch.count
            try await Task.sleep(for: KnowledgeLimits.backfillPause)
            // A message that somebody just wrote goes before old documents.
            count += try await self.embedMessages(embedding, model)
        }
        return count
    }

    private func embedMessages(_ embedding: BulkEmbedding, _ model: EmbeddingModel) async throws -> Int {
        var count = 0
        while true {
            let batch = try await self.messages.messagesWithoutVector(
                model: model, limit: KnowledgeLimits.backfillTexts)
            guard !batch.isEmpty else { return count }
            let vectors = try await embedding.vectors(of: batch.map(\.text), model: model)
            try await self.messages.saveMessageVectors(
                zip(batch, vectors).map { (number: $0.number, vector: $1) }, model: model)
            self.messageIndex?.nudge()
            count += batch.count
            try await Task.sleep(for: KnowledgeLimits.backfillPause)
        }
    }
}
