//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import SeededRandom
import Testing
import VectorIndex

@Suite("An index against the simplest search", .timeLimit(.minutes(1)))
struct ModelTests {
    /// Changes an index and an oracle at random and hands each pair of results to `compare`.
    func play(
        seed: UInt64, index: VectorIndex, steps: Int,
        compare: ([VectorIndex.Match], [(id: Int64, score: Float)], VectorIndex.Filter, Oracle) -> Void
    ) async throws {
        var random = SeededGenerator(seed: seed)
        var oracle = Oracle()
        let dimension = index.configuration.dimension
        for step in 1...steps {
            var upserts: [VectorIndex.Entry] = []
            for _ in 0..<Int.random(in: 0...120, using: &random) {
                upserts.append(
                    .init(
                        id: Int64.random(in: -1500...1500, using: &random),
                        partition: Int64.random(in: 0...9, using: &random),
                        vector: random.vector(dimension, topics: 40)))
            }
            let removals = (0..<Int.random(in: 0...40, using: &random)).map { _ in
                Int64.random(in: -1500...1500, using: &random)
            }
            try index.apply(upserts: upserts, removals: removals, sequence: Int64(step))
            oracle.apply(upserts: upserts, removals: removals)
            #expect(index.status.entries == oracle.entries.count)
            if Int.random(in: 0..<6, using: &random) == 0 { try await index.rebuild() }
            let filter: VectorIndex.Filter =
                switch Int.random(in: 0...3, using: &random) {
                case 0: .all
                case 1: .partitions([Int64.random(in: 0...12, using: &random)])
                case 2: .partitions([1, 2, 3, 4, 5, 6, 7, 8])
                default: .partitions([3, 4])
                }
            let query = random.vector(dimension, topics: 40)
            let limit = Int.random(in: 1...25, using: &random)
            let found = try index.search(query, limit: limit, filter: filter)
            compare(found, oracle.search(query, limit: limit, filter: filter), filter, oracle)
        }
    }

    @Test("compared one by one, it finds exactly the same", arguments: [1, 2, 3] as [UInt64])
    func exact(seed: UInt64) async throws {
        let index = try VectorIndex(.small(exactEntries: 100_000))
        try await self.play(seed: seed, index: index, steps: 60) { found, expected, _, _ in
            #expect(found.count == expected.count)
            for (match, right) in zip(found, expected) {
                // Sums of floats in another order: equal scores may change places, nothing else.
                #expect(abs(match.score - right.score) < 1e-5)
            }
        }
        #expect(index.status.method == .exact)
    }

    @Test(
        "with inverted lists it finds nearly the same, only what is there and allowed, and never too few",
        arguments: [VectorIndex.Storage.float32, .int8], [4, 5] as [UInt64])
    func lists(storage: VectorIndex.Storage, seed: UInt64) async throws {
        let index = try VectorIndex(.small(storage: storage))
        var right = 0
        var all = 0
        try await self.play(seed: seed, index: index, steps: 90) { found, expected, filter, oracle in
            #expect(found.count == expected.count)
            #expect(Set(found.map(\.id)).count == found.count)
            #expect(found.allSatisfy { oracle.entries[$0.id].map { filter.allows($0.partition) } ?? false })
            let scores = found.map(\.score)
            #expect(scores == scores.sorted(by: >))
            right += Set(found.map(\.id)).intersection(expected.map(\.id)).count
            all += expected.count
        }
        guard case .lists = index.status.method else {
            Issue.record("there are no lists")
            return
        }
        #expect(index.status.storage == storage)
        #expect(Double(right) / Double(all) > 0.95, "\(right) of \(all)")
    }

    @Test("a filter that leaves a few of many costs no result", arguments: [VectorIndex.Storage.float32, .int8])
    func selective(storage: VectorIndex.Storage) async throws {
        let index = try VectorIndex(.small(dimension: 8, storage: storage))
        var random = SeededGenerator(seed: 6)
        // So many that the filter of half of them searches the lists.
        let entries = (0..<24_000 as Range<Int64>).map { id in
            VectorIndex.Entry(
                id: id, partition: id < 12_000 ? id % 1000 : -1, vector: random.vector(8, topics: 100))
        }
        try index.apply(upserts: entries, sequence: 1)
        try await index.rebuild()
        let query = random.vector(8, topics: 100)
        #expect(
            try index.search(query, limit: 20, filter: .partitions([77])).map(\.id).sorted()
                == (0..<12).map { 77 + 1000 * $0 })
        let half = try index.search(query, limit: 1000, filter: .partitions([-1]))
        #expect(half.count == 1000 && half.allSatisfy { $0.id >= 12_000 })
        // All but three of the half die: the three are found all the same.
        try index.apply(upserts: [], removals: Array(12_003..<24_000), sequence: 2)
        #expect(
            Set(try index.search(query, limit: 5, filter: .partitions([-1])).map(\.id)) == [12_000, 12_001, 12_002])
    }

    @Test(
        "a vector takes its components and little more",
        arguments: [(VectorIndex.Storage.float32, 4 * 384), (.int8, 384)])
    func memory(storage: VectorIndex.Storage, components: Int) async throws {
        let index = try VectorIndex(.small(dimension: 384, storage: storage))
        var random = SeededGenerator(seed: 7)
        let count = 2000
        let common = random.vector(384)
        try index.apply(
            upserts: (0..<count).map { id in
                var vector = common
                vector[id % 384] += Float(id)
                return .init(id: Int64(id), partition: Int64(id % 5), vector: vector)
            }, sequence: 1)
        try await index.rebuild()
        guard case .lists(let lists, _) = index.status.method else {
            Issue.record("there are no lists")
            return
        }
        #expect((index.status.bytes - lists * 384 * 4) / count <= components + 32)
    }
}
