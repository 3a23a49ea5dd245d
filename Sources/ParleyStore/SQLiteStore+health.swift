//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation
import GRDB
public import ParleyCore

extension SQLiteStore: StoreHealth {
    /// A read, a look at the free space, and a write, unless one was committed within the last second.
    public func check() async throws(StoreError) {
        _ = try await self.read(within: StoreLimits.healthDeadline) { db in
            try db.integer("SELECT count(*) FROM store")
        }
        try self.checkFreeSpace()
        if let last = self.writes.lastCommit, ContinuousClock.now - last < .seconds(1) { return }
        let now = Timestamp.now()
        try await self.write(within: StoreLimits.healthDeadline) { db in
            // Two pages are taken and given back: a full file is found out even if it has room in a page in use.
            try db.run("INSERT OR REPLACE INTO store (key, value) VALUES ('probe', zeroblob(8192))")
            try db.run("DELETE FROM store WHERE key = 'probe'")
            try db.run(
                "INSERT OR REPLACE INTO store (key, value) VALUES ('checked', ?)", [now.milliseconds])
        }
    }

    private func checkFreeSpace() throws(StoreError) {
        let free = (try? FileManager.default.attributesOfFileSystem(forPath: self.path))?[.systemFreeSize]
        guard let free = free as? NSNumber, free.int64Value < StoreLimits.freeBytes else { return }
        throw StoreError(.full, "The disk has less than \(StoreLimits.freeBytes / 1_048_576) MiB left.")
    }

    /// What SQLite's own check finds wrong with the file; none for a sound one. It reads the whole file.
    ///
    /// - Throws: `.unavailable` when it takes longer than `within`.
    public func damages(within deadline: Duration) async throws(StoreError) -> [String] {
        try await self.read(within: deadline) { db in
            // https://www.sqlite.org/pragma.html#pragma_quick_check
            let lines = try db.rows("PRAGMA quick_check(20)").map { $0[0] as String }
            return lines == ["ok"] ? [] : lines
        }
    }
}
