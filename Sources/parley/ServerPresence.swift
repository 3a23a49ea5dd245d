//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation

/// Tells the processes on this machine whether a server works on a data folder: each `parley serve` holds a lock on a
/// file in it, which the system lets go of when the process ends, however it ends.
final class ServerPresence: Sendable {
    private let file: Int32

    /// Holds the lock until this object is gone. A folder that does not let us does no harm: others then do work
    /// themselves that the server would have done.
    init(dataDir: String) {
        self.file = open(Self.path(dataDir), O_RDONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0o600)
        if self.file >= 0 { _ = flock(self.file, LOCK_SH | LOCK_NB) }
    }

    deinit {
        if self.file >= 0 { close(self.file) }
    }

    /// Whether any server holds the lock now.
    static func isServing(dataDir: String) -> Bool {
        let file = open(self.path(dataDir), O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
        guard file >= 0 else { return false }
        defer { close(file) }
        return flock(file, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK
    }

    private static func path(_ dataDir: String) -> String { dataDir + "/serve.lock" }
}
