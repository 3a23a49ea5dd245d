//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation
import Logging
import OpenSSLCrypto
import ParleyCore
import ParleyKnowledge
import ParleyStore
import VectorIndex

/// One collection in a database, with an index over it.
final class Library: Sendable {
    /// Documents that are embedded and applied to the index at once.
    private static let batch = 64

    private let store: SQLiteStore
    private let embedder: any Embedder
    private let index: IndexedVectors
    private let collection: StoredCollection
    private let search: HybridSearch
    private let user = UserID.generate()

    init(folder: String, embedder: any Embedder) async throws {
        self.store = try SQLiteStore(path: folder + "/figures.sqlite", durability: .processCrash)
        self.embedder = embedder
        let model = try await embedder.model
        self.index = IndexedVectors(
            index: try VectorIndex(VectorIndex.Configuration(model: model.name, dimension: model.dimension)))
        self.collection = try await self.store.collection(named: "Figures", owner: self.user, at: .now())
        self.search = HybridSearch(
            documents: self.store, passages: self.store, embedder: embedder, index: self.index,
            logger: Logger(label: "figures"))
    }

    // MARK: Filling

    /// Document by document as ingestion does; a text is one passage, cut where ingestion would have to begin another.
    func add(_ documents: [Line]) async throws {
        for start in stride(from: 0, to: documents.count, by: Self.batch) {
            for document in documents[start..<min(start + Self.batch, documents.count)] {
                try await self.add(document)
            }
            let sequence = try await self.store.lastChange()
            FileHandle.standardError.write(
                Data("\(min(start + Self.batch, documents.count)) documents, \(sequence)\n".utf8))
        }
        let model = try await self.embedder.model
        var last: Int64 = 0
        while true {
            let vectors = try await self.store.vectors(of: nil, model: model, after: last, limit: 500)
            guard let end = vectors.last else { break }
            try self.index.index.apply(
                upserts: vectors.map { VectorIndex.Entry(id: $0.number, partition: $0.partition, vector: $0.vector) },
                sequence: end.number)
            last = end.number
        }
    }

    private func add(_ line: Line) async throws {
        let (title, text) = (line.title ?? "", line.text ?? "")
        let bytes = Array((line.id + "\n" + title + "\n" + text).utf8)
        let hash = sha256(bytes)
        try await self.store.writeContent(hash, part: 0, bytes: bytes)
        try await self.store.completeContent(hash, byteCount: bytes.count)
        let (document, _) = try await self.store.add(
            NewDocument(
                id: .generate(), collectionID: self.collection.collection.id, name: line.id, byteCount: bytes.count,
                contentHash: hash, at: .now()), owner: self.user)
        let version = DocumentVersion(documentID: document.id, version: document.version)
        let words = text.split(separator: " ")
        var texts = stride(from: 0, to: words.count, by: KnowledgeLimits.passageWords).map {
            words[$0..<min($0 + KnowledgeLimits.passageWords, words.count)].joined(separator: " ")
        }
        if texts.isEmpty { texts = [title] }
        let vectors = try await self.embedder.embed(texts.map { "\(title)\n\n\($0)" }, purpose: .passage)
        let passages = zip(texts, vectors).enumerated().map { ordinal, passage in
            NewPassage(
                ordinal: ordinal, headings: [], page: nil, range: ordinal..<(ordinal + 1), text: passage.0,
                vector: passage.1)
        }
        try await self.store.stage(passages, of: version, model: self.embedder.model)
        try await self.store.publish(
            version, title: title, mediaType: "text/plain", passageCount: passages.count, at: .now())
    }

    // MARK: Searching

    func answer(_ line: Line) async throws -> Answer {
        let text = line.query ?? ""
        let partitions = [self.collection.partition]
        var ways: [String: Answer.Way] = [:]
        ways["words"] = try await self.timed {
            let stems = try await self.store.terms(of: text, partitions: partitions).map(\.stem)
            return try await self.store.keywordSearch(
                stems, partitions: partitions, limit: KnowledgeLimits.searchCandidates)
        }
        ways["vectors"] = try await self.timed {
            let vector = try await self.embedder.embed([text], purpose: .query)[0]
            return try await self.index.nearest(
                vector, partitions: Set(partitions), limit: KnowledgeLimits.searchCandidates)
        }
        ways["ranking"] = try await self.timed {
            guard let text = SearchText(text) else { return [] }
            return try await self.search.ranking(of: text, partitions: partitions).ranking.map {
                ScoredNumber(number: $0.number, score: $0.score)
            }
        }
        ways["search"] = try await self.timed {
            try await self.search.search(KnowledgeQuery(text: text, userID: self.user, limit: CoreLimits.foundPassages))
                .hits.map {
                    ScoredNumber(number: $0.passage.number, score: $0.score)
                }
        }
        return Answer(id: line.id, ways: ways)
    }

    private func timed(_ search: () async throws -> [ScoredNumber]) async throws -> Answer.Way {
        let start = ContinuousClock.now
        let found = try await search()
        var way = Answer.Way()
        way.milliseconds = (ContinuousClock.now - start) / .milliseconds(1)
        let passages = try await self.store.passages(found.map(\.number), partitions: [self.collection.partition])
        let documents = try await self.names(passages)
        for hit in found {
            guard let name = documents[hit.number], !way.documents.contains(name) else { continue }
            way.documents.append(name)
            way.scores.append(hit.score)
        }
        return way
    }

    private func names(_ passages: [StoredPassage]) async throws -> [Int64: String] {
        var names: [Int64: String] = [:]
        for passage in passages {
            names[passage.number] = try await self.store.document(passage.documentID, readableBy: self.user).name
        }
        return names
    }
}

/// The index without the machinery that keeps it in step.
struct IndexedVectors: PassageIndex {
    let index: VectorIndex

    var isReady: Bool { true }

    func nearest(
        _ vector: [Float], partitions: Set<Int64>, limit: Int
    ) async throws(KnowledgeError) -> [ScoredNumber] {
        do {
            return try self.index.search(vector, limit: limit, filter: .partitions(partitions)).map {
                ScoredNumber(number: $0.id, score: Double($0.score))
            }
        } catch {
            throw KnowledgeError(.internal, "The index cannot be searched.", cause: error)
        }
    }
}
