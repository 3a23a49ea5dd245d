//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Logging
import ParleyCore

/// Collects passages into batches, embeds and stages them, and passes over those that an earlier run staged.
struct PassageStaging {
    private let version: DocumentVersion
    private let title: String
    private let store: any PassageStore
    private let logger: Logger
    /// `nil` once the embedder failed, or where there is none.
    private var embedding: (bulk: BulkEmbedding, model: EmbeddingModel)?
    private let model: EmbeddingModel?
    /// So many are there already.
    private let skipped: Int
    private var batch: [NewPassage] = []
    private var batchBytes = 0
    private var count = 0
    /// Whether every passage was given a vector.
    private(set) var hasVectors: Bool

    /// - Throws: `StoreError`, `.notFound` when the document is gone; `CancellationError`.
    init(
        version: DocumentVersion, title: String, store: any PassageStore, embedder: (any Embedder)?, logger: Logger
    ) async throws {
        self.version = version
        self.title = title
        self.store = store
        self.logger = logger
        if let embedder {
            do {
                self.embedding = (BulkEmbedding(embedder: embedder), try await embedder.model)
            } catch {
                guard error.code != .cancelled else { throw CancellationError() }
                Self.warn(error, logger, version)
            }
        }
        self.model = self.embedding?.model
        self.hasVectors = self.model != nil
        // Without a model nothing that costs much was done before, and what was staged may have been split for another.
        self.skipped = self.model == nil ? 0 : try await store.stagedCount(version, model: self.model)
    }

    /// - Throws: `IngestionError` when there are too many; `StoreError`; `CancellationError`.
    mutating func add(_ draft: PassageDraft) async throws {
        for (text, range) in Self.pieces(of: draft) {
            try await self.add(
                NewPassage(
                    ordinal: self.count, headings: draft.headingPath, page: draft.page, range: range, text: text))
        }
    }

    /// The whole text, but for one that has few tokens and very many letters.
    private static func pieces(of draft: PassageDraft) -> [(text: String, range: Range<Int>)] {
        guard draft.text.utf8.count > CoreLimits.passageBytes else { return [(draft.text, draft.range)] }
        // A scalar has at most four bytes.
        let length = CoreLimits.passageBytes / 4
        let scalars = Array(draft.text.unicodeScalars)
        return stride(from: 0, to: scalars.count, by: length).map { start in
            let end = min(start + length, scalars.count)
            let first = draft.range.lowerBound + start
            return (String(String.UnicodeScalarView(scalars[start..<end])), first..<first + end - start)
        }
    }

    private mutating func add(_ passage: NewPassage) async throws {
        guard self.count < CoreLimits.passagesPerDocument else {
            throw IngestionError(
                "It has more than \(CoreLimits.passagesPerDocument) passages. Split it into several files.")
        }
        self.count += 1
        guard passage.ordinal >= self.skipped else { return }
        self.batch.append(passage)
        self.batchBytes += passage.text.utf8.count
        if self.batch.count == KnowledgeLimits.batchPassages || self.batchBytes >= KnowledgeLimits.batchBytes {
            try await self.stage()
        }
    }

    /// - Returns: how many passages the document has.
    mutating func finish() async throws -> Int {
        try await self.stage()
        return self.count
    }

    private mutating func stage() async throws {
        guard !self.batch.isEmpty else { return }
        try Task.checkCancellation()
        if let (bulk, model) = self.embedding {
            let texts = self.batch.map {
                PassageText.embedded(
                    title: StoredPassage.title(in: self.title, headings: $0.headings), text: $0.text)
            }
            do {
                let vectors = try await bulk.vectors(of: texts, model: model)
                for (index, vector) in vectors.enumerated() { self.batch[index].vector = vector }
            } catch {
                guard error.code != .cancelled, !Task.isCancelled else { throw CancellationError() }
                // The words can be found at once; the backfill adds the vectors when the embedder is back.
                Self.warn(error, self.logger, self.version)
                self.embedding = nil
                self.hasVectors = false
            }
        }
        try await self.store.stage(self.batch, of: self.version, model: self.model)
        self.batch = []
        self.batchBytes = 0
    }

    private static func warn(_ error: EmbedderError, _ logger: Logger, _ version: DocumentVersion) {
        logger.warning(
            "a document is stored without vectors for now",
            metadata: ["document": "\(version.documentID)", "error": "\(error)"])
    }
}

/// Lets something through at most once within ``KnowledgeLimits/progressInterval``.
struct ProgressPace {
    private var last: ContinuousClock.Instant?

    mutating func isDue(now: ContinuousClock.Instant = .now) -> Bool {
        if let last = self.last, now - last < KnowledgeLimits.progressInterval { return false }
        self.last = now
        return true
    }
}
