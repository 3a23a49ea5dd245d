//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import GRDB
public import ParleyCore

extension SQLiteStore {
    public func presets(of user: UserID) async throws(StoreError) -> [Preset] {
        try await self.read { db in
            try db.rows(
                "SELECT id, name, system_prompt, created FROM presets WHERE user = ? ORDER BY created, id",
                [user.blob]
            ).map { Preset(id: PresetID($0, 0), name: $0[1], systemPrompt: $0[2], createdAt: Timestamp($0, 3)) }
        }
    }

    /// - Throws: `.conflict` when the id is another user's, or the user has `CoreLimits.presetsPerUser`.
    public func save(_ preset: Preset, user: UserID) async throws(StoreError) {
        try await self.write { db in
            try db.run(
                "UPDATE presets SET name = ?, system_prompt = ? WHERE id = ? AND user = ?",
                [preset.name.storable, preset.systemPrompt.storable, preset.id.blob, user.blob])
            if db.changesCount == 1 { return }
            let count = try db.integer("SELECT count(*) FROM presets WHERE user = ?", [user.blob]) ?? 0
            guard count < CoreLimits.presetsPerUser else {
                throw StoreError(.conflict, "There are \(CoreLimits.presetsPerUser) presets already; delete one first.")
            }
            do {
                try db.run(
                    "INSERT INTO presets (id, user, name, system_prompt, created) VALUES (?, ?, ?, ?, ?)",
                    [
                        preset.id.blob, user.blob, preset.name.storable, preset.systemPrompt.storable,
                        preset.createdAt.milliseconds,
                    ])
            } catch let error as DatabaseError where error.resultCode == .SQLITE_CONSTRAINT {
                throw StoreError.taken("The preset's id")
            }
        }
    }

    public func deletePreset(_ id: PresetID, user: UserID) async throws(StoreError) {
        try await self.write { db in
            try db.run("DELETE FROM presets WHERE id = ? AND user = ?", [id.blob, user.blob])
            guard db.changesCount == 1 else { throw StoreError(.notFound, "There is no such preset.") }
        }
    }
}
