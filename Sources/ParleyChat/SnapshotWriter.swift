//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Logging
import ParleyCore
import Synchronization

/// Gathers the texts of running turns and writes them to the database together: one transaction for all of them, a
/// few times a second at most, whatever the number of tokens.
final class SnapshotWriter: Sendable {
    private let store: any TurnStore
    private let logger: Logger
    private let waiting = Mutex<[TurnID: TurnSnapshot]>([:])

    init(store: any TurnStore, logger: Logger) {
        self.store = store
        self.logger = logger
    }

    /// Takes the latest text of a turn; an earlier one that waits is replaced.
    func offer(_ snapshot: TurnSnapshot) {
        self.waiting.withLock { $0[snapshot.turnID] = snapshot }
    }

    /// Writes what waits until cancelled.
    func run() async {
        while (try? await Task.sleep(for: ChatLimits.snapshotFlushInterval)) != nil {
            await self.flush()
        }
    }

    func flush() async {
        let snapshots = self.waiting.withLock { waiting in
            defer { waiting.removeAll(keepingCapacity: true) }
            return Array(waiting.values)
        }
        guard !snapshots.isEmpty else { return }
        do {
            try await self.store.save(snapshots)
        } catch {
            // The log still has the text, and the next snapshot or the end of the turn brings all of it.
            self.logger.warning(
                "snapshots not written", metadata: ["count": "\(snapshots.count)", "error": "\(error)"])
        }
    }
}
