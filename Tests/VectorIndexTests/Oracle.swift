//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import SeededRandom
import VectorIndex

extension SeededGenerator {
    mutating func vector(_ dimension: Int) -> [Float] {
        (0..<dimension).map { _ in Float.random(in: -1...1, using: &self) }
    }

    /// A vector near to one of so many directions, as texts of one topic are.
    mutating func vector(_ dimension: Int, topics: Int) -> [Float] {
        var topic = SeededGenerator(seed: UInt64.random(in: 0..<UInt64(topics), using: &self) &* 7919)
        return zip(topic.vector(dimension), self.vector(dimension)).map { $0 + 0.5 * $1 }
    }
}

/// What an index must do, done in the simplest way.
struct Oracle {
    var entries: [Int64: (partition: Int64, vector: [Float])] = [:]

    mutating func apply(upserts: [VectorIndex.Entry], removals: [Int64]) {
        for id in removals { self.entries[id] = nil }
        for entry in upserts { self.entries[entry.id] = (entry.partition, entry.vector) }
    }

    func search(_ query: [Float], limit: Int, filter: VectorIndex.Filter) -> [(id: Int64, score: Float)] {
        let length = Self.product(query, query).squareRoot()
        var found: [(id: Int64, score: Float)] = []
        for (id, entry) in self.entries where filter.allows(entry.partition) {
            let own = Self.product(entry.vector, entry.vector).squareRoot()
            found.append((id, Self.product(query, entry.vector) / length / own))
        }
        found.sort { $0.score != $1.score ? $0.score > $1.score : $0.id < $1.id }
        return Array(found.prefix(limit))
    }

    static func product(_ a: [Float], _ b: [Float]) -> Float {
        var sum: Float = 0
        for place in a.indices { sum += a[place] * b[place] }
        return sum
    }
}

extension VectorIndex.Filter {
    func allows(_ partition: Int64) -> Bool {
        switch self {
        case .all: true
        case .partitions(let allowed): allowed.contains(partition)
        }
    }
}

extension VectorIndex.Configuration {
    /// Small enough for a test to make inverted lists.
    static func small(
        dimension: Int = 16, storage: VectorIndex.Storage = .float32, exactEntries: Int = 400
    ) -> Self {
        var configuration = Self(model: "a-model", dimension: dimension, storage: storage)
        configuration.exactEntries = exactEntries
        configuration.maximumEntries = 100_000
        return configuration
    }
}
