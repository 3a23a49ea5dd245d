//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import CPassageRank
import Dispatch
import Foundation
import GRDB
public import ParleyCore

/// The durable truth in one SQLite file: conversations with their message trees, turns, accounts.
///
/// **What an acknowledgement means.** A call that writes returns after the `COMMIT`. With ``Durability/powerLoss``,
/// the default, the commit has also reached the disk (`synchronous = FULL`: the write-ahead log is synced at each
/// commit), so it survives the loss of power; with ``Durability/processCrash`` (`NORMAL`) it survives the death of
/// the process, also by `kill -9`, and a loss of power may undo the last commits but never damages the file. Writes
/// that arrive together share one commit and its sync (see `WriteLane`), which is why `FULL` is affordable.
///
/// **Several processes** may open one file on one host: a lock held by another is waited for until the write's
/// deadline. A network file system cannot hold the file (https://www.sqlite.org/wal.html#concurrency).
///
/// **A full disk** makes writes fail as `.full`, whole; reads go on, and writes work again once there is room.
///
/// SQLite's text ends at NUL, so a NUL in any text is stored as U+FFFD.
public final class SQLiteStore: Sendable {
    /// What a committed write survives.
    public enum Durability: String, Sendable, CaseIterable {
        case powerLoss
        case processCrash
    }

    /// How long callers wait.
    public struct Deadlines: Sendable {
        /// For a write to begin.
        public var write: Duration
        /// For a read to end.
        public var read: Duration

        public init(write: Duration = StoreLimits.writeDeadline, read: Duration = StoreLimits.readDeadline) {
            self.write = write
            self.read = read
        }
    }

    public let path: String
    let deadlines: Deadlines
    /// From 0 to 1: spreads the retries of jobs.
    let jitter: @Sendable () -> Double
    let writes: WriteLane
    let jobAnnouncer = JobAnnouncer()
    private let reads: ReadLane
    private let pool: DatabasePool
    private let checkpointer: Checkpointer

    /// Opens the file, makes it when it is not there (readable by its owner only, as is a folder made for it), and
    /// brings its schema up to date.
    ///
    /// - Parameter jitter: a number from 0 to 1 for each retry of a job; see `JobBackoff`.
    /// - Throws: `.unusable` when the file is damaged, no database, or written by a newer release; `.unavailable`
    ///   when it cannot be opened or stays locked; `.full`.
    public init(
        path: String, durability: Durability = .powerLoss, deadlines: Deadlines = Deadlines(),
        jitter: @escaping @Sendable () -> Double = { .random(in: 0...1) }
    ) throws(StoreError) {
        self.path = path
        self.deadlines = deadlines
        self.jitter = jitter
        do {
            try Self.makeFile(path)
            self.pool = try Self.makePool(path)
            try Self.prepare(self.pool, durability: durability)
            self.checkpointer = try Checkpointer(path: path)
            self.pool.writeWithoutTransaction { [checkpointer = self.checkpointer] db in checkpointer.watch(db) }
            self.pool.add(transactionObserver: self.jobAnnouncer, extent: .databaseLifetime)
        } catch {
            throw StoreError(database: error)
        }
        let timer = DispatchQueue(label: "parley.store.deadlines")
        self.writes = WriteLane(pool: self.pool, checkpointer: self.checkpointer, timer: timer)
        self.reads = ReadLane(pool: self.pool, timer: timer)
    }

    /// Ends the use of the file, after the writes that were accepted. Later calls fail as `.unavailable`.
    public func close() async throws(StoreError) {
        // The queue is served in order: when this one is through, all earlier ones are.
        try await self.write { _ in }
        self.writes.close()
        self.reads.close()
        do {
            try self.checkpointer.close()
            try self.pool.close()
        } catch {
            throw StoreError(database: error)
        }
    }

    /// Runs a write; the value is returned after the commit.
    func write<Value: Sendable>(
        _ body: @escaping @Sendable (Database) throws -> Value
    ) async throws(StoreError) -> Value {
        try await self.write(within: self.deadlines.write, body)
    }

    func write<Value: Sendable>(
        within deadline: Duration, _ body: @escaping @Sendable (Database) throws -> Value
    ) async throws(StoreError) -> Value {
        let now = ContinuousClock.now
        let job = StoreJob(
            deadline: now + deadline, runDeadline: now + deadline + StoreLimits.stalledWriteDeadline, body)
        return try await job.value { self.writes.submit(job) }.get()
    }

    /// Runs a read in one snapshot.
    func read<Value: Sendable>(
        _ body: @escaping @Sendable (Database) throws -> Value
    ) async throws(StoreError) -> Value {
        try await self.read(within: self.deadlines.read, body)
    }

