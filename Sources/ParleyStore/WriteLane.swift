//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Dispatch
import GRDB
import ParleyCore
import Synchronization

/// The one writer: writes that arrive while a commit is under way share the next commit (group commit).
///
/// Each write runs in a savepoint of its own, so that one that fails leaves the others alone; callers are resumed
/// after the commit. The queue is bounded by ``StoreLimits/queuedWrites``. A lock held by another process is waited
/// for in slices, between which writes whose deadline has passed are let go.
final class WriteLane: Sendable {
    private struct State {
        var queue: [any StoreWork] = []
        var running: [any StoreWork] = []
        var isDraining = false
        var isClosed = false
        var lastCommit: ContinuousClock.Instant?
    }

    private let pool: DatabasePool
    private let deadlines: DeadlineWatch
    /// Kept as long as commits are made.
    private let checkpointer: Checkpointer
    private let state = Mutex(State())

    init(pool: DatabasePool, checkpointer: Checkpointer, timer: DispatchQueue) {
        self.pool = pool
        self.checkpointer = checkpointer
        self.deadlines = DeadlineWatch(timer: timer)
    }

    /// When a transaction was last committed; `nil` when one has failed since.
    var lastCommit: ContinuousClock.Instant? {
        self.state.withLock { $0.lastCommit }
    }

    /// Writes that wait for the writer, and those that it has taken up.
    var load: (waiting: Int, running: Int) {
        self.state.withLock { ($0.queue.count, $0.running.count) }
    }

    /// Refuses new work from now on; what waits is still done.
    func close() {
        self.state.withLock { $0.isClosed = true }
    }

    func submit(_ work: any StoreWork) {
        let (refusal, mustDrain) = self.state.withLock { state -> (StoreError?, Bool) in
            guard !state.isClosed else { return (StoreError(.unavailable, "The database is closed."), false) }
            guard state.queue.count < StoreLimits.queuedWrites else {
                return (StoreError(.unavailable, "Too many writes are waiting."), false)
            }
            state.queue.append(work)
            defer { state.isDraining = true }
            return (nil, !state.isDraining)
        }
        if let refusal { return work.fail(refusal) }
        if mustDrain { self.scheduleDrain() }
        self.deadlines.watch { self.state.withLock { $0.queue + $0.running } }
    }

    // MARK: On the writer's own queue

    private func scheduleDrain() {
        self.pool.asyncWriteWithoutTransaction { self.drain($0) }
    }

    /// Commits one batch and comes again for the next, so that a backup can step in between.
    private func drain(_ db: Database) {
        let batch = self.state.withLock { state -> [any StoreWork] in
            let batch = Array(state.queue.prefix(StoreLimits.writesPerCommit))
            state.queue.removeFirst(batch.count)
            state.running = batch
            state.isDraining = !batch.isEmpty
            return batch
        }
        guard !batch.isEmpty else { return }
        self.commit(batch, db)
        self.state.withLock { $0.running = [] }
        self.scheduleDrain()
    }

    private func commit(_ batch: [any StoreWork], _ db: Database) {
        guard let begun = self.begin(batch, db) else { return }
        var done: [any StoreWork] = []
        for (index, work) in begun.enumerated() {
            guard work.begin() else { continue }
            do {
                try Self.run(work, inSavepoint: begun.count > 1, db)
                done.append(work)
            } catch {
                work.fail(StoreError(database: error))
                // A full disk and the like end the whole transaction
                // (https://www.sqlite.org/lang_transaction.html): what others did in it is gone too.
                if !db.isInsideTransaction {
                    self.state.withLock { $0.lastCommit = nil }
                    return self.commitEach(done + begun[(index + 1)...], db)
                }
            }
        }
        self.end(done, db)
    }

    /// Opens the transaction as soon as no other process writes.
    ///
    /// - Returns: the work that is still wanted, or `nil` when none is or the transaction could not be opened.
    private func begin(_ batch: [any StoreWork], _ db: Database) -> [any StoreWork]? {
        while true {
            let now = ContinuousClock.now
            let wanted = batch.filter { $0.isWaiting(at: now) }
            guard !wanted.isEmpty else { return nil }
            do {
                if db.isInsideTransaction { try db.rollback() }
                try db.beginTransaction(.immediate)
                return wanted
            } catch let error as DatabaseError where error.resultCode == .SQLITE_BUSY {
                self.state.withLock { $0.lastCommit = nil }
            } catch {
                self.state.withLock { $0.lastCommit = nil }
                wanted.forEach { $0.fail(StoreError(database: error)) }
                return nil
            }
        }
    }

    private static func run(_ work: any StoreWork, inSavepoint: Bool, _ db: Database) throws {
        guard inSavepoint else { return try work.execute(db) }
        try db.run("SAVEPOINT work")
        do {
            try work.execute(db)
            try db.run("RELEASE work")
        } catch {
            if db.isInsideTransaction {
                try db.run("ROLLBACK TO work")
                try db.run("RELEASE work")
            }
            throw error
        }
    }

    private func commitEach(_ works: [any StoreWork], _ db: Database) {
        for work in works {
            self.commit([work], db)
        }
    }

    private func end(_ done: [any StoreWork], _ db: Database) {
        do {
            if done.isEmpty {
                try db.rollback()
            } else {
                try db.commit()
                self.state.withLock { $0.lastCommit = .now }
            }
            done.forEach { $0.succeed() }
        } catch {
            if db.isInsideTransaction {
                try? db.rollback()
            }
            self.state.withLock { $0.lastCommit = nil }
            done.forEach { $0.fail(StoreError(database: error)) }
        }
    }
}
