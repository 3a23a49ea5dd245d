//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
public import ParleyCore

/// Finds the numbered texts whose vectors are nearest to one: passages of documents, or messages. It is derived from
/// rows and may be a little behind them, so whoever asks reads the rows of what it finds.
public protocol PassageIndex: Sendable {
    /// Whether it holds what the rows held at start, by the present embedder's model. Until then nothing should be
    /// concluded from what it does not find.
    var isReady: Bool { get async }

    /// The texts with the largest inner product, best first, ties by number.
    ///
    /// Cancelling the task ends the wait.
    ///
    /// - Parameters:
    ///   - vector: of length 1 and of the index's dimension.
    ///   - partitions: only texts in these are looked at; the filter is applied inside the search.
    ///   - limit: at most this many.
    /// - Throws: `.unavailable` while it is not ready, `.invalid` for another dimension.
    func nearest(
        _ vector: [Float], partitions: Set<Int64>, limit: Int
    ) async throws(KnowledgeError) -> [ScoredNumber]
}
