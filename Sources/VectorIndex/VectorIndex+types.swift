//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import CFaiss

extension VectorIndex {
    /// How rows are kept once a rebuild made inverted lists of them.
    public enum Storage: String, Sendable {
        /// Four bytes for each component.
        case float32
        /// One byte for each component: a quarter of the memory, scores off by about 0.001.
        case int8
    }

    /// What an index is for, and its bounds.
    public struct Configuration: Sendable {
        /// The embedding model whose vectors these are.
        public var model: String
        /// Components of a vector.
        public var dimension: Int
        /// The owner's number for this model and dimension; a file of another number is refused.
        public var generation: Int64
        /// How rows are kept where there are inverted lists.
        public var storage: Storage
        /// Up to so many entries every search compares all of them.
        public var exactEntries: Int
        /// The most entries, those that wait for a rebuild to forget them included.
        public var maximumEntries: Int
        /// The most bytes for vectors and bookkeeping; a rebuild needs up to as much again while it runs.
        public var maximumBytes: Int
        /// The share of the true ten nearest that a search of inverted lists shall find, above 0 and at most 1. Each
        /// training of the lists measures how many of them must be looked into for that.
        public var recall: Double
        /// Threads that a rebuild takes. A search takes one.
        public var rebuildThreads: Int

        /// A configuration with the limits of `VectorIndexLimits`.
        public init(model: String, dimension: Int, generation: Int64 = 1, storage: Storage = .float32) {
            self.model = model
            self.dimension = dimension
            self.generation = generation
            self.storage = storage
            self.exactEntries = VectorIndexLimits.exactEntries
            self.maximumEntries = VectorIndexLimits.defaultEntries
            self.maximumBytes = VectorIndexLimits.defaultMemoryBytes
            self.recall = 0.98
            self.rebuildThreads = 1
        }
    }

    /// A vector to be found, under an id that is its own, in one partition.
    public struct Entry: Sendable {
        /// The id; a later entry with the same id replaces this one.
        public var id: Int64
        /// What filters name: a collection, an owner.
        public var partition: Int64
        /// As many components as the index has dimensions, all finite and not all zero. The index keeps the direction
        /// only.
        public var vector: [Float]

        /// An entry.
        public init(id: Int64, partition: Int64, vector: [Float]) {
            self.id = id
            self.partition = partition
            self.vector = vector
        }
    }

    /// Which entries may be found. It is applied inside the search: what it excludes is never compared, and what it
    /// allows is found however little that is.
    public enum Filter: Sendable, Equatable {
        /// Every entry.
        case all
        /// Those of these partitions; of none when the set is empty.
        case partitions(Set<Int64>)
    }

    /// A result of a search.
    public struct Match: Sendable, Equatable {
        /// The entry's id.
        public let id: Int64
        /// The inner product of the two directions, their cosine: 1 for the same, 0 for unrelated, -1 for opposite.
        public let score: Float
    }

    /// What `apply` did.
    public struct Changes: Sendable, Equatable {
        /// Entries whose id was new.
        public let added: Int
        /// Entries that took the place of an older one.
        public let replaced: Int
        /// Ids that were known and are gone.
        public let removed: Int

        /// So many of each.
        public init(added: Int, replaced: Int, removed: Int) {
            self.added = added
            self.replaced = replaced
            self.removed = removed
        }
    }

    /// How entries are searched.
    public enum Method: Sendable, Equatable {
        /// Every entry is compared.
        case exact
        /// Of so many inverted lists those nearest to the query are compared, and every entry that came since.
        case lists(count: Int, probes: Int)
    }

    /// What an index holds at one moment.
    public struct Status: Sendable, Equatable {
        /// Entries that a search can return.
        public let entries: Int
        /// Entries that came since the last rebuild.
        public let delta: Int
        /// Rows that are dead and wait for a rebuild to forget them.
        public let dead: Int
        /// The change sequence that is covered.
        public let sequence: Int64
        /// The owner's number for model and dimension.
        public let generation: Int64
        /// Rebuilds since the index was first made.
        public let rebuilds: Int
        /// How entries are searched.
        public let method: Method
        /// How rows of the base are kept.
        public let storage: Storage
        /// Bytes for vectors and bookkeeping.
        public let bytes: Int
        /// Whether a rebuild is running.
        public let isRebuilding: Bool
        /// Whether a rebuild is due.
        public let needsRebuild: Bool
    }
}

extension VectorIndex.Status {
    /// As the C interface describes it.
    init(_ state: vector_index_state) {
        self.entries = Int(state.entries)
        self.delta = Int(state.delta_rows - state.delta_dead)
        self.dead = Int(state.base_dead + state.delta_dead)
        self.sequence = state.sequence
        self.generation = state.generation
        self.rebuilds = Int(state.rebuilds)
        self.method = state.lists == 0 ? .exact : .lists(count: Int(state.lists), probes: Int(state.probes))
        self.storage = state.storage == VECTOR_INDEX_INT8.rawValue ? .int8 : .float32
        self.bytes = Int(state.bytes)
        self.isRebuilding = state.rebuilding
        self.needsRebuild = state.needs_rebuild
    }
}
