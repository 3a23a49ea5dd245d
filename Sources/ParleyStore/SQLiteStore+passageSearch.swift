//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation
import GRDB
public import ParleyCore

/// Finding passages by words, and reading them.
extension SQLiteStore {
    /// Each partition is searched by itself, with what is known of the terms in all of them: a passage's score does not
    /// depend on the partition, and what others wrote costs nothing. What is met and is not live, dead passages before
    /// they are swept and those of a publication under way, is passed over as the ranked rows are read; it takes no
    /// place of a live one.
    public func keywordSearch(
        _ terms: [String], partitions: [Int64], limit: Int
    ) async throws(StoreError) -> [ScoredNumber] {
        try Self.check(partitions)
        let limit = min(max(limit, 1), StoreLimits.keywordHits)
        return try await self.read { db in
            let living = try CollectionRow.living(partitions, db)
            let statistics = try TermStatistics(
                Array(terms.filter { !$0.isEmpty }.prefix(StoreLimits.searchedTerms)), in: living, db)
            var hits: [ScoredNumber] = []
            for (place, partition) in living.enumerated() {
                guard let search = statistics.search(of: place, partition, limit: limit) else { continue }
                hits += try db.rows(Self.keywordHits, [search.expression, search.rank, limit]).map {
                    ScoredNumber(number: $0[0], score: -($0[1] as Double))
                }
                if place > 0 {
                    hits.sort { ($0.score, $1.number) > ($1.score, $0.number) }
                    hits.removeLast(max(hits.count - limit, 0))
                }
            }
            return hits
        }
    }

    static let keywordHits = """
        SELECT i.rowid, i.rank FROM passage_index AS i
        CROSS JOIN passages AS p ON p.number = i.rowid
        CROSS JOIN documents AS d ON d.row = p.document AND d.live_version = p.version
        WHERE i.passage_index MATCH ?1 AND i.rank MATCH ?2 ORDER BY i.rank LIMIT ?3
        """

    private static func check(_ partitions: [Int64]) throws(StoreError) {
        guard partitions.count <= StoreLimits.searchedPartitions else {
            throw StoreError(.invalid, "More than \(StoreLimits.searchedPartitions) collections at once.")
        }
    }

    /// Stop words are left out, unless the query has no others. Of a run of characters of a script without spaces each
    /// pair of neighbours is a term.
    public func terms(of query: String, partitions: [Int64]) async throws(StoreError) -> [QueryTerm] {
        try Self.check(partitions)
        return try await self.read { db in
            let stems = try QueryStems.stems(of: query, db)
            return try TermStatistics(stems, in: CollectionRow.living(partitions, db), db).terms
        }
    }

    public func passages(
        _ numbers: [Int64], partitions: [Int64]
    ) async throws(StoreError) -> [StoredPassage] {
        try Self.check(partitions)
        guard numbers.count <= StoreLimits.readNumbers else {
            throw StoreError(.invalid, "More than \(StoreLimits.readNumbers) passages at once.")
        }
        return try await self.read { db in
            let rows = try db.rows(Self.livePassages, [JSONNumbers.text(numbers), JSONNumbers.text(partitions)])
            return rows.map {
                StoredPassage(
                    number: $0[0], documentID: DocumentID($0, 1), collectionID: CollectionID($0, 2),
                    documentTitle: $0[3], ordinal: $0[4], headings: PassageRow.headings($0[5]), page: $0[6],
                    range: ($0[7] as Int)..<($0[8] as Int), text: $0[9])
            }
        }
    }

    static let livePassages = """
        SELECT p.number, d.id, c.id, d.title, p.ordinal, t.headings, t.page, t.start, t.end, t.text
        FROM json_each(?1) AS n
        CROSS JOIN passages AS p ON p.number = n.value
        CROSS JOIN documents AS d ON d.row = p.document AND d.live_version = p.version
        CROSS JOIN collections AS c ON c.row = d.collection AND c.deleted = 0
        CROSS JOIN passage_texts AS t ON t.number = p.number
        WHERE d.collection IN (SELECT value FROM json_each(?2))
        """
}

/// How rare terms are in some partitions taken together.
struct TermStatistics {
    static let holding = "SELECT count(*) FROM passage_index WHERE passage_index MATCH ?"

