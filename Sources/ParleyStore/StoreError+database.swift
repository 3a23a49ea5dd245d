//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import GRDB
import ParleyCore

extension StoreError {
    /// What an error of SQLite means to a caller. A `StoreError` passes through.
    ///
    /// Result codes: <https://www.sqlite.org/rescode.html>
    init(database error: any Error) {
        switch error {
        case let error as StoreError:
            self = error
        case let error as DatabaseError:
            self = Self.meaning(of: error)
        case is CancellationError:
            self.init(.unavailable, "The request was given up.", cause: error)
        default:
            self.init(.internal, "The database gave an unexpected answer.", cause: error)
        }
    }

    private static func meaning(of error: DatabaseError) -> StoreError {
        switch error.extendedResultCode {
        // SQLite knows only ENOSPC as "full"; a quota (EDQUOT) or a failing disk is a failed write.
        case .SQLITE_IOERR_WRITE, .SQLITE_IOERR_FSYNC, .SQLITE_IOERR_TRUNCATE, .SQLITE_IOERR_SHMSIZE,
            .SQLITE_IOERR_SHMOPEN, .SQLITE_IOERR_DIR_FSYNC:
            return StoreError(.full, "The disk cannot take more: full, over quota or failing.", cause: error)
        default: break
        }
        switch error.resultCode {
        case .SQLITE_FULL:
            return StoreError(.full, "The disk is full. Nothing was stored; make room and try again.", cause: error)
        case .SQLITE_BUSY, .SQLITE_LOCKED:
            return StoreError(.unavailable, "The database is locked by another program.", cause: error)
        case .SQLITE_INTERRUPT, .SQLITE_ABORT:
            return StoreError(.unavailable, "The database took too long.", cause: error)
        case .SQLITE_CORRUPT, .SQLITE_NOTADB, .SQLITE_FORMAT:
            return StoreError(.unusable, "The database file is damaged or is no database.", cause: error)
        case .SQLITE_CONSTRAINT:
            return StoreError(.conflict, "The id or name is taken.", cause: error)
        case .SQLITE_TOOBIG:
            return StoreError(.invalid, "The value is too long.", cause: error)
        case .SQLITE_IOERR, .SQLITE_READONLY, .SQLITE_CANTOPEN, .SQLITE_PERM, .SQLITE_NOMEM, .SQLITE_PROTOCOL:
            return StoreError(.unavailable, "The database file cannot be read or written now.", cause: error)
        default:
            return StoreError(.internal, "The database refused a statement.", cause: error)
        }
    }

    static let notFound = StoreError(.notFound, "There is no such thing.")

    static func taken(_ what: String) -> StoreError {
        StoreError(.conflict, "\(what) is taken.")
    }
}
