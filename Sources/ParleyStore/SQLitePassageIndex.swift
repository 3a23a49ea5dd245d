//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import GRDB
public import ParleyCore

/// Finds the passages that answer a question, by BM25 over an index in memory.
///
/// Made at start from passages that never change, such as the manual's, in milliseconds. The question's informative
/// words are looked for as their stems (Porter), any of them; the title counts ``titleWeight`` times. What is found
/// must be *relevant*, or nothing is: a passage has to hold at least ``requiredShare`` of the question's information,
/// where a word's information is its inverse document frequency and a word that no passage knows has the most.
/// BM25 alone cannot tell that, since its scores are not comparable between questions.
public final class SQLitePassageIndex: PassageSearch, Sendable {
    /// How much more a word in the title counts than one in the text.
    static let titleWeight = 4.0
    /// The share of the question's information that a passage must hold.
    static let requiredShare = 0.4
    /// A passage with less than this part of the best one's score adds little beside it.
    static let requiredPartOfBest = 0.4
    /// Candidates that are weighed for one question.
    static let candidates = 30

    private let queue: DatabaseQueue
    private let passages: [Passage]
    /// The stems in each passage and its title.
    private let stems: [Set<String>]
    /// How many passages hold a stem.
    private let frequency: [String: Int]

    /// - Parameter passages: at most ``StoreLimits/indexedPassages``; further ones are left out.
    /// - Throws: `StoreError`.
    public init(_ passages: [Passage]) throws(StoreError) {
        self.passages = Array(passages.prefix(StoreLimits.indexedPassages))
        do {
            var configuration = Configuration()
            configuration.label = "parley.passages"
            configuration.prepareDatabase { $0.add(tokenizer: WordTokenizer.self) }
            self.queue = try DatabaseQueue(configuration: configuration)
            self.stems = try self.queue.write { [passages = self.passages] db in
                try Self.fill(db, passages)
                let stemmer = try StemTokenizer.stemmer(db)
                return try passages.map { Set(try Self.stems(of: $0.title + "\n" + $0.text, by: stemmer)) }
            }
        } catch {
            throw StoreError(database: error)
        }
        self.frequency = self.stems.reduce(into: [:]) { counts, stems in
            for stem in stems { counts[stem, default: 0] += 1 }
        }
    }

    private static func fill(_ db: Database, _ passages: [Passage]) throws {
        try db.execute(
            sql: """
                CREATE VIRTUAL TABLE passage_index USING fts5(title, text, tokenize='porter parley_words');
                INSERT INTO passage_index(passage_index, rank) VALUES ('rank', 'bm25(\(self.titleWeight), 1.0)');
                """)
        for (row, passage) in passages.enumerated() {
            try db.run(
                "INSERT INTO passage_index(rowid, title, text) VALUES (?, ?, ?)",
                [row, passage.title.storable, passage.text.storable])
        }
    }

    private static func stems(of text: String, by stemmer: any FTS5Tokenizer) throws -> [String] {
        try stemmer.tokenize(document: text.storable).map(\.token)
    }

    public func passages(answering question: String, limit: Int) async throws -> [Citation] {
        guard limit > 0, !self.passages.isEmpty else { return [] }
        do {
            return try await self.queue.read { db in
                try self.relevant(self.informativeStems(of: question, db), limit: limit, db)
            }
        } catch {
            throw StoreError(database: error)
        }
    }

    /// The question's stems without those of stop words, each once, in their order.
    private func informativeStems(of question: String, _ db: Database) throws -> [String] {
        let stemmer = try StemTokenizer.stemmer(db)
        var seen: Set<String> = []
        let words = QuestionWords(question).words.prefix(StoreLimits.questionWords)
        return try Self.stems(of: words.joined(separator: " "), by: stemmer).filter { seen.insert($0).inserted }
    }

    private func relevant(_ stems: [String], limit: Int, _ db: Database) throws -> [Citation] {
        guard !stems.isEmpty else { return [] }
        let information = Dictionary(uniqueKeysWithValues: stems.map { ($0, self.information(of: $0)) })
        let whole = information.values.reduce(0, +)
        // Stems are letters and digits only; quoting keeps them from being read as operators. The query stems them
        // again, which changes a few: the share of information is taken from the first stems.
        let expression = stems.map { "\"\($0)\"" }.joined(separator: " OR ")
        let rows = try db.rows(
            "SELECT rowid, rank FROM passage_index WHERE passage_index MATCH ? ORDER BY rank LIMIT ?",
            [expression, Self.candidates])
        var found: [Citation] = []
        for row in rows where found.count < limit {
            let (number, score): (Int, Double) = (row[0], -(row[1] as Double))
            let held = information.reduce(0) { self.stems[number].contains($1.key) ? $0 + $1.value : $0 }
            guard held >= whole * Self.requiredShare else { continue }
            guard score >= (found.first?.score ?? 0) * Self.requiredPartOfBest else { break }
            let passage = self.passages[number]
            found.append(
                Citation(
                    n: found.count + 1, documentID: passage.documentID, title: passage.title, text: passage.text,
                    score: score))
        }
        return found
    }

    private func information(of stem: String) -> Double {
        TermStatistics.information(all: Int64(self.passages.count), holding: Int64(self.frequency[stem] ?? 0))
    }
}