    let terms: [QueryTerm]
    /// For each partition and term, in how many passages it occurs.
    private let counts: [[Int64]]
    /// How many passages there are.
    private let all: Int64

    init(_ stems: [String], in partitions: [Int64], _ db: Database) throws {
        let all = try db.integer(
            "SELECT coalesce(sum(passage_count), 0) FROM collections WHERE row IN (SELECT value FROM json_each(?))",
            [JSONNumbers.text(partitions)])
        let counts = try partitions.map { partition in
            try stems.map { try db.integer(Self.holding, [Self.phrase($0, of: partition)]) ?? 0 }
        }
        self.terms = stems.indices.map { place in
            let holding = counts.reduce(0) { $0 + $1[place] }
            return QueryTerm(stem: stems[place], information: Self.information(all: all ?? 0, holding: holding))
        }
        self.counts = counts
        self.all = all ?? 0
    }

    /// The inverse document frequency as BM25 has it (Robertson and Zaragoza 2009, section 3.4), kept positive.
    ///
    /// - Parameter holding: may count passages that are dead and not yet swept.
    static func information(all: Int64, holding: Int64) -> Double {
        let (all, holding) = (Double(all), Double(min(holding, all)))
        return log(1 + (all - holding + 0.5) / (holding + 0.5))
    }

    private static func phrase(_ stem: String, of partition: Int64) -> String {
        let text = StemTokenizer.text(stem, of: partition).replacing("\"", with: "\"\"").storable
        return "\"\(text)\""
    }

    /// What finds passages of a partition that hold any of the terms: an FTS5 expression, and the ranking function with
    /// what it needs to know. `nil` when none is there.
    ///
    /// Passages that hold common terms only are left out when rarer terms give several times as many as are asked for:
    /// they would come last, and finding them takes the longest. In others the common terms count as ever.
    func search(of place: Int, _ partition: Int64, limit: Int) -> (expression: String, rank: String)? {
        let present = self.terms.indices.filter { self.counts[place][$0] > 0 }
        guard !present.isEmpty else { return nil }
        let rare = present.filter { self.counts[place][$0] <= self.all / StoreLimits.commonTermParts }
        let isEnough = rare.contains { self.counts[place][$0] >= limit * StoreLimits.rarePassagesPerHit }
        var expression = self.expression(present, of: partition)
        var information = present.map { self.terms[$0].information }
        if isEnough, rare.count < present.count {
            expression = "(\(self.expression(rare, of: partition))) AND (\(expression))"
            // What only chooses passages does not count twice.
            information = [Double](repeating: 0, count: rare.count) + information
        }
        let hex = information.flatMap { number in withUnsafeBytes(of: number) { Array($0) } }.map { byte in
            String(byte >> 4, radix: 16) + String(byte & 15, radix: 16)
        }
        return (expression, "parley_bm25(x'\(hex.joined())', \(StoreLimits.titleWeight), 1.0)")
    }

    private func expression(_ places: [Int], of partition: Int64) -> String {
        places.map { Self.phrase(self.terms[$0].stem, of: partition) }.joined(separator: " OR ")
    }
}

/// What a query looks for in `passage_index`.
enum QueryStems {
    /// The stems of the query's informative words, each once, in their order.
    static func stems(of query: String, _ db: Database) throws -> [String] {
        let stemmer = try StemTokenizer.stemmer(db)
        var words = QuestionWords(query).words
        if words.isEmpty {
            words = SearchQuery(query)?.words ?? []
        }
        var seen: Set<String> = []
        return try words.prefix(StoreLimits.questionWords).flatMap { word in
            try Self.terms(stemmer.tokenize(document: word.storable).map(\.token))
        }.filter { seen.insert($0).inserted }
    }

    /// Joins neighbours of scripts without spaces, of which a word's tokens are single characters.
    private static func terms(_ tokens: [String]) -> [String] {
        var terms: [String] = []
        var run: [String] = []
        func endRun() {
            terms += run.count < 2 ? run : zip(run, run.dropFirst()).map { $0 + $1 }
            run = []
        }
        for token in tokens {
            if WordTokenizer.isUnspaced(token) {
                run.append(token)
            } else {
                endRun()
                terms.append(token)
            }
        }
        endRun()
        return terms
    }
}