    func read<Value: Sendable>(
        within deadline: Duration, _ body: @escaping @Sendable (Database) throws -> Value
    ) async throws(StoreError) -> Value {
        let end = ContinuousClock.now + deadline
        let job = StoreJob(deadline: end, runDeadline: end, body)
        return try await job.value { self.reads.submit(job) }.get()
    }
}

// MARK: Opening

extension SQLiteStore {
    private static var configuration: Configuration {
        var configuration = Configuration()
        configuration.label = "parley.store"
        configuration.maximumReaderCount = StoreLimits.readers
        configuration.foreignKeysEnabled = true
        // The writer's transactions are its lane's own affair. Without this GRDB ends the process when one is left
        // open, as after a rollback that a failing disk refuses; the lane rolls it back before the next instead.
        configuration.allowsUnsafeTransactions = true
        configuration.busyMode = .timeout(Double(StoreLimits.openLockMs) / 1000)
        configuration.prepareDatabase { db in
            db.add(tokenizer: WordTokenizer.self)
            db.add(tokenizer: StemTokenizer.self)
            let code = ResultCode(rawValue: parley_register_passage_rank(UnsafeMutableRawPointer(db.sqliteConnection)))
            guard code == .SQLITE_OK else { throw DatabaseError(resultCode: code) }
            if db.configuration.readonly {
                try db.execute(sql: "PRAGMA busy_timeout = \(StoreLimits.readDeadline.milliseconds)")
            }
            // https://www.sqlite.org/pragma.html#pragma_cache_size: negative is KiB.
            try db.execute(sql: "PRAGMA cache_size = -\(StoreLimits.pageCacheKiB)")
            // https://www.sqlite.org/pragma.html#pragma_temp_store: no files outside the data folder.
            try db.execute(sql: "PRAGMA temp_store = MEMORY")
        }
        return configuration
    }

    /// Turning a new file to write-ahead logging does not wait for another process that is at the same
    /// (https://www.sqlite.org/wal.html#sometimes_queries_return_sqlite_busy_in_wal_mode), so it is tried again.
    private static func makePool(_ path: String) throws -> DatabasePool {
        let end = ContinuousClock.now + .milliseconds(StoreLimits.openLockMs)
        while true {
            do {
                return try DatabasePool(path: path, configuration: Self.configuration)
            } catch let error as DatabaseError where error.resultCode == .SQLITE_BUSY && .now < end {
                Thread.sleep(forTimeInterval: Double(StoreLimits.lockSliceMs) / 1000)
            }
        }
    }

    /// SQLite gives the `-wal` and `-shm` files the permissions of the database file.
    private static func makeFile(_ path: String) throws {
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
        if !FileManager.default.fileExists(atPath: folder) {
            try Self.reaching(path) {
                try FileManager.default.createDirectory(
                    atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            }
        }
        let file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard file >= 0 else {
            let reason = String(cString: strerror(errno))
            throw StoreError(.unavailable, "The database file \(path) cannot be opened: \(reason).")
        }
        _ = Foundation.close(file)
    }

    private static func reaching(_ path: String, _ body: () throws -> Void) throws {
        do {
            try body()
        } catch {
            throw StoreError(.unavailable, "The folder of the database file \(path) cannot be made.", cause: error)
        }
    }

    /// Processes that open a new file at the same moment come to the same migration: one does it, the others fail at
    /// what is there already, and go on from where the first one is.
    private static func migrate(_ pool: DatabasePool, _ migrator: DatabaseMigrator) throws {
        for _ in 1..<StoreLimits.migrationAttempts {
            do {
                return try migrator.migrate(pool)
            } catch let error as DatabaseError
                where [.SQLITE_ERROR, .SQLITE_CONSTRAINT].contains(error.resultCode)
            {
                if try pool.read({ try migrator.hasCompletedMigrations($0) }) { return }
            }
        }
        try migrator.migrate(pool)
    }

    private static func prepare(_ pool: DatabasePool, durability: Durability) throws {
        let migrator = Schema.migrator
        guard try !pool.read({ try migrator.hasBeenSuperseded($0) }) else {
            throw StoreError(
                .unusable, "The database was written by a newer release of Parley. Use that release, or a backup.")
        }
        try Self.migrate(pool, migrator)
        try pool.writeWithoutTransaction { db in
            // https://www.sqlite.org/pragma.html#pragma_synchronous
            try db.execute(sql: "PRAGMA synchronous = \(durability == .powerLoss ? "FULL" : "NORMAL")")
            // https://www.sqlite.org/pragma.html#pragma_journal_size_limit
            try db.execute(sql: "PRAGMA journal_size_limit = \(StoreLimits.walBytes)")
            try db.execute(sql: "PRAGMA busy_timeout = \(StoreLimits.lockSliceMs)")
        }
    }
}
