//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCore
import VectorIndex

/// Vectors of messages. They have no change sequence: the index's sequence is the highest number that it took. A
/// message may be given its vector after a later one, so a window before the highest number is looked at again. A
/// removed message stays in the index until that is made anew; recall reads the rows and does not see it.
actor MessageFeed: IndexFeed {
    nonisolated let name = "messages"
    private let store: any MessageVectorStore
    /// Numbers within the window that the index has.
    private var seen: Set<Int64> = []
    private var index: ObjectIdentifier?

    init(store: any MessageVectorStore) {
        self.store = store
    }

    /// The making of an index begins from nothing; its batches carry the sequence on.
    func lastChange() async throws(StoreError) -> Int64 {
        0
    }

    func vectors(model: EmbeddingModel, after number: Int64, limit: Int) async throws(StoreError) -> [StoredVector] {
        try await self.store.messageVectors(model: model, after: number, limit: limit)
    }

    nonisolated func covered(sequence: Int64, lastNumber: Int64) -> Int64 {
        lastNumber
    }

    func catchUp(_ index: VectorIndex, model: EmbeddingModel) async throws -> CatchUp {
        if self.index != ObjectIdentifier(index) {
            self.seen = []
            self.index = ObjectIdentifier(index)
        }
        let window = Int64(KnowledgeLimits.messageWindow)
        var number = max(0, index.status.sequence - window)
        while true {
            try Task.checkCancellation()
            let vectors = try await self.store.messageVectors(
                model: model, after: number, limit: KnowledgeLimits.vectors)
            guard let last = vectors.last else { break }
            number = last.number
            let new = vectors.filter { !self.seen.contains($0.number) }
            guard !new.isEmpty else { continue }
            try index.apply(
                upserts: new.map(VectorIndex.Entry.init), sequence: max(index.status.sequence, last.number))
            self.seen.formUnion(new.map(\.number))
        }
        if self.seen.count > 2 * KnowledgeLimits.messageWindow {
            let start = index.status.sequence - window
            self.seen = self.seen.filter { $0 > start }
        }
        return .upToDate
    }
}
