//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCore
import VectorIndex

/// Vectors of passages, kept in step by the change sequence of the store.
actor PassageFeed: IndexFeed {
    /// What became of one document within a run of changes.
    struct Outcome: Equatable {
        var isRemoved = false
        /// The version that was published last.
        var published: Int?
        /// How often vectors were added after the last publication.
        var embedded = 0
        var firstSequence: Int64
    }

    nonisolated let name = "passages"
    private let store: any PassageStore
    private var backlog = EmbeddedBacklog()
    /// Up to where changes were read; the index may cover less while documents wait in the backlog.
    private var cursor: Int64 = 0
    /// Changes up to this sequence happened while nobody looked: rows of what they removed may be swept already.
    private var unseenUntil: Int64?
    private var index: ObjectIdentifier?

    init(store: any PassageStore) {
        self.store = store
    }

    func lastChange() async throws(StoreError) -> Int64 {
        try await self.store.lastChange()
    }

    func vectors(model: EmbeddingModel, after number: Int64, limit: Int) async throws(StoreError) -> [StoredVector] {
        try await self.store.vectors(of: nil, model: model, after: number, limit: limit)
    }

    nonisolated func covered(sequence: Int64, lastNumber: Int64) -> Int64 {
        sequence
    }

    func catchUp(_ index: VectorIndex, model: EmbeddingModel) async throws -> CatchUp {
        try await self.begin(index)
        var result = CatchUp.upToDate
        while true {
            guard let changes = try await self.changes() else { return .holdsStrangers }
            guard let last = changes.last else { break }
            for (document, outcome) in Self.outcomes(of: changes) {
                try Task.checkCancellation()
                if try await self.apply(outcome, of: document, to: index, model: model) == .holdsStrangers {
                    result = .holdsStrangers
                }
            }
            self.cursor = last.sequence
            try self.advance(index)
        }
        self.unseenUntil = nil
        for document in self.backlog.due(now: .now) {
            try await self.load(document, into: index, model: model)
            self.backlog.settle(document)
        }
        self.backlog.tidy()
        try self.advance(index)
        return result
    }

    /// The next changes; `nil` when those since the index was saved are not kept, or the index is of another database.
    private func changes() async throws(StoreError) -> [KnowledgeChange]? {
        do {
            return try await self.store.changes(after: self.cursor, limit: KnowledgeLimits.changes)
        } catch {
            guard error.code == .invalid else { throw error }
            return nil
        }
    }

    /// An index that was not seen before begins where its file ended, or where its making began.
    private func begin(_ index: VectorIndex) async throws {
        guard self.index != ObjectIdentifier(index) else { return }
        self.backlog = EmbeddedBacklog()
        self.cursor = index.status.sequence
        self.unseenUntil = try await self.store.lastChange()
        self.index = ObjectIdentifier(index)
    }

    /// One outcome for each document, in the order in which they were last changed.
    static func outcomes(of changes: [KnowledgeChange]) -> [(document: Int64, outcome: Outcome)] {
        var outcomes: [Int64: (sequence: Int64, outcome: Outcome)] = [:]
        for change in changes {
            var entry = outcomes[change.documentNumber] ?? (0, Outcome(firstSequence: change.sequence))
            switch change.kind {
            case .removed:
                entry.outcome.isRemoved = true
            case .published:
                entry.outcome.published = change.version
                entry.outcome.embedded = 0
            case .embedded:
                entry.outcome.embedded += 1
            }
            entry.sequence = change.sequence
            outcomes[change.documentNumber] = entry
        }
        return outcomes.sorted { $0.value.sequence < $1.value.sequence }.map { ($0.key, $0.value.outcome) }
    }

    private func apply(
        _ outcome: Outcome, of document: Int64, to index: VectorIndex, model: EmbeddingModel
    ) async throws -> CatchUp {
        guard outcome.isRemoved || outcome.published != nil else {
            self.backlog.add(
                document, sequence: outcome.firstSequence, steps: outcome.embedded, now: .now)
            return .upToDate
        }
        let version = outcome.isRemoved ? nil : outcome.published
        let gone = try await self.store.passageNumbers(of: document, except: version)
        self.backlog.settle(document)
        // Newer passages than this version's come back with the load.
        for start in stride(from: 0, to: gone.count, by: KnowledgeLimits.vectors * 20) {
            let part = Array(gone[start..<min(start + KnowledgeLimits.vectors * 20, gone.count)])
            try index.apply(upserts: [], removals: part, sequence: index.status.sequence)
        }
        if version != nil {
            try await self.load(document, into: index, model: model)
        }
        let hadEarlier = outcome.isRemoved || (version ?? 1) > 1
        let isUnseen = self.unseenUntil.map { outcome.firstSequence <= $0 } ?? false
        return gone.isEmpty && hadEarlier && isUnseen && index.status.entries > 0 ? .holdsStrangers : .upToDate
    }

    private func load(_ document: Int64, into index: VectorIndex, model: EmbeddingModel) async throws {
        var number: Int64 = 0
        while true {
            try Task.checkCancellation()
            let vectors = try await self.store.vectors(
                of: document, model: model, after: number, limit: KnowledgeLimits.vectors)
            guard let last = vectors.last else { return }
            try index.apply(
                upserts: vectors.map(VectorIndex.Entry.init), sequence: index.status.sequence)
            number = last.number
        }
    }

    private func advance(_ index: VectorIndex) throws(VectorIndexError) {
        let covered = min(self.cursor, self.backlog.firstSequence.map { $0 - 1 } ?? self.cursor)
        guard covered > index.status.sequence else { return }
        try index.apply(upserts: [], sequence: covered)
    }
}
