//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import CFaiss

// The format of the file is described at the top of `Sources/CFaiss/file.h`.
extension VectorIndex {
    /// Writes the index as it is now to a file that takes the place of the one at `path` once it is whole and on the
    /// disk: a crash at any moment leaves the old file or the new one. Searches and changes go on meanwhile.
    ///
    /// - Throws: `inputOutput`; the old file is still there.
    public func save(to path: String) async throws(VectorIndexError) {
        try await Self.inBackground { () throws(VectorIndexError) in
            try checked { text, capacity in vector_index_save(self.index, path, text, capacity) }
        }.get()
    }

    /// The index that a file keeps.
    ///
    /// - Throws: `noFile`, `damagedFile`, `otherVersion`, `foreignFile`, `otherGeneration` (see `callsForRebuild`);
    ///   `full` where the file is larger than the configuration allows; `inputOutput`.
    public static func load(
        from path: String, configuration: Configuration
    ) async throws(VectorIndexError) -> VectorIndex {
        try await Self.inBackground { () throws(VectorIndexError) in
            try VectorIndex(configuration) { options, made, text, capacity in
                vector_index_load(path, options, made, text, capacity)
            }
        }.get()
    }
}
