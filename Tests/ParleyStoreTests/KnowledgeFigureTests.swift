//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation
import GRDB
import ParleyCore
import Testing

@testable import ParleyStore

/// Figures of the knowledge base, printed. The checks leave room for a busy machine. `PARLEY_FIGURE_PASSAGES=200000`
/// measures a large one, which takes minutes in a debug build.
@Suite("the knowledge base's figures", .serialized, .timeLimit(.minutes(5)))
struct KnowledgeFigureTests {
    let owner = UserID.generate()
    private static let count = Int(ProcessInfo.processInfo.environment["PARLEY_FIGURE_PASSAGES"] ?? "") ?? 20_000

    @Test("publishing, searching and deleting a document of many passages")
    func largeDocument() async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/parley.sqlite"
            let store = try SQLiteStore(path: path, durability: .processCrash, deadlines: .init(write: .seconds(60)))
            let large = try await store.create(Samples.collection(owner: self.owner, name: "large"))
            let small = try await store.create(Samples.collection(owner: self.owner, name: "small"))
            try await store.addReady(
                "s", content: 3, to: small.collection.id, owner: self.owner,
                (0..<100).map { Self.text($0) })
            let (document, _) = try await store.add("l", content: 1, to: large.collection.id, owner: self.owner)
            let version = DocumentVersion(documentID: document.id, version: 1)
            let clock = ContinuousClock()
            let staging = try await clock.measure { try await Self.stage(store, version) }
            let (publishing, flip) = try await Self.publish(store, version)
            let size = try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int ?? 0
            print(
                """
                \(Self.count) passages of 40 words: staged in \(staging), published in \(publishing), of which the \
                last transaction \(flip); the file has \(size / 1_048_576) MiB
                """)
            #expect(flip < .seconds(2))
            try await Self.search(store, in: [("large", large.partition), ("small", small.partition)])
            let walk = try await clock.measure {
                let found = try await store.passagesWithoutVector(model: Samples.model, after: 0, limit: 100)
                #expect(found.count == 100)
            }
            let deletion = try await clock.measure { try await store.delete(document.id, owner: self.owner) }
            #expect(try await store.found("word7", in: [large.partition]).isEmpty)
            let beside = try await Self.time(20) {
                _ = try await store.found("word7 word300", in: [small.partition])
            }
            let sweeping = try await clock.measure { while try await store.sweep(now: .now()) {} }
            print(
                """
                first passages without a vector \(walk), delete \(deletion), sweep \(sweeping), search of the small \
                collection meanwhile p50 \(beside[10])
                """)
            #expect(deletion < .seconds(2))
            try await KnowledgeFileTests.expectSoundIndex(store, passages: 100)
            try await store.close()
        }
    }

    /// Forty words, a few of them common and most of them rare.
    private static func text(_ number: Int) -> String {
        var random = UInt64(truncatingIfNeeded: number) &* 0x9E37_79B9_7F4A_7C15 | 1
        var text = ""
        for _ in 0..<40 {
            random ^= random << 13
            random ^= random >> 7
            random ^= random << 17
            // A rank is about as rare as its number is high (Zipf).
            let rank = Int(pow(10_000, Double(random % 10_000) / 10_000))
            text += "word\(rank) "
        }
        return text
    }

    private static func stage(_ store: SQLiteStore, _ version: DocumentVersion) async throws {
        for start in stride(from: 0, to: Self.count, by: 2000) {
            let passages = (start..<start + 2000).map { number in
                NewPassage(
                    ordinal: number, headings: ["Part \(number / 1000)"], page: number / 10 + 1,
                    range: (number * 300)..<(number * 300 + 300), text: Self.text(number))
            }
            try await store.stage(passages, of: version, model: nil)
        }
    }

    /// - Returns: how long the whole publication took, and what is left for a second call that finds all indexed.
    private static func publish(
        _ store: SQLiteStore, _ version: DocumentVersion
    ) async throws -> (all: Duration, flip: Duration) {
        let clock = ContinuousClock()
        let indexing = try await clock.measure {
            while try await store.write({ db in
                let edition = try EditionRow.made(for: DocumentRow.find(version, db), db)
                return try edition.index(under: "Large", count: Self.count, db)
            }) {}
        }
        let flip = try await clock.measure {
            try await store.publish(
                version, title: "Large", mediaType: "text/plain", passageCount: Self.count, at: .now())
        }
        return (indexing + flip, flip)
    }

    private static func search(_ store: SQLiteStore, in places: [(String, Int64)]) async throws {
        for (name, partition) in places {
            for query in ["word3", "word300", "word5000 word77 word2000", "word1 word2 word9 word40 word500 word9000"] {
                let terms = try await store.terms(of: query, partitions: [partition]).map(\.stem)
                let times = try await Self.time(30) {
                    _ = try await store.keywordSearch(terms, partitions: [partition], limit: 50)
                }
                let counting = try await Self.time(10) {
                    _ = try await store.terms(of: query, partitions: [partition])
                }
                print(
                    """
                    keyword search of the \(name) collection for “\(query)”: p50 \(times[15]), p99 \(times[29]); \
                    terms p50 \(counting[5])
                    """)
            }
        }
    }

    private static func time(_ count: Int, _ body: () async throws -> Void) async throws -> [Duration] {
        var times: [Duration] = []
        for _ in 0..<count {
            times.append(try await ContinuousClock().measure(body))
        }
        return times.sorted()
    }
}
