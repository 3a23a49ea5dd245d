//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import CFaiss

/// An index of vectors by direction: many tasks search it while one changes it.
///
/// Entries lie in an immutable base and in a delta of what came since, which is compared one by one; the dead are
/// marked. A search reads the state of one moment: it sees all of an `apply` or nothing, waits for no change and no
/// rebuild, and never returns what was removed before it began. `rebuild` makes a new base of everything and swaps it
/// in; `run` does so whenever it is due.
///
/// The index is a copy of what is kept elsewhere. `save` and `load` carry it over a restart
/// together with the change sequence that it covers, from which its owner brings it up to date.
public final class VectorIndex: Sendable {
    /// What the index was made for.
    public let configuration: Configuration
    // The C++ object behind it takes calls from every thread at any time; it is freed when nobody holds this one.
    nonisolated(unsafe) let index: OpaquePointer
    /// Wakes `run`.
    let due: AsyncStream<Void>
    let wake: AsyncStream<Void>.Continuation

    /// An empty index that covers change sequence 0.
    public convenience init(_ configuration: Configuration) throws(VectorIndexError) {
        try self.init(configuration) { options, made, text, capacity in
            vector_index_create(options, made, text, capacity)
        }
    }

    init(
        _ configuration: Configuration,
        make: (
            UnsafePointer<vector_index_options>, UnsafeMutablePointer<OpaquePointer?>, UnsafeMutablePointer<CChar>, Int
        ) -> Int32
    ) throws(VectorIndexError) {
        var made: OpaquePointer?
        var model = configuration.model
        let storage = configuration.storage == .int8 ? VECTOR_INDEX_INT8 : VECTOR_INDEX_FLOAT32
        try checked { text, capacity in
            model.withUTF8 { name in
                name.withMemoryRebound(to: CChar.self) { characters in
                    var options = vector_index_options(
                        model: characters.baseAddress, model_bytes: characters.count,
                        dimension: UInt32(clamping: configuration.dimension), storage: storage.rawValue,
                        generation: configuration.generation,
                        exact_entries: UInt64(clamping: configuration.exactEntries),
                        maximum_entries: UInt64(clamping: configuration.maximumEntries),
                        maximum_bytes: UInt64(clamping: configuration.maximumBytes), recall: configuration.recall)
                    return make(&options, &made, text, capacity)
                }
            }
        }
        guard let made else { throw VectorIndexError(.defect, "no index was made") }
        self.index = made
        self.configuration = configuration
        // One wake-up that was not taken yet stands for all that follow.
        (self.due, self.wake) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    deinit {
        vector_index_destroy(self.index)
    }

    /// What the index holds now.
    public var status: Status {
        var state = vector_index_state()
        vector_index_describe(self.index, &state)
        return Status(state)
    }

    /// Removes, then adds or replaces, in one step, after which the index covers `sequence`.
    ///
    /// Unknown removals are passed over, and of several entries with one id the last counts. When anything is refused
    /// nothing has changed. Waits for other changes and for the end of a rebuild (milliseconds), not for searches.
    ///
    /// - Throws: `invalidArgument` for a vector of another dimension, `badVector`, `full`, `staleSequence` when
    ///   `sequence` lies below the covered one.
    @discardableResult
    public func apply(
        upserts: [Entry], removals: [Int64] = [], sequence: Int64
    ) throws(VectorIndexError) -> Changes {
        var values: [Float] = []
        values.reserveCapacity(upserts.count * self.configuration.dimension)
        for entry in upserts {
            try self.require(entry.vector, of: "entry \(entry.id)")
            values.append(contentsOf: entry.vector)
        }
        let ids = upserts.map(\.id)
        let partitions = upserts.map(\.partition)
        var changes = vector_index_changes()
        try checked { text, capacity in
            vector_index_apply(
                self.index, removals, removals.count, ids, partitions, values, ids.count, sequence, &changes, text,
                capacity)
        }
        if self.status.needsRebuild { self.wake.yield() }
        return Changes(
            added: Int(changes.added), replaced: Int(changes.replaced), removed: Int(changes.removed))
    }

    /// The entries nearest to `vector`, best first; those of equal score in the order of their ids. Fewer than `limit`
    /// where the filter allows fewer.
    ///
    /// Computes on the calling thread: about a tenth of a millisecond for each thousand entries that are compared.
    ///
    /// - Throws: `invalidArgument` for a vector of another dimension, too many results or partitions; `badVector`.
    public func search(
        _ vector: [Float], limit: Int, filter: Filter = .all
    ) throws(VectorIndexError) -> [Match] {
        try self.search(batch: [vector], limit: limit, filter: filter)[0]
    }

    /// The entries nearest to each of several vectors, all of one moment.
    public func search(
        batch: [[Float]], limit: Int, filter: Filter = .all
    ) throws(VectorIndexError) -> [[Match]] {
        guard limit >= 0 else { throw VectorIndexError(.invalidArgument, "\(limit) results cannot be given") }
        guard limit <= VectorIndexLimits.results else {
            throw VectorIndexError(.invalidArgument, "a search gives at most \(VectorIndexLimits.results) results")
        }
        guard batch.count <= VectorIndexLimits.queries else {
            throw VectorIndexError(.invalidArgument, "a search takes at most \(VectorIndexLimits.queries) queries")
        }
        var queries: [Float] = []
        queries.reserveCapacity(batch.count * self.configuration.dimension)
        for vector in batch {
            try self.require(vector, of: "the query")
            queries.append(contentsOf: vector)
        }
        var ids = [Int64](repeating: 0, count: batch.count * limit)
        var scores = [Float](repeating: 0, count: batch.count * limit)
        var found = [Int](repeating: 0, count: batch.count)
        try self.search(queries, limit: limit, filter: filter, ids: &ids, scores: &scores, found: &found)
        return found.enumerated().map { number, count in
            (number * limit..<number * limit + count).map { Match(id: ids[$0], score: scores[$0]) }
        }
    }

    private func search(
        _ queries: [Float], limit: Int, filter: Filter, ids: inout [Int64], scores: inout [Float], found: inout [Int]
    ) throws(VectorIndexError) {
        let count = found.count
        switch filter {
        case .all:
            try checked { text, capacity in
                vector_index_search(
                    self.index, queries, count, limit, nil, 0, &ids, &scores, &found, text, capacity)
            }
        case .partitions(let allowed):
            guard !allowed.isEmpty else { return }
            let partitions = Array(allowed)
            try checked { text, capacity in
                vector_index_search(
                    self.index, queries, count, limit, partitions, partitions.count, &ids, &scores, &found, text,
                    capacity)
            }
        }
    }

    private func require(_ vector: [Float], of what: @autoclosure () -> String) throws(VectorIndexError) {
        guard vector.count == self.configuration.dimension else {
            throw VectorIndexError(
                .invalidArgument,
                "\(what()) has \(vector.count) components, the index \(self.configuration.dimension)")
        }
    }
}
