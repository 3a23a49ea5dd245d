//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Dispatch
import GRDB
import GRDBSQLite
import ParleyCore
import Synchronization

/// Moves commits from the write-ahead log into the database file, beside the writer instead of in its way.
///
/// SQLite's own automatic checkpoint runs within the commit that makes the log long, which then takes many times as
/// long as others. Here a connection of its own does it (`PASSIVE` waits for nobody and holds up nobody). While
/// commits go on without a pause such a checkpoint never reaches the log's end, so that the log would grow; beyond
/// ``StoreLimits/walPagesInline`` the writer does the rest itself.
///
/// See <https://www.sqlite.org/c3ref/wal_hook.html> and <https://www.sqlite.org/wal.html#ckpt>.
final class Checkpointer: Sendable {
    private let connection: DatabaseQueue
    private let isRunning = Mutex(false)

    init(path: String) throws {
        var configuration = Configuration()
        configuration.label = "parley.checkpoints"
        self.connection = try DatabaseQueue(path: path, configuration: configuration)
    }

    /// Watches the commits of a connection. The checkpointer must outlive the connection's use.
    func watch(_ db: Database) {
        // Replaces the automatic checkpoint, which is a hook itself.
        sqlite3_wal_hook(
            db.sqliteConnection,
            { context, connection, name, pages in
                guard let context else { return SQLITE_OK }
                let checkpointer = Unmanaged<Checkpointer>.fromOpaque(context).takeUnretainedValue()
                if pages >= CInt(StoreLimits.walPagesInline) {
                    // A checkpoint that cannot be made now is made later: no reason for the commit to fail.
                    sqlite3_wal_checkpoint_v2(connection, name, SQLITE_CHECKPOINT_PASSIVE, nil, nil)
                } else if pages >= CInt(StoreLimits.walPages) {
                    checkpointer.start()
                }
                return SQLITE_OK
            }, Unmanaged.passUnretained(self).toOpaque())
    }

    private func start() {
        let isFirst = self.isRunning.withLock { isRunning in
            defer { isRunning = true }
            return !isRunning
        }
        guard isFirst else { return }
        self.connection.asyncWriteWithoutTransaction { db in
            // It fails when another process is at it, and is then not needed.
            _ = try? db.checkpoint(.passive)
            self.isRunning.withLock { $0 = false }
        }
    }

    func close() throws {
        try self.connection.close()
    }
}
