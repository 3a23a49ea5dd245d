//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Logging
import ParleyCore

/// The two ways of searching. Each brings at most `KnowledgeLimits.searchCandidates`, or `nil` when it does not work.
extension HybridSearch {
    struct FoundByWords {
        var found: [ScoredNumber]
        /// Of all the query's words.
        var information: Double
    }

    struct FoundByVectors {
        var found: [ScoredNumber]
        var query: QueryVectors.Query
    }

    func searchWords(_ text: SearchText, partitions: [Int64]) async -> FoundByWords? {
        await self.lane("words") {
            let terms = try await self.passages.terms(of: text.text, partitions: partitions)
            let informative = terms.sorted { ($0.information, $1.stem) > ($1.information, $0.stem) }
                .prefix(KnowledgeLimits.queryWords)
            guard !informative.isEmpty else { return FoundByWords(found: [], information: 0) }
            let found = try await self.passages.keywordSearch(
                informative.map(\.stem), partitions: partitions, limit: KnowledgeLimits.searchCandidates)
            return FoundByWords(
                found: Self.usable(found), information: informative.reduce(0) { $0 + $1.information })
        }
    }

    func searchVectors(_ text: SearchText, partitions: [Int64]) async -> FoundByVectors? {
        guard let index = self.index, let queries = self.queries, await index.isReady else { return nil }
        return await self.lane("vectors") {
            let query = try await queries.query(text)
            let found = try await index.nearest(
                query.vector, partitions: Set(partitions), limit: KnowledgeLimits.searchCandidates)
            return FoundByVectors(found: Self.usable(found), query: query)
        }
    }

    private static func usable(_ found: [ScoredNumber]) -> [ScoredNumber] {
        found.prefix(KnowledgeLimits.searchCandidates).filter(\.score.isFinite)
    }

    private func lane<Found: Sendable>(
        _ name: String, _ work: @Sendable @escaping () async throws -> Found
    ) async -> Found? {
        do {
            return try await within(KnowledgeLimits.searchLaneDeadline, by: self.clock, work)
        } catch {
            if !Task.isCancelled {
                self.logger.warning(
                    "A search goes on without one of its ways", metadata: ["way": "\(name)", "error": "\(error)"])
            }
            return nil
        }
    }
}
