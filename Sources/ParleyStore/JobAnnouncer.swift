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
    /// Rows of the transaction that is under way.
    private let added = Mutex<[Int64]>([])
    private let broadcast = Broadcast<[JobTicket]>(capacity: StoreLimits.waitingAnnouncements)

    func listen() -> AsyncStream<[JobTicket]> {
        self.broadcast.listen()
    }

    func announce(_ tickets: [JobTicket]) {
        guard !tickets.isEmpty else { return }
        self.broadcast.tell(tickets)
    }

    // MARK: The writer's transactions

    func observes(eventsOfKind eventKind: DatabaseEventKind) -> Bool {
        if case .insert(tableName: "jobs") = eventKind { true } else { false }
    }

    func databaseDidChange(with event: DatabaseEvent) {
        guard self.broadcast.hasListeners else { return }
        self.added.withLock { $0.append(event.rowID) }
    }

    func databaseDidCommit(_ db: Database) {
        let rows = self.added.withLock { added in
            defer { added.removeAll(keepingCapacity: true) }
            return added
        }
        // What cannot be read now is found by the next reconciliation.
        self.announce(
            rows.compactMap { row in
                (try? db.first("SELECT row, id, kind, run_at FROM jobs WHERE row = ?", [row])).flatMap(JobRow.ticket)
            })
    }

    func databaseDidRollback(_ db: Database) {
        self.added.withLock { $0.removeAll() }
    }
}
