//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import CFaiss
import Dispatch

/// Ends a rebuild early.
private final class Cancellation: Sendable {
    // The object behind it is a single atomic flag.
    nonisolated(unsafe) let flag: OpaquePointer?

    init() {
        self.flag = vector_index_cancellation_make()
    }

    deinit {
        vector_index_cancellation_free(self.flag)
    }

    func cancel() {
        vector_index_cancellation_cancel(self.flag)
    }
}

extension VectorIndex {
    /// Where rebuilds, saves and loads compute: threads of their own, so that they keep none from the tasks.
    static let background = DispatchQueue(label: "vector-index", qos: .utility, attributes: .concurrent)

    /// Builds a new base of everything and swaps it in: without the dead and, above `exactEntries`, with inverted
    /// lists.
    /// Searches and changes go on meanwhile. Ends soon when the task is cancelled.
    ///
    /// - Throws: `rebuildRunning`, `cancelled`, `outOfMemory`; the index goes on as it was.
    public func rebuild() async throws(VectorIndexError) {
        let cancellation = Cancellation()
        let threads = Int32(clamping: self.configuration.rebuildThreads)
        let result = await withTaskCancellationHandler {
            await Self.inBackground { () throws(VectorIndexError) in
                try checked { text, capacity in
                    vector_index_rebuild(self.index, threads, cancellation.flag, text, capacity)
                }
            }
        } onCancel: {
            cancellation.cancel()
        }
        try result.get()
    }

    /// Rebuilds whenever that is due, until the task is cancelled. To be called once for an index.
    ///
    /// - Parameter failed: is told of a rebuild that failed; the next change tries again.
    public func run(failed: @Sendable (VectorIndexError) -> Void = { _ in }) async {
        if self.status.needsRebuild { self.wake.yield() }
        for await _ in self.due {
            guard self.status.needsRebuild else { continue }
            do throws(VectorIndexError) {
                try await self.rebuild()
                // What came meanwhile may already be enough for the next one.
                if self.status.needsRebuild { self.wake.yield() }
            } catch {
                guard error.code != .cancelled else { return }
                failed(error)
            }
        }
    }

    static func inBackground<Value: Sendable>(
        _ work: @escaping @Sendable () throws(VectorIndexError) -> Value
    ) async -> Result<Value, VectorIndexError> {
        await withCheckedContinuation { continuation in
            Self.background.async {
                do throws(VectorIndexError) {
                    continuation.resume(returning: .success(try work()))
                } catch {
                    continuation.resume(returning: .failure(error))
                }
            }
        }
    }
}
