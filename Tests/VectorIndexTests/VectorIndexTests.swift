//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Testing
import VectorIndex

@Suite("A vector index")
struct VectorIndexTests {
    @Test("finds what was added, best first")
    func finds() throws {
        let index = try VectorIndex(.init(model: "test", dimension: 3))
        try index.apply(
            upserts: [
                .init(id: 1, partition: 1, vector: [1, 0, 0]), .init(id: 2, partition: 1, vector: [2, 2, 0]),
                .init(id: 3, partition: 2, vector: [0, 0, 1]),
            ], sequence: 1)
        #expect(try index.search([3, 0, 0], limit: 2).map(\.id) == [1, 2])
    }
}
