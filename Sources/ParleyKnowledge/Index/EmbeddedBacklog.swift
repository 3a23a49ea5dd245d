//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCore

/// Documents whose passages are given vectors bit by bit, as the backfill does. Reading all vectors of a document again
/// after each bit would cost the square of its length. So a document waits until as many steps came as were applied
/// before, or until it is left alone for a while; the cost is then linear.
struct EmbeddedBacklog {
    private struct Waiting {
        var firstSequence: Int64
        var steps: Int
        var lastStep: ContinuousClock.Instant
    }

    private var waiting: [Int64: Waiting] = [:]
    private var applied: [Int64: Int] = [:]

    /// The index must not claim to cover this sequence or a later one.
    var firstSequence: Int64? {
        self.waiting.values.map(\.firstSequence).min()
    }

    mutating func add(_ document: Int64, sequence: Int64, steps: Int, now: ContinuousClock.Instant) {
        var entry = self.waiting[document] ?? Waiting(firstSequence: sequence, steps: 0, lastStep: now)
        entry.steps += steps
        entry.lastStep = now
        self.waiting[document] = entry
    }

    /// The document's vectors were read, or it is gone.
    mutating func settle(_ document: Int64) {
        guard let entry = self.waiting.removeValue(forKey: document) else { return }
        self.applied[document, default: 0] += entry.steps
    }

    /// Documents that should be read now.
    func due(now: ContinuousClock.Instant) -> [Int64] {
        self.waiting.filter { document, entry in
            entry.steps >= self.applied[document, default: 0]
                || now - entry.lastStep >= KnowledgeLimits.quietInterval
        }.keys.sorted()
    }

    /// Forgets how often documents were read, when none waits.
    mutating func tidy() {
        if self.waiting.isEmpty { self.applied = [:] }
    }
}
