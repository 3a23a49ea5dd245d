//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCore

/// A passage in the order of a search, before its text is read.
package struct RankedPassage: Sendable {
    package var number: Int64
    /// From 0 to 1.
    package var score: Double
    var evidence: RelevanceFloor.Evidence
}

/// What one search weighs: passages that the two ways of searching brought, before their texts are read.
struct Candidates {
    /// The passages, each once, in the order of their numbers.
    let numbers: [Int64]
    private let words: [Double?]
    private let wordsCutOff: Bool
    private let information: Double

    /// - Parameters:
    ///   - byWords: with their BM25, at most `KnowledgeLimits.searchCandidates` like the next.
    ///   - byVectors: nearest first.
    ///   - information: of all the query's words.
    init(byWords: [ScoredNumber], byVectors: [ScoredNumber], information: Double) {
        let found = Dictionary(byWords.map { ($0.number, $0.score) }, uniquingKeysWith: max)
        self.numbers = Set(byVectors.map(\.number)).union(found.keys).sorted()
        self.words = self.numbers.map { found[$0] }
        self.wordsCutOff = byWords.count >= KnowledgeLimits.searchCandidates
        self.information = information
    }

    /// Best first, ties by number. By words alone when there is no query vector.
    ///
    /// - Parameters:
    ///   - query: the query's vector.
    ///   - vectors: of the candidates, in no order; some may lack.
    func ranked(query: [Float]?, vectors: [StoredVector], scale: VectorScale) -> [RankedPassage] {
        guard let query else {
            return self.ranking(ScoreFusion.normalised(self.words.map { $0 ?? 0 }), cosines: nil, scale: scale)
        }
        let known = Dictionary(vectors.map { ($0.number, $0.vector) }, uniquingKeysWith: { first, _ in first })
        var (rows, queryRow) = (VectorRows(dimension: query.count), VectorRows(dimension: query.count))
        guard queryRow.append(query) else { return self.ranked(query: nil, vectors: [], scale: scale) }
        let places = self.numbers.map { number -> Int? in
            guard let vector = known[number], rows.append(vector) else { return nil }
            return rows.count - 1
        }
        let products = rows.innerProducts(with: queryRow)
        let cosines = places.map { $0.map { Double(products[$0]) } }
        let first = ScoreFusion.fused(words: self.words, cosines: cosines, wordsCutOff: self.wordsCutOff)
        let moved = QueryFeedback.moved(cosines: cosines, scores: first, rows: rows)
        let second = ScoreFusion.fused(words: self.words, cosines: moved, wordsCutOff: self.wordsCutOff)
        // What the query itself is near to decides what is relevant, not where it was moved.
        var ranking = self.ranking(second, cosines: cosines, scale: scale)
        self.shareScores(&ranking, vectors: known, dimension: query.count)
        return ranking
    }

    private func ranking(_ scores: [Double], cosines: [Double?]?, scale: VectorScale) -> [RankedPassage] {
        self.numbers.indices.map { place in
            let cosine = cosines.flatMap { $0[place] }
            let share = self.information > 0 ? (self.words[place] ?? 0) / self.information : 0
            return RankedPassage(
                number: self.numbers[place], score: scores[place],
                evidence: RelevanceFloor.Evidence(
                    closeness: cosine.map { scale.closeness(ofCosine: $0) }, wordShare: share))
        }.sorted(by: Self.isBetter)
    }

    private static func isBetter(_ one: RankedPassage, _ other: RankedPassage) -> Bool {
        (one.score, other.number) > (other.score, one.number)
    }

    /// Lets the best ones share their scores with their neighbours; the rest stays behind them.
    private func shareScores(_ ranking: inout [RankedPassage], vectors: [Int64: [Float]], dimension: Int) {
        let best = ranking.prefix(KnowledgeLimits.neighbourhoodCandidates)
        let none = [Float](repeating: 0, count: dimension)
        var rows = VectorRows(dimension: dimension)
        let hasVector = best.map { candidate in
            if let vector = vectors[candidate.number], rows.append(vector) { return true }
            rows.append(none)
            return false
        }
        let scores = Neighbourhood.shared(
            best.map(\.score), cosines: rows.innerProducts(with: rows), hasVector: hasVector)
        var shared = zip(best, scores).map { candidate, score in
            RankedPassage(number: candidate.number, score: score, evidence: candidate.evidence)
        }.sorted(by: Self.isBetter)
        // A score below the best of the rest is lifted to it, so that scores fall along the whole ranking.
        if let next = ranking.dropFirst(best.count).first?.score {
            for place in shared.indices where shared[place].score < next { shared[place].score = next }
        }
        ranking.replaceSubrange(0..<best.count, with: shared)
    }
}
