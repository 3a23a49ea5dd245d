//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import SeededRandom
import Testing
import VectorIndex

@Suite("A vector index")
struct VectorIndexTests {
    let index: VectorIndex

    init() throws {
        self.index = try VectorIndex(.small(dimension: 3))
    }

    func add(_ id: Int64, _ vector: [Float], partition: Int64 = 1) throws {
        try self.index.apply(
            upserts: [.init(id: id, partition: partition, vector: vector)], sequence: self.index.status.sequence + 1)
    }

    func ids(_ vector: [Float], limit: Int = 10, filter: VectorIndex.Filter = .all) throws -> [Int64] {
        try self.index.search(vector, limit: limit, filter: filter).map(\.id)
    }

    func refuses(_ code: VectorIndexError.Code, _ work: () throws(VectorIndexError) -> Void) {
        #expect { try work() } throws: { ($0 as? VectorIndexError)?.code == code }
    }

    @Test("an empty index answers with nothing")
    func empty() async throws {
        #expect(try self.ids([1, 0, 0]).isEmpty)
        try await self.index.rebuild()
        #expect(try self.ids([1, 0, 0]).isEmpty)
        #expect(self.index.status.entries == 0)
    }

    @Test("results come best first, with the cosine as score, however long the vectors are")
    func order() throws {
        try self.add(1, [0, 5, 0])
        try self.add(2, [0.1, 0, 0])
        try self.add(3, [2, 2, 0])
        let found = try self.index.search([7, 0, 0], limit: 3)
        #expect(found.map(\.id) == [2, 3, 1])
        for (match, expected) in zip(found, [1, 0.5.squareRoot(), 0] as [Double]) {
            #expect(abs(Double(match.score) - expected) < 1e-6)
        }
    }

    @Test("entries of equal score come in the order of their ids, before and after a rebuild")
    func ties() async throws {
        for id in [5, 3, 9, 1] as [Int64] { try self.add(id, [0, 1, 0]) }
        #expect(try self.ids([0, 1, 0]) == [1, 3, 5, 9])
        try await self.index.rebuild()
        #expect(try self.ids([0, 1, 0]) == [1, 3, 5, 9])
    }

    @Test("no results are given when none are asked for, and all when more are asked for than there are")
    func limits() throws {
        try self.add(1, [1, 0, 0])
        #expect(try self.ids([1, 0, 0], limit: 0).isEmpty)
        #expect(try self.ids([1, 0, 0], limit: VectorIndexLimits.results) == [1])
        self.refuses(.invalidArgument) { () throws(VectorIndexError) in
            _ = try self.index.search([1, 0, 0], limit: VectorIndexLimits.results + 1)
        }
        self.refuses(.invalidArgument) { () throws(VectorIndexError) in
            _ = try self.index.search([1, 0, 0], limit: -1)
        }
    }

    @Test("an entry with a known id takes the place of the older one, in its partition too")
    func replace() async throws {
        try self.add(1, [1, 0, 0], partition: 1)
        try await self.index.rebuild()
        for partition in [2, 3] as [Int64] {
            let changes = try self.index.apply(
                upserts: [.init(id: 1, partition: partition, vector: [0, 1, 0])], sequence: 9)
            #expect(changes == .init(added: 0, replaced: 1, removed: 0))
        }
        #expect(try self.ids([0, 1, 0]) == [1])
        #expect(try self.ids([0, 1, 0], filter: .partitions([1, 2])).isEmpty)
        #expect(try self.ids([0, 1, 0], filter: .partitions([3])) == [1])
    }

    @Test("of several entries with one id in one step the last counts, and removals come first")
    func duplicates() throws {
        try self.add(7, [1, 0, 0])
        let changes = try self.index.apply(
            upserts: [
                .init(id: 7, partition: 1, vector: [0, 1, 0]), .init(id: 7, partition: 1, vector: [0, 0, 1]),
            ], removals: [7, 7, 99], sequence: 5)
        #expect(changes == .init(added: 1, replaced: 1, removed: 1))
        let found = try self.index.search([0, 0, 1], limit: 10)
        #expect(found.count == 1 && found[0].score > 0.999)
        #expect(self.index.status.entries == 1)
    }

    @Test("what was removed is not found, before and after a rebuild; unknown removals are passed over")
    func removal() async throws {
        for id in 1...6 as ClosedRange<Int64> { try self.add(id, [1, Float(id), 0]) }
        try self.index.apply(upserts: [], removals: [2, 1000], sequence: 20)
        #expect(try Set(self.ids([1, 0, 0])) == [1, 3, 4, 5, 6])
        try await self.index.rebuild()
        try self.index.apply(upserts: [], removals: [4, 2], sequence: 21)
        #expect(try Set(self.ids([1, 0, 0])) == [1, 3, 5, 6])
        try await self.index.rebuild()
        #expect(try Set(self.ids([1, 0, 0])) == [1, 3, 5, 6])
        #expect(self.index.status.dead == 0)
    }

