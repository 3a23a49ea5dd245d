//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//

/// Decides that a passage has nothing to do with a query.
///
/// Two signs count, and either can make up for a lack of the other: how near the meaning is, against what unrelated
/// texts have by chance (``VectorScale``), and how much of the query's information the passage holds. Scores of BM25
/// are not comparable between queries, but their share of the information of all the query's words is: an unknown word
/// has the most. If not even the best passage reaches ``gate``, none is given; if it does, others are given down to
/// ``accepted``. docs/decisions/0014 has the figures.
struct RelevanceFloor {
    /// How strongly a passage bears on the query; 1 is what a search must reach.
    struct Evidence: Comparable, Sendable {
        var strength: Double

        /// - Parameters:
        ///   - closeness: of the vectors, see ``VectorScale/closeness(ofCosine:)``; `nil` when there is none.
        ///   - wordShare: the passage's BM25 as a part of the query's information.
        init(closeness: Double?, wordShare: Double) {
            let share = max(0, min(1, wordShare))
            self.strength =
                closeness.map { ($0 + share * RelevanceFloor.wordWeight) / RelevanceFloor.sufficient }
                ?? share / RelevanceFloor.sufficientShare
        }

        static func < (one: Evidence, other: Evidence) -> Bool {
            one.strength < other.strength
        }
    }

    /// What the whole share of words counts beside the closeness of vectors.
    static let wordWeight = 0.4
    /// Closeness and words together that make a passage relevant.
    static let sufficient = 1.1
    /// The share of words that makes a passage relevant without vectors.
    static let sufficientShare = 0.6
    /// What the best passage must reach.
    static let gate = 1.0
    /// What the others must reach once the best one did.
    static let accepted = 0.5

    /// The places of the passages that are relevant, in order; none when not even one is beyond doubt.
    static func relevant(_ evidence: [Evidence]) -> [Int] {
        guard let best = evidence.max(), best.strength >= self.gate else { return [] }
        return evidence.indices.filter { evidence[$0].strength >= self.accepted }
    }
}
