//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//

/// Moves a query towards the best of what it found.
///
/// Pseudo-relevance feedback on vectors (Rocchio 1971; Li et al. 2021, *Pseudo Relevance Feedback with Deep Language
/// Models and Dense Retrievers*): the first answers, which words and vectors agree on, say in the language of the
/// documents what the question said in its own. Only the candidates are compared again, so it costs no second search.
enum QueryFeedback {
    /// The best candidates that the query is moved to. One to five do.
    static let sources = 2
    /// How much their mean direction counts beside the query.
    static let weight = 1.0

    /// The candidates' products with the moved query.
    ///
    /// - Parameters:
    ///   - cosines: of each candidate with the query; `nil` when it has no vector.
    ///   - scores: of the candidates, by which the best are chosen, ties by place.
    ///   - rows: the vectors of those candidates that have one, in order.
    static func moved(cosines: [Double?], scores: [Double], rows: VectorRows) -> [Double?] {
        let withVector = cosines.indices.filter { cosines[$0] != nil }
        precondition(withVector.count == rows.count, "One row for each candidate with a vector.")
        let best =
            rows.count == 0
            ? []
            : withVector.indices
                .sorted { (scores[withVector[$0]], $1) > (scores[withVector[$1]], $0) }
                .prefix(self.sources)
        var sources = VectorRows(dimension: rows.dimension)
        for row in best { sources.append(rows[row]) }
        let length = Double(sources.innerProducts(with: sources).reduce(0, +)).squareRoot()
        guard length > 0 else { return cosines }
        let products = rows.innerProducts(with: sources)
        var moved = cosines
        for (row, place) in withVector.enumerated() {
            let sum = products[(row * sources.count)..<((row + 1) * sources.count)].reduce(0, +)
            moved[place] = (cosines[place] ?? 0) + self.weight * Double(sum) / length
        }
        return moved
    }
}