    @Test("a filter of partitions that nobody has, or of none, finds nothing")
    func filters() async throws {
        try self.add(1, [1, 0, 0], partition: -5)
        try self.add(2, [1, 0, 0], partition: Int64.max)
        for _ in 1...2 {
            #expect(try self.ids([1, 0, 0], filter: .partitions([])).isEmpty)
            #expect(try self.ids([1, 0, 0], filter: .partitions([0, 1, 2])).isEmpty)
            #expect(try self.ids([1, 0, 0], filter: .partitions([0, -5])) == [1])
            #expect(try self.ids([1, 0, 0], filter: .partitions([Int64.max, Int64.min])) == [2])
            try await self.index.rebuild()
        }
        self.refuses(.invalidArgument) { () throws(VectorIndexError) in
            _ = try self.index.search(
                [1, 0, 0], limit: 1, filter: .partitions(Set(0...Int64(VectorIndexLimits.filterPartitions))))
        }
    }

    @Test("a batch answers as its queries do one by one")
    func batch() throws {
        var random = SeededGenerator(seed: 1)
        for id in 0..<100 as Range<Int64> { try self.add(id, random.vector(3)) }
        let queries = (0..<20).map { _ in random.vector(3) }
        let single = try queries.map { try self.index.search($0, limit: 7) }
        #expect(try self.index.search(batch: queries, limit: 7) == single)
        #expect(try self.index.search(batch: [], limit: 7).isEmpty)
    }

    @Test(
        "a vector that has no direction or another dimension is refused",
        arguments: [
            ([1, 2], VectorIndexError.Code.invalidArgument), ([], .invalidArgument), ([1, 2, 3, 4], .invalidArgument),
            ([0, 0, 0], .badVector), ([1, .nan, 0], .badVector), ([1, .infinity, 0], .badVector),
            ([-.infinity, 0, .infinity], .badVector),
        ] as [([Float], VectorIndexError.Code)])
    func badVectors(vector: [Float], code: VectorIndexError.Code) throws {
        try self.add(1, [1, 0, 0])
        self.refuses(code) { () throws(VectorIndexError) in
            try self.index.apply(
                upserts: [.init(id: 2, partition: 1, vector: [1, 0, 0]), .init(id: 1, partition: 1, vector: vector)],
                removals: [1], sequence: 5)
        }
        self.refuses(code) { () throws(VectorIndexError) in _ = try self.index.search(vector, limit: 1) }
        // Nothing of the step happened.
        #expect(try self.ids([1, 0, 0]) == [1])
        #expect(self.index.status.sequence == 1)
    }

    @Test("the largest and smallest floats have a direction as well")
    func extremes() throws {
        let largest = Float.greatestFiniteMagnitude
        try self.add(1, [largest, largest, -largest])
        try self.add(2, [.leastNonzeroMagnitude, 0, 0])
        let found = try self.index.search([largest, 0, 0], limit: 2)
        #expect(found.map(\.id) == [2, 1])
        #expect(abs(found[0].score - 1) < 1e-5 && abs(found[1].score - 0.57735) < 1e-4)
    }

    @Test("changes that end below the covered sequence are refused")
    func sequences() throws {
        try self.index.apply(upserts: [], sequence: 10)
        try self.index.apply(upserts: [], sequence: 10)
        self.refuses(.staleSequence) { () throws(VectorIndexError) in
            try self.index.apply(upserts: [], sequence: 9)
        }
        #expect(self.index.status.sequence == 10)
    }

    @Test("an index takes no more entries and bytes than it may")
    func full() throws {
        var configuration = VectorIndex.Configuration.small(dimension: 3)
        configuration.maximumEntries = 10
        let few = try VectorIndex(configuration)
        try few.apply(
            upserts: (0..<10).map { .init(id: $0, partition: 1, vector: [1, 0, 0]) }, sequence: 1)
        self.refuses(.full) { () throws(VectorIndexError) in
            try few.apply(upserts: [.init(id: 10, partition: 1, vector: [1, 0, 0])], sequence: 2)
        }
        try few.apply(upserts: [], removals: [3], sequence: 3)
        configuration.maximumEntries = 1000
        configuration.maximumBytes = 100_000
        let small = try VectorIndex(configuration)
        self.refuses(.full) { () throws(VectorIndexError) in
            try small.apply(
                upserts: (0..<1000).map { .init(id: $0, partition: 1, vector: [1, 0, 0]) }, sequence: 1)
        }
        #expect(small.status.entries == 0)
    }

    @Test("a configuration out of its limits is refused")
    func configurations() {
        for wrong in [
            .init(model: "", dimension: 3), .init(model: String(repeating: "m", count: 257), dimension: 3),
            .init(model: "m", dimension: 0), .init(model: "m", dimension: -1), .init(model: "m", dimension: 5000),
        ] as [VectorIndex.Configuration] {
            self.refuses(.invalidArgument) { () throws(VectorIndexError) in _ = try VectorIndex(wrong) }
        }
    }
}
