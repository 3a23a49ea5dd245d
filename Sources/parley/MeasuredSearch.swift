//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Metrics
import ParleyCore

/// Measures how long searches take.
struct MeasuredSearch: KnowledgeSearch {
    let search: any KnowledgeSearch

    func search(_ query: KnowledgeQuery) async throws(KnowledgeError) -> KnowledgeResult {
        let start = ContinuousClock.now
        do {
            let result = try await self.search.search(query)
            self.record(start, result.usedVectors ? "hybrid" : "words")
            return result
        } catch {
            self.record(start, "failed")
            throw error
        }
    }

    private func record(_ start: ContinuousClock.Instant, _ outcome: String) {
        Metrics.Timer(label: "parley_search_duration", dimensions: [("outcome", outcome)])
            .recordNanoseconds(Int64((ContinuousClock.now - start).inSeconds * 1e9))
    }
}
