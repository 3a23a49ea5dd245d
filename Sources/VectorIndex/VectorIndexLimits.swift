//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import CFaiss

/// The limits of an index. Each has its unit in its name or type.
public enum VectorIndexLimits {
    /// The most components of a vector.
    public static let dimension = Int(VECTOR_INDEX_DIMENSION)
    /// The longest name of an embedding model, in bytes of UTF-8.
    public static let modelBytes = Int(VECTOR_INDEX_MODEL_BYTES)
    /// The most entries of one index.
    public static let entries = Int(VECTOR_INDEX_ENTRIES)
    /// The most entries of one index when its maker names no number.
    public static let defaultEntries = 4_000_000
    /// The most bytes of vectors and bookkeeping when the maker names no number: two million vectors of 384 components
    /// as floats. A rebuild needs as much again while it runs.
    public static let defaultMemoryBytes = 4 * 1024 * 1024 * 1024
    /// Up to so many entries every search compares all of them; above, a rebuild makes inverted lists. Measured with
    /// 384 components on one thread: comparing all of them takes about 2 ms here, training the lists two seconds.
    public static let exactEntries = 20_000
    /// The most results of one query.
    public static let results = Int(VECTOR_INDEX_RESULTS)
    /// The most queries of one batch.
    public static let queries = Int(VECTOR_INDEX_QUERIES)
    /// The most partitions that one filter names.
    public static let filterPartitions = Int(VECTOR_INDEX_FILTER_PARTITIONS)
    /// So many matches of a filter are compared one by one, also where there are inverted lists.
    public static let exactMatches = Int(VECTOR_INDEX_EXACT_MATCHES)
    /// A rebuild is due when more than this share of the base is dead…
    public static let deadShare = VECTOR_INDEX_DEAD_SHARE
    /// …and more than so many of its rows are.
    public static let deadRows = Int(VECTOR_INDEX_DEAD_ROWS)
    /// A rebuild is due when more than this share of the base was added since it was built…
    public static let deltaShare = VECTOR_INDEX_DELTA_SHARE
    /// …and more than so many rows were.
    public static let deltaRows = Int(VECTOR_INDEX_DELTA_ROWS)
}
