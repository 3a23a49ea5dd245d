//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCore
import Synchronization

/// The jobs of one kind that a node may do at once: a sequence of how many are free, one element whenever any is, until
/// it is closed.
final class JobSlots: AsyncSequence, Sendable {
    let handler: any JobHandler
    private struct State {
        var taken = 0
        var isClosed = false
    }

    private let state = Mutex(State())
    private let changes = Signal()

    init(_ handler: any JobHandler) {
        self.handler = handler
    }

    func take() {
        self.state.withLock { $0.taken += 1 }
    }

    func release() {
        self.state.withLock { $0.taken -= 1 }
        self.changes.send()
    }

    /// Ends the sequence.
    func close() {
        self.state.withLock { $0.isClosed = true }
        self.changes.finish()
    }

    /// `nil` when it is closed.
    private var free: Int? {
        self.state.withLock { $0.isClosed ? nil : self.handler.concurrency - $0.taken }
    }

    struct AsyncIterator: AsyncIteratorProtocol {
        fileprivate let slots: JobSlots
        fileprivate var changes: AsyncStream<Void>.AsyncIterator

        mutating func next() async -> Int? {
            while !Task.isCancelled, let free = self.slots.free {
                if free > 0 { return free }
                guard await self.changes.next() != nil else { return nil }
            }
            return nil
        }
    }

    func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(slots: self, changes: self.changes.stream.makeAsyncIterator())
    }
}
