//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
public import Logging
public import ParleyCore

/// Finds passages by their words and by their meaning.
///
/// One search: the collections that the user may read become partitions; within these, at the same time, BM25 brings
/// passages that share words with the query and the index those whose vectors are nearest; both scores become one
/// (``ScoreFusion``), once more after the query was moved to the best (``QueryFeedback``), and are shared among
/// neighbours (``Neighbourhood``); what has nothing to do with the query is left out (``RelevanceFloor``), then what
/// says the same twice (``NearDuplicates``). Texts are read from the rows at the end: a passage without a live row in
/// these partitions is not given, whatever an index holds.
///
/// Each way of searching has a deadline. When one fails the other goes on alone, which is reported and logged.
public struct HybridSearch: KnowledgeSearch {
    let documents: any DocumentStore
    let passages: any PassageStore
    let queries: QueryVectors?
    let index: (any PassageIndex)?
    let clock: any Clock<Duration>
    let logger: Logger

    /// - Parameters:
    ///   - embedder: `nil` searches by words alone.
    ///   - index: holds vectors of the embedder's model; `nil` searches by words alone.
    ///   - clock: of the deadlines.
    public init(
        documents: any DocumentStore, passages: any PassageStore, embedder: (any Embedder)?,
        index: (any PassageIndex)?, clock: any Clock<Duration> = ContinuousClock(), logger: Logger
    ) {
        self.documents = documents
        self.passages = passages
        self.queries = embedder.map { QueryVectors($0, clock: clock) }
        self.index = index
        self.clock = clock
        self.logger = logger
    }

    /// A query that is too long is cut, see ``SearchText``; at most `CoreLimits.foundPassages` are given.
    ///
    /// - Throws: `.notFound` for a collection that the user may not read; `.invalid` for too many; `.unavailable` when
    ///   the rows cannot be read or neither way of searching works.
    public func search(_ query: KnowledgeQuery) async throws(KnowledgeError) -> KnowledgeResult {
        let partitions = try await self.partitions(query)
        guard !partitions.isEmpty else { return KnowledgeResult(hits: [], usedVectors: false) }
        async let unready = self.unready(partitions)
        guard let text = SearchText(query.text), query.limit > 0 else {
            return KnowledgeResult(hits: [], unready: await unready, usedVectors: false)
        }
        let limit = min(query.limit, CoreLimits.foundPassages)
        var found = try await self.found(text, partitions: partitions, limit: limit)
        if found.hasVanished {
            // A document got another content between the ranking and the reading of its rows: the new one is there.
            found = try await self.found(text, partitions: partitions, limit: limit)
        }
        return KnowledgeResult(hits: found.hits, unready: await unready, usedVectors: found.usedVectors)
    }

    /// What one search finds; whether some of it was gone when its rows were read.
    private struct Found {
        var hits: [KnowledgeResult.Hit]
        var hasVanished: Bool
        var usedVectors: Bool
    }

    private func found(
        _ text: SearchText, partitions: [Int64], limit: Int
    ) async throws(KnowledgeError) -> Found {
        let (ranking, usedVectors) = try await self.ranking(of: text, partitions: partitions)
        let (hits, hasVanished) = try await self.hits(ranking, partitions: partitions, limit: limit)
        return Found(hits: hits, hasVanished: hasVanished, usedVectors: usedVectors)
    }

    // MARK: Access

    /// The partitions of the asked collections, each of which the user must be able to read, or of all such; of more
    /// than one search can bear the first ones, which are the user's own.
    private func partitions(_ query: KnowledgeQuery) async throws(KnowledgeError) -> [Int64] {
        let readable = try await self.reading { try await self.documents.partitions(readableBy: query.userID) }
        guard let asked = query.collections else {
            return Set(readable.prefix(KnowledgeLimits.searchedCollections).map(\.partition)).sorted()
        }
        guard asked.count <= KnowledgeLimits.searchedCollections else {
            throw KnowledgeError(
                .invalid, "At most \(KnowledgeLimits.searchedCollections) collections can be searched at once.")
        }
        let partitions = Dictionary(
            readable.map { ($0.collection, $0.partition) }, uniquingKeysWith: { first, _ in first })
        var found: Set<Int64> = []
        for collection in asked {
            guard let partition = partitions[collection] else {
                throw KnowledgeError(.notFound, "There is no such collection.")
            }
            found.insert(partition)
        }
        return found.sorted()
    }

    /// What cannot be told is no reason not to search.
    private func unready(_ partitions: [Int64]) async -> [Document] {
        do throws(KnowledgeError) {
            return try await self.reading {
                try await self.documents.unreadyDocuments(in: partitions, limit: KnowledgeLimits.unreadyDocuments)
            }
        } catch {
            self.logger.warning("Cannot tell which documents are not ready", metadata: ["error": "\(error)"])
            return []
        }
    }

    // MARK: Ranking

    /// All candidates, best first, relevant or not.
    package func ranking(
        of text: SearchText, partitions: [Int64]
    ) async throws(KnowledgeError) -> (ranking: [RankedPassage], usedVectors: Bool) {
        async let byWords = self.searchWords(text, partitions: partitions)
        async let byVectors = self.searchVectors(text, partitions: partitions)
        let (words, vectors) = (await byWords, await byVectors)
        if Task.isCancelled { throw KnowledgeError(.unavailable, "The search was given up.") }
        guard words != nil || vectors != nil else {
            throw KnowledgeError(.unavailable, "The documents cannot be searched at the moment.")
        }
        let candidates = Candidates(
            byWords: words?.found ?? [], byVectors: vectors?.found ?? [], information: words?.information ?? 0)
        guard let vectors else {
            return (candidates.ranked(query: nil, vectors: [], scale: .standard), false)
        }
        let rows = try await self.reading {
            try await self.passages.vectors(
                ofPassages: candidates.numbers, partitions: partitions, model: vectors.query.model)
        }
        return (
            candidates.ranked(query: vectors.query.vector, vectors: rows, scale: vectors.query.scale), true
        )
    }

    // MARK: Rows

    /// The relevant ones as their rows are now, without repeats.
    private func hits(
        _ ranking: [RankedPassage], partitions: [Int64], limit: Int
    ) async throws(KnowledgeError) -> (hits: [KnowledgeResult.Hit], hasVanished: Bool) {
        let relevant = RelevanceFloor.relevant(ranking.map(\.evidence)).map { ranking[$0] }
            .prefix(KnowledgeLimits.neighbourhoodCandidates + limit)
        guard !relevant.isEmpty else { return ([], false) }
        let rows = try await self.reading {
            try await self.passages.passages(relevant.map(\.number), partitions: partitions)
        }
        let passages = Dictionary(rows.map { ($0.number, $0) }, uniquingKeysWith: { first, _ in first })
        var (hits, taken): ([KnowledgeResult.Hit], NearDuplicates) = ([], NearDuplicates())
        for candidate in relevant where hits.count < limit {
            guard let passage = passages[candidate.number], taken.take(passage) else { continue }
            hits.append(KnowledgeResult.Hit(passage: passage, score: min(max(candidate.score, 0), 1)))
        }
        return (hits, passages.count < relevant.count)
    }

    func reading<Value: Sendable>(
        _ read: @Sendable @escaping () async throws -> Value
    ) async throws(KnowledgeError) -> Value {
        do {
            return try await within(KnowledgeLimits.searchReadDeadline, by: self.clock, read)
        } catch {
            throw KnowledgeError(.unavailable, "The documents cannot be read at the moment.", cause: error)
        }
    }
}
