//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCore
import Testing

/// Short ways to say what a test puts into the knowledge base.
extension Samples {
    static let model = EmbeddingModel(name: "test", dimension: 4, maximumTokens: 256)

    /// Bytes that stand for a SHA-256.
    static func hash(_ seed: Int) -> [UInt8] {
        (0..<32).map { UInt8(truncatingIfNeeded: seed &* 31 &+ $0 &* (seed | 1)) }
    }

    static func collection(
        owner: UserID, name: String = "Files", readers: KnowledgeCollection.Readers = .owner
    ) -> KnowledgeCollection {
        KnowledgeCollection(id: .generate(), ownerID: owner, name: name, readers: readers, createdAt: self.time(0))
    }

    static func passage(_ ordinal: Int, _ text: String, headings: [String] = [], vector: [Float]? = nil) -> NewPassage {
        NewPassage(
            ordinal: ordinal, headings: headings, page: ordinal + 1, range: (ordinal * 10)..<(ordinal * 10 + 10),
            text: text, vector: vector)
    }

    static func job(
        _ kind: JobKind = .summarise, key: String? = nil, at ms: Int64 = 0, payload: String = "{}"
    ) -> NewJob {
        NewJob(kind: kind, payload: payload, dedupeKey: key, runAt: self.time(ms))
    }
}

extension DocumentStore where Self: PassageStore {
    /// Stores a content of these bytes' hash seed, in parts.
    func upload(_ seed: Int, byteCount: Int = 10) async throws {
        var rest = byteCount
        var part = 0
        while rest > 0 {
            let count = min(rest, CoreLimits.contentPartBytes)
            try await self.writeContent(
                Samples.hash(seed), part: part, bytes: [UInt8](repeating: UInt8(truncatingIfNeeded: seed), count: count)
            )
            rest -= count
            part += 1
        }
        try await self.completeContent(Samples.hash(seed), byteCount: byteCount)
    }

    /// Adds a document that waits for its job.
    func add(
        _ name: String, content seed: Int, to collection: CollectionID, owner: UserID, at ms: Int64 = 0
    ) async throws -> (Document, DocumentAddition) {
        try await self.upload(seed)
        let new = NewDocument(
            id: .generate(), collectionID: collection, name: name, byteCount: 10, contentHash: Samples.hash(seed),
            at: Samples.time(ms))
        return try await self.add(new, owner: owner)
    }

    /// Stages and publishes texts as a document's present version.
    func publish(
        _ document: Document, title: String = "Title", _ texts: [String], vectors: [[Float]]? = nil
    ) async throws {
        let version = DocumentVersion(documentID: document.id, version: document.version)
        let passages = texts.enumerated().map { Samples.passage($0.offset, $0.element, vector: vectors?[$0.offset]) }
        try await self.stage(passages, of: version, model: vectors == nil ? nil : Samples.model)
        try await self.publish(
            version, title: title, mediaType: "text/plain", passageCount: texts.count, at: Samples.time(1))
    }

    /// Adds a document that can be found.
    @discardableResult
    func addReady(
        _ name: String, content seed: Int, to collection: CollectionID, owner: UserID, _ texts: [String],
        vectors: [[Float]]? = nil
    ) async throws -> Document {
        let (document, _) = try await self.add(name, content: seed, to: collection, owner: owner)
        try await self.publish(document, texts, vectors: vectors)
        return try await self.document(document.id, readableBy: owner)
    }

    /// The texts that a question finds.
    func found(_ query: String, in partitions: [Int64], limit: Int = 50) async throws -> [String] {
        let terms = try await self.terms(of: query, partitions: partitions).map(\.stem)
        let hits = try await self.keywordSearch(terms, partitions: partitions, limit: limit)
        let passages = try await self.passages(hits.map(\.number), partitions: partitions)
        return hits.compactMap { hit in passages.first { $0.number == hit.number }?.text }
    }

    func sweepAll(now: Timestamp = .now()) async throws {
        while try await self.sweep(now: now) {}
    }
}
