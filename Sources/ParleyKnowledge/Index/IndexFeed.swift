//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCore
import VectorIndex

/// Where the vectors of an index come from, and how it is kept in step with them.
protocol IndexFeed: Sendable {
    /// What the index is called: the first part of its file's name.
    var name: String { get }

    /// The last step in the history of the rows.
    func lastChange() async throws(StoreError) -> Int64

    /// All vectors by the model, ordered by number.
    func vectors(model: EmbeddingModel, after number: Int64, limit: Int) async throws(StoreError) -> [StoredVector]

    /// The sequence that an index covers which was made of all vectors up to a number, when the last step was
    /// `sequence` as its making began.
    nonisolated func covered(sequence: Int64, lastNumber: Int64) -> Int64

    /// Applies what happened since the sequence that the index covers.
    ///
    /// - Throws: `StoreError`, `VectorIndexError`, `CancellationError`; what was applied stays applied.
    func catchUp(_ index: VectorIndex, model: EmbeddingModel) async throws -> CatchUp
}

/// What catching up came to.
enum CatchUp: Sendable, Equatable {
    /// The index holds what the rows held a moment ago.
    case upToDate
    /// It holds vectors whose rows went away unseen: it should be made anew.
    case holdsStrangers
}

extension VectorIndex.Entry {
    init(_ vector: StoredVector) {
        self.init(id: vector.number, partition: vector.partition, vector: vector.vector)
    }
}
