//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import GRDB
public import ParleyCore

/// Vectors of what a search weighs.
extension SQLiteStore {
    public func vectors(
        ofPassages numbers: [Int64], partitions: [Int64], model: EmbeddingModel
    ) async throws(StoreError) -> [StoredVector] {
        guard numbers.count <= StoreLimits.readNumbers, partitions.count <= StoreLimits.searchedPartitions else {
            throw StoreError(
                .invalid,
                "At most \(StoreLimits.readNumbers) passages, \(StoreLimits.searchedPartitions) collections at once.")
        }
        return try await self.read { db in
            guard let modelNumber = try ModelNumber.known(model, db) else { return [] }
            return try db.rows(
                Self.candidateVectors, [modelNumber, JSONNumbers.text(numbers), JSONNumbers.text(partitions)]
            ).map(StoredVector.init)
        }
    }

    static let candidateVectors = """
        SELECT p.number, d.collection, v.vector FROM json_each(?2) AS n
        CROSS JOIN passages AS p ON p.number = n.value
        CROSS JOIN documents AS d ON d.row = p.document AND d.live_version = p.version
        CROSS JOIN collections AS c ON c.row = d.collection AND c.deleted = 0
        CROSS JOIN passage_vectors AS v ON v.passage = p.number AND v.model = ?1
        WHERE d.collection IN (SELECT value FROM json_each(?3))
        """
}
