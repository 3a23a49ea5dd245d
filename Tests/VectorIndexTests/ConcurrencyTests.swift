//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import SeededRandom
import Testing
import VectorIndex

@Suite("An index that changes while it is searched", .timeLimit(.minutes(1)))
struct ConcurrencyTests {
    static let dimension = 16

    @Test("a search sees all of a step or nothing, while the index is rebuilt again and again")
    func atomic() async throws {
        let index = try VectorIndex(.small(dimension: Self.dimension, exactEntries: 200))
        var random = SeededGenerator(seed: 11)
        var background: [VectorIndex.Entry] = []
        for id in 1000..<1600 as Range<Int64> {
            background.append(.init(id: id, partition: 0, vector: random.vector(Self.dimension)))
        }
        try index.apply(upserts: background, sequence: 1)
        // Every step moves the same ten entries to the next partition, which is also where they point.
        @Sendable func step(_ number: Int64) -> [VectorIndex.Entry] {
            var vector = [Float](repeating: 0, count: Self.dimension)
            vector[Int(number) % Self.dimension] = 1
            return (1...10).map { .init(id: $0, partition: number, vector: vector) }
        }
        try index.apply(upserts: step(2), sequence: 2)
        let last: Int64 = 300
        let query = [Float](repeating: 1, count: Self.dimension)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                for number in 3...last {
                    try index.apply(upserts: step(number), sequence: number)
                    await Task.yield()
                }
            }
            group.addTask {
                while index.status.sequence < last { try await index.rebuild() }
            }
            for _ in 0..<2 {
                group.addTask {
                    while index.status.sequence < last {
                        let found = try index.search(query, limit: 20, filter: .partitions(Set(2...last)))
                        #expect(found.map(\.id) == Array(1...10))
                        #expect(Set(found.map(\.score)).count == 1)
                        await Task.yield()
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(index.status.entries == 610)
        #expect(index.status.rebuilds > 0)
    }

    @Test("after a removal returns no search finds the entry, and what is added is found, while rebuilds run")
    func removals() async throws {
        let index = try VectorIndex(.small(dimension: Self.dimension))
        var random = SeededGenerator(seed: 12)
        var entries: [VectorIndex.Entry] = []
        for id in 0..<3000 as Range<Int64> {
            entries.append(.init(id: id, partition: id % 3, vector: random.vector(Self.dimension)))
        }
        let all = entries
        try index.apply(upserts: all, sequence: 1)
        // Both tasks are cancelled below.
        let running = Task { await index.run() }
        defer { running.cancel() }
        // Cancelled and awaited below.
        let rebuilding = Task {
            while !Task.isCancelled { try? await index.rebuild() }
        }
        for round in 0..<3 {
            for begin in stride(from: 0, to: 900, by: 30) {
                let batch = all[begin..<begin + 30]
                try index.apply(upserts: [], removals: batch.map(\.id), sequence: index.status.sequence + 1)
                for entry in batch.prefix(5) {
                    #expect(try !index.search(entry.vector, limit: 5).map(\.id).contains(entry.id), "round \(round)")
                }
                try index.apply(upserts: Array(batch), sequence: index.status.sequence + 1)
                for entry in batch.prefix(5) {
                    #expect(try index.search(entry.vector, limit: 1).map(\.id) == [entry.id], "round \(round)")
                }
            }
        }
        rebuilding.cancel()
        await rebuilding.value
        try await index.rebuild()
        #expect(index.status.entries == 3000)
        #expect(index.status.dead == 0 && index.status.delta == 0)
    }

    @Test("a rebuild comes by itself when more than a fifth is dead")
    func due() async throws {
        let index = try VectorIndex(.small(dimension: Self.dimension))
        var random = SeededGenerator(seed: 13)
        try index.apply(
            upserts: (0..<6000).map { .init(id: $0, partition: 1, vector: random.vector(Self.dimension)) }, sequence: 1)
        try await index.rebuild()
        try index.apply(upserts: [], removals: Array(0..<1200), sequence: 2)
        #expect(!index.status.needsRebuild)
        // Cancelled and awaited below.
        let running = Task { await index.run() }
        try index.apply(upserts: [], removals: [1200], sequence: 3)
        while index.status.rebuilds < 2 { await Task.yield() }
        #expect(index.status.dead == 0 && index.status.entries == 4799 && index.status.sequence == 3)
        running.cancel()
        await running.value
    }

    @Test("a rebuild ends when its task is cancelled, and a second one meanwhile is refused")
    func cancelled() async throws {
        let index = try VectorIndex(.small(dimension: 256))
        var random = SeededGenerator(seed: 14)
        let some = random.vector(256)
        let entries = (0..<20_000).map { id in
            var vector = some
            vector[id % 256] += Float(id)
            return VectorIndex.Entry(id: Int64(id), partition: 1, vector: vector)
        }
        try index.apply(upserts: entries, sequence: 1)
        // Cancelled and awaited below.
        let rebuilding = Task { try await index.rebuild() }
        while !index.status.isRebuilding { await Task.yield() }
        await #expect(throws: VectorIndexError(.rebuildRunning, "a rebuild is running already")) {
            try await index.rebuild()
        }
        rebuilding.cancel()
        await #expect { try await rebuilding.value } throws: { ($0 as? VectorIndexError)?.code == .cancelled }
        #expect(index.status.rebuilds == 0 && index.status.entries == 20_000)
        #expect(try index.search(entries[5].vector, limit: 1).first?.id == 5)
    }
}
