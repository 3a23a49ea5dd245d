//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Metrics
import ParleyCore
import ParleyKnowledge
import ParleyStore
import ServiceLifecycle

/// Looks at the knowledge base from time to time, for metrics.
struct KnowledgeGauges: Sendable {
    private static let interval = Duration.seconds(15)

    let store: SQLiteStore
    let indexes: [String: KnowledgeIndex]

    /// Runs until the graceful shutdown or until it is cancelled.
    func run() async {
        await cancelWhenGracefulShutdown {
            repeat {
                await self.record()
            } while (try? await Task.sleep(for: Self.interval)) != nil
        }
    }

    private func record() async {
        for (name, index) in self.indexes {
            let figures = index.figures
            let dimensions = [("index", name)]
            Gauge(label: "parley_index_vectors", dimensions: dimensions).record(figures.vectors)
            Gauge(label: "parley_index_bytes", dimensions: dimensions).record(figures.bytes)
            Gauge(label: "parley_index_lag", dimensions: dimensions).record(figures.lag)
        }
        // A database that is away is told of elsewhere.
        guard let counts = try? await self.store.documentCounts() else { return }
        for state in [Document.State.pending, .indexing, .ready, .failed] {
            Gauge(label: "parley_documents", dimensions: [("state", state.rawValue)])
                .record(counts[state, default: 0])
        }
    }
}
