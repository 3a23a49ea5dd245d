//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCore
import SeededRandom
import Testing

@testable import ParleyKnowledge

@Suite("Ranking")
struct RankingTests {
    // MARK: Fusion

    @Test("the best by words and by vectors has 1, the worst by both 0")
    func fusion() {
        let scores = ScoreFusion.fused(words: [9, 5, 1], cosines: [0.8, 0.5, 0.1], wordsCutOff: true)
        #expect(scores.map { ($0 * 1000).rounded() / 1000 } == [1, 0.543, 0])
    }

    @Test("a candidate that the search by words did not bring has no words, or as few as the last one of a full search")
    func missingWords() {
        #expect(
            ScoreFusion.fused(words: [2, 1, nil], cosines: [1, 1, 1], wordsCutOff: true).suffix(2).map { $0 } == [
                0.6, 0.6,
            ])
        #expect(ScoreFusion.fused(words: [2, 1, nil], cosines: [1, 1, 1], wordsCutOff: false) == [1, 0.8, 0.6])
    }

    @Test("scores that are all the same are 1, or 0 when there are none")
    func sameScores() {
        #expect(ScoreFusion.normalised([3, 3]) == [1, 1])
        #expect(ScoreFusion.normalised([0, 0]) == [0, 0])
        #expect(ScoreFusion.normalised([]).isEmpty)
    }

    // MARK: Feedback

    @Test("what is near the best candidates gains, what is as near the query but far from them does not")
    func feedback() {
        let rows = VectorRows([[0.6, 0.8, 0], [0.6, 0.7, 0.39], [0.5, 0.87, 0], [0.5, -0.87, 0]])
        let moved = QueryFeedback.moved(
            cosines: [0.6, 0.6, 0.5, 0.5, nil], scores: [1, 0.9, 0.2, 0.2, 0.1], rows: rows
        ).map { $0 ?? -9 }
        #expect(moved[2] > moved[3] + 1)
        #expect(moved[4] == -9)
    }

    @Test("without vectors nothing is moved")
    func noFeedback() {
        let cosines: [Double?] = [nil, nil]
        #expect(QueryFeedback.moved(cosines: cosines, scores: [1, 0], rows: VectorRows(dimension: 3)) == cosines)
        #expect(QueryFeedback.moved(cosines: [0], scores: [1], rows: VectorRows([[0, 0]])) == [0])
    }

    // MARK: Neighbourhood

    @Test("among equal scores the one with better neighbours wins, and the sum of influences stays within 0 and 1")
    func neighbours() {
        // Six in a group with high scores, six in one with low scores; one of each group has the same score.
        let scores = [0.5, 1, 1, 1, 1, 1, 0.5, 0, 0, 0, 0, 0]
        let cosines = (0..<144).map { Float($0 / 12 / 6 == $0 % 12 / 6 ? 0.9 : 0.1) }
        let shared = Neighbourhood.shared(scores, cosines: cosines, hasVector: .init(repeating: true, count: 12))
        #expect(shared[0] > 0.5 && shared[6] < 0.5)
        #expect(shared.allSatisfy { (0...1).contains($0) })
    }

    @Test("few candidates, ones without vectors and ones without near neighbours keep their scores")
    func noNeighbours() {
        #expect(Neighbourhood.shared([0.5, 1], cosines: [1, 1, 1, 1], hasVector: [true, true]) == [0.5, 1])
        let scores = (0..<12).map { Double($0) / 12 }
        let all = [Float](repeating: 1, count: 144)
        let shared = Neighbourhood.shared(scores, cosines: all, hasVector: [false] + .init(repeating: true, count: 11))
        #expect(shared[0] == scores[0] && shared[11] != scores[11])
        let apart = [Float](repeating: -0.5, count: 144)
        #expect(Neighbourhood.shared(scores, cosines: apart, hasVector: .init(repeating: true, count: 12)) == scores)
    }

    // MARK: Candidates

    private func vector(_ angle: Double) -> [Float] {
        [Float(angle), Float((1 - angle * angle).squareRoot())]
    }

    @Test("the ranking does not depend on the order in which candidates and vectors come, and its scores fall")
    func order() {
        var random = SeededGenerator(seed: 7)
        let words = (0..<90).map { ScoredNumber(number: $0, score: Double($0 % 9)) }
        let vectors = (30..<130).map { ScoredNumber(number: $0, score: Double($0 % 10) / 10) }
        let stored = (0..<130).map {
            StoredVector(number: $0, partition: 1, vector: self.vector(Double($0 % 10) / 10))
        }
        let rank = { (words: [ScoredNumber], vectors: [ScoredNumber], stored: [StoredVector]) in
            Candidates(byWords: words, byVectors: vectors, information: 8)
                .ranked(query: [1, 0], vectors: stored, scale: .standard)
        }
        let ranking = rank(words, vectors, stored)
        #expect(ranking.count == 130)
        #expect(ranking.map(\.score) == ranking.map(\.score).sorted(by: >))
        for _ in 0..<5 {
            let again = rank(
                words.shuffled(using: &random), vectors.shuffled(using: &random), stored.shuffled(using: &random))
            #expect(again.map(\.number) == ranking.map(\.number))
        }
    }

    @Test("vectors of another dimension or with numbers that are none are as if they were not there")
    func foreignVectors() {
        let words = (0..<20).map { ScoredNumber(number: $0, score: 1) }
        let stored = [
            StoredVector(number: 0, partition: 1, vector: [1, 0, 0]),
            StoredVector(number: 1, partition: 1, vector: [.nan, 0]),
            StoredVector(number: 2, partition: 1, vector: [1, 0]),
            StoredVector(number: 3, partition: 1, vector: [0, 1]),
        ]
        let ranking = Candidates(byWords: words, byVectors: [], information: 1)
            .ranked(query: [1, 0], vectors: stored, scale: .standard)
        #expect(ranking.count == 20)
        #expect(ranking.first?.number == 2)
        #expect(ranking.allSatisfy { $0.score.isFinite })
    }

    // MARK: Floor

    @Test(
        "closeness or all the words make a passage relevant; a middling share of both does too; little of both does not"
    )
    func evidence() {
        let strength = { RelevanceFloor.Evidence(closeness: $0, wordShare: $1).strength }
        #expect(strength(1.2, 0) >= 1)
        #expect(strength(0.75, 1) >= 1)
        #expect(strength(nil, 0.7) >= 1)
        #expect(strength(0.5, 0.5) < 1)
        #expect(strength(0.2, 1) < 1)
        #expect(strength(nil, 0.5) < 1)
        #expect(strength(0.2, 50) < 1, "repeating a word is no more than having it")
    }

    @Test("weaker passages are given only beside one beyond doubt")
    func gate() {
        let evidence = { (closeness: Double) in RelevanceFloor.Evidence(closeness: closeness, wordShare: 0) }
        #expect(RelevanceFloor.relevant([evidence(0.7), evidence(2), evidence(0.1)]) == [0, 1])
        #expect(RelevanceFloor.relevant([evidence(0.8), evidence(1), evidence(0.1)]).isEmpty)
        #expect(RelevanceFloor.relevant([]).isEmpty)
    }

    @Test("a model's scale comes from its unrelated pairs; a few related ones among them do not move it much")
    func scale() throws {
        let cosines = (0..<240).map { Float($0) / 240 * 0.2 + 0.6 }
        let scale = try #require(VectorScale(unrelatedCosines: cosines))
        #expect(abs(scale.unrelated - 0.7) < 0.01)
        #expect(abs(scale.spread - 0.074) < 0.002)
        let disturbed = try #require(VectorScale(unrelatedCosines: cosines.dropLast(5) + [1, 1, 1, 1, 1]))
        #expect(abs(disturbed.spread - scale.spread) < 0.01)
        #expect(VectorScale(unrelatedCosines: [0.1, 0.2]) == nil)
        #expect(VectorScale(unrelatedCosines: cosines + [.nan]) == nil)
        #expect(VectorScale(unrelatedCosines: .init(repeating: 0.5, count: 100))?.spread ?? 0 > 0)
    }

    // MARK: Near duplicates

    private func passage(_ text: String, document: DocumentID = .generate(), range: Range<Int> = 0..<1) -> StoredPassage
    {
        StoredPassage(
            number: 1, documentID: document, collectionID: .generate(), documentTitle: "", ordinal: 0, headings: [],
            page: nil, range: range, text: text)
    }

    /// Which of the passages are taken, one after the other.
    private func taken(_ passages: [StoredPassage]) -> [Bool] {
        var taken = NearDuplicates()
        return passages.map { taken.take($0) }
    }

    private func words(_ numbers: Range<Int>) -> String {
        numbers.map { "word\($0)" }.joined(separator: " ")
    }

    @Test("case, punctuation and a few words do not make another passage")
    func repeats() {
        let text = self.words(0..<60)
        let others = [text, text.uppercased().replacing(" ", with: ", "), "Another beginning: " + text]
        #expect(self.taken(([text] + others).map { self.passage($0) }) == [true, false, false, false])
        #expect(self.taken([text, self.words(40..<100)].map { self.passage($0) }) == [true, true])
        #expect(self.taken([text, self.words(0..<10)].map { self.passage($0) }) == [true, true])
        #expect(self.taken(["", "..."].map { self.passage($0) }) == [true, false])
    }

    @Test("rows of a table that differ in a few numbers are different passages")
    func rows() {
        let rows = [
            "Article 4711 costs 20 euros and weighs 3 kilograms", "Article 4712 costs 25 euros and weighs 4 kilograms",
        ]
        #expect(self.taken(rows.map { self.passage($0) }) == [true, true])
    }

    @Test("in scripts without spaces characters are compared")
    func unspaced() {
        let texts = [
            "育児休暇は十二か月です。誰でも取得できます。", "育児休暇は十二か月です。誰でも取得できます！",
            "食堂は九時に閉まります。日曜日は休みです。",
        ]
        #expect(self.taken(texts.map { self.passage($0) }) == [true, false, true])
    }

    @Test("passages of one document that overlap for the most part are one")
    func overlap() {
        let document = DocumentID.generate()
        let passages = [
            self.passage("one", document: document, range: 0..<100),
            self.passage("two", document: document, range: 10..<105),
            self.passage("three", document: document, range: 80..<180),
            self.passage("four", range: 0..<100),
        ]
        #expect(self.taken(passages) == [true, false, true, true])
    }

    // MARK: Query text

    @Test("a query without letters and digits is none", arguments: ["", " \n", "?!…", "👍"])
    func noText(_ text: String) {
        #expect(SearchText(text) == nil)
    }

    @Test(
        "a long query keeps its beginning and its end and never breaks a character",
        arguments: ["word ", "ä", "漢", "👩‍👩‍👧", "e\u{301}\u{302}"])
    func longText(_ unit: String) throws {
        let text = try #require(SearchText("first " + String(repeating: unit, count: 100_000) + " last")).text
        #expect(text.hasPrefix("first"))
        #expect(text.hasSuffix("last"))
        #expect(text.utf8.count <= CoreLimits.queryBytes)
        #expect(!text.unicodeScalars.contains("\u{FFFD}"))
        #expect(SearchText("short")?.text == "short")
    }

    // MARK: Deadlines

    @Test("work that hangs is given up at its deadline, work in time is not", .timeLimit(.minutes(1)))
    func deadline() async throws {
        await #expect(throws: DeadlinePassed.self) {
            try await within(.seconds(1), by: PassedClock()) { await SmallWorld.hang() }
        }
        #expect(try await within(.seconds(3600), by: ContinuousClock()) { 7 } == 7)
    }
}
