//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//

/// Scores shared among candidates that are close to each other.
///
/// Passages that are about the same thing tend to be relevant to the same questions (the cluster hypothesis), so a
/// score that sticks out from its surroundings is likely to be wrong. Each candidate takes a part of the mean of its
/// nearest neighbours, weighted by a power of their cosines (Diaz 2005, *Regularizing ad hoc retrieval scores*, CIKM,
/// in its one-step form). It needs no second search and reads no text.
enum Neighbourhood {
    /// How much of a score is the neighbours'. Anything from 0.3 to 0.5 does as well.
    static let share = 0.4
    /// Neighbours of one candidate. Anything from 3 to 15 does as well.
    static let neighbours = 8
    /// The power of the cosine by which a neighbour counts: a near one much more than a middling one.
    private static func weight(_ cosine: Float) -> Double {
        let square = Double(cosine) * Double(cosine)
        return square * square
    }
    /// There are at least this many candidates for each neighbour, so that the nearest of few are not all.
    private static let candidatesPerNeighbour = 6

    /// - Parameters:
    ///   - scores: of the candidates, from 0 to 1.
    ///   - cosines: of each candidate with each: `cosines[i * scores.count + j]`.
    ///   - hasVector: candidates that have none keep their scores and are nobody's neighbours.
    static func shared(_ scores: [Double], cosines: [Float], hasVector: [Bool]) -> [Double] {
        let count = scores.count
        precondition(cosines.count == count * count && hasVector.count == count, "One row and column for each.")
        let size = min(self.neighbours, count / self.candidatesPerNeighbour)
        guard size > 0 else { return scores }
        return scores.indices.map { own in
            guard hasVector[own] else { return scores[own] }
            let row = own * count
            let near = scores.indices.lazy.filter { $0 != own && hasVector[$0] && cosines[row + $0] > 0 }
                .sorted { (cosines[row + $0], $1) > (cosines[row + $1], $0) }
                .prefix(size)
            let weight = near.reduce(0) { $0 + self.weight(cosines[row + $1]) }
            guard weight > 0 else { return scores[own] }
            let mean = near.reduce(0) { $0 + self.weight(cosines[row + $1]) * scores[$1] } / weight
            return (1 - self.share) * scores[own] + self.share * mean
        }
    }
}
