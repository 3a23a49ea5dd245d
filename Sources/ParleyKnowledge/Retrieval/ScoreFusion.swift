//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//

/// One score from two: how well the words fit and how near the meaning is.
///
/// Convex fusion of scores normalised by least and largest over the candidates (Bruch, Gai and Ingber 2023, *An
/// Analysis of Fusion Functions for Hybrid Retrieval*, ACM TOIS 42(1)). Reciprocal ranks need no normalisation but
/// throw away by how much one candidate is better; docs/decisions/0014 has both measured.
enum ScoreFusion {
    /// The weight of vectors; words have the rest. Anything from 0.5 to 0.7 does as well.
    static let vectorWeight = 0.6

    /// - Parameters:
    ///   - words: BM25 of each candidate; `nil` when the search by words did not bring it.
    ///   - cosines: of each candidate with the query; `nil` when it has no vector.
    ///   - wordsCutOff: whether the search by words left candidates out, so that a missing score may be as high as the
    ///     least one it brought; otherwise it is zero.
    /// - Returns: from 0 to 1, in the candidates' order.
    static func fused(words: [Double?], cosines: [Double?], wordsCutOff: Bool) -> [Double] {
        let missingWords = wordsCutOff ? words.lazy.compactMap(\.self).min() ?? 0 : 0
        let byWords = self.normalised(words.map { $0 ?? missingWords })
        let missingCosine = cosines.lazy.compactMap(\.self).min() ?? 0
        let byVectors = self.normalised(cosines.map { $0 ?? missingCosine })
        return zip(byWords, byVectors).map { $0 * (1 - self.vectorWeight) + $1 * self.vectorWeight }
    }

    /// The least becomes 0, the largest 1; 1 for all when they are the same and above zero.
    static func normalised(_ scores: [Double]) -> [Double] {
        guard let least = scores.min(), let largest = scores.max() else { return [] }
        guard largest > least else { return scores.map { $0 > 0 ? 1 : 0 } }
        return scores.map { ($0 - least) / (largest - least) }
    }
}
