//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import GRDB
import ParleyCore
import Synchronization

/// Tells of jobs after the commit that put them into the table, whichever code did.
///
/// It is an observer of the writer's transactions (https://www.sqlite.org/c3ref/commit_hook.html), so that no way to
/// add a job can forget to tell, and none tells of one that was rolled back.
final class JobAnnouncer: TransactionObserver, Sendable {
    private struct State {
        /// Rows of the transaction that is under way.
        var added: [Int64] = []
        var listeners: [UInt64: AsyncStream<[JobTicket]>.Continuation] = [:]
        var lastListener: UInt64 = 0
    }

    private let state = Mutex(State())

    func listen() -> AsyncStream<[JobTicket]> {
        let (stream, continuation) = AsyncStream.makeStream(
            of: [JobTicket].self, bufferingPolicy: .bufferingNewest(StoreLimits.waitingAnnouncements))
        let id = self.state.withLock { state in
            state.lastListener += 1
            state.listeners[state.lastListener] = continuation
            return state.lastListener
        }
        continuation.onTermination = { [weak self] _ in
            self?.state.withLock { $0.listeners[id] = nil }
        }
        return stream
    }

    func announce(_ tickets: [JobTicket]) {
        guard !tickets.isEmpty else { return }
        for listener in self.state.withLock({ Array($0.listeners.values) }) {
            listener.yield(tickets)
        }
    }

    // MARK: The writer's transactions

    func observes(eventsOfKind eventKind: DatabaseEventKind) -> Bool {
        if case .insert(tableName: "jobs") = eventKind { true } else { false }
    }

    func databaseDidChange(with event: DatabaseEvent) {
        self.state.withLock { state in
            guard !state.listeners.isEmpty else { return }
            state.added.append(event.rowID)
        }
    }

    func databaseDidCommit(_ db: Database) {
        let rows = self.state.withLock { state in
            defer { state.added.removeAll(keepingCapacity: true) }
            return state.added
        }
        // What cannot be read now is found by the next reconciliation.
        self.announce(
            rows.compactMap { row in
                (try? db.first("SELECT row, id, kind, run_at FROM jobs WHERE row = ?", [row])).flatMap(JobRow.ticket)
            })
    }

    func databaseDidRollback(_ db: Database) {
        self.state.withLock { $0.added.removeAll() }
    }
}
