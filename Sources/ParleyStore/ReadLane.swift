//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Dispatch
import GRDB
import GRDBSQLite
import ParleyCore
import Synchronization

/// The readers: each read sees one snapshot of the database, which holds every write that was acknowledged before it
/// was asked for.
///
/// At most ``StoreLimits/readers`` run and ``StoreLimits/queuedReads`` wait. A read whose caller no longer waits, or
/// whose deadline has passed, is interrupted within about a millisecond of SQLite's work.
final class ReadLane: Sendable {
    private struct State {
        var queue: [any StoreWork] = []
        var running: [any StoreWork] = []
        var isClosed = false
    }

    private let pool: DatabasePool
    private let deadlines: DeadlineWatch
    private let state = Mutex(State())

    init(pool: DatabasePool, timer: DispatchQueue) {
        self.pool = pool
        self.deadlines = DeadlineWatch(timer: timer)
    }

    /// Refuses new work from now on.
    func close() {
        self.state.withLock { $0.isClosed = true }
    }

    func submit(_ work: any StoreWork) {
        let refusal = self.state.withLock { state -> StoreError? in
            guard !state.isClosed else { return StoreError(.unavailable, "The database is closed.") }
            guard state.queue.count < StoreLimits.queuedReads else {
                return StoreError(.unavailable, "Too many reads are waiting.")
            }
            state.queue.append(work)
            return nil
        }
        if let refusal { return work.fail(refusal) }
        self.startNext()
        self.deadlines.watch { self.state.withLock { $0.queue + $0.running } }
    }

    private func startNext() {
        let next = self.state.withLock { state -> (any StoreWork)? in
            guard !state.queue.isEmpty, state.running.count < StoreLimits.readers else { return nil }
            let work = state.queue.removeFirst()
            state.running.append(work)
            return work
        }
        guard let next else { return }
        self.pool.asyncRead { result in
            self.run(next, result)
            self.state.withLock { state in state.running.removeAll { $0 === next } }
            self.startNext()
        }
    }

    private func run(_ work: any StoreWork, _ result: Result<Database, any Error>) {
        do {
            let db = try result.get()
            guard work.begin() else { return }
            try Self.interrupting(when: work, db) { try work.execute(db) }
            work.succeed()
        } catch {
            work.fail(StoreError(database: error))
        }
    }

    /// Runs `body`, ending its statements with `SQLITE_INTERRUPT` once the work is abandoned.
    ///
    /// See <https://www.sqlite.org/c3ref/progress_handler.html>.
    private static func interrupting(when work: any StoreWork, _ db: Database, _ body: () throws -> Void) throws {
        let watch = Watch(work: work)
        sqlite3_progress_handler(
            db.sqliteConnection, CInt(StoreLimits.instructionsPerDeadlineCheck),
            { pointer in
                guard let pointer else { return 0 }
                return Unmanaged<Watch>.fromOpaque(pointer).takeUnretainedValue().work.isAbandoned ? 1 : 0
            }, Unmanaged.passUnretained(watch).toOpaque())
        defer { sqlite3_progress_handler(db.sqliteConnection, 0, nil, nil) }
        // The handler holds no reference of its own.
        try withExtendedLifetime(watch, body)
    }

    private final class Watch {
        let work: any StoreWork

        init(work: any StoreWork) {
            self.work = work
        }
    }
}
