//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import GRDB
public import ParleyCore

extension SQLiteStore {
    /// How many documents there are in each state, for metrics.
    public func documentCounts() async throws(StoreError) -> [Document.State: Int] {
        try await self.read { db in
            let rows = try db.rows(
                """
                SELECT d.state, count(*) FROM documents d JOIN collections c ON c.row = d.collection
                WHERE c.deleted = 0 GROUP BY d.state
                """)
            var counts: [Document.State: Int] = [:]
            for row in rows {
                guard let state = Document.State(rawValue: row[0]) else { continue }
                counts[state] = row[1]
            }
            return counts
        }
    }
}
