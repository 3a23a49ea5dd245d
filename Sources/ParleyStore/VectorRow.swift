//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation
import GRDB
import ParleyCore

/// An embedding model as the table has it. Its name and dimension are its identity.
enum ModelNumber {
    /// `nil` when no vector of the model was ever stored.
    static func known(_ model: EmbeddingModel, _ db: Database) throws -> Int64? {
        try db.integer(
            "SELECT number FROM models WHERE name = ? AND dimension = ?", [model.name.storable, model.dimension])
    }

    static func made(for model: EmbeddingModel, _ db: Database) throws -> Int64 {
        guard (1...StoreLimits.dimensions).contains(model.dimension) else {
            throw StoreError(.invalid, "A vector has 1 to \(StoreLimits.dimensions) numbers.")
        }
        try db.run(
            "INSERT OR IGNORE INTO models (name, dimension) VALUES (?, ?)", [model.name.storable, model.dimension])
        guard let number = try Self.known(model, db) else {
            throw StoreError(.internal, "The model could not be stored.")
        }
        return number
    }
}

extension StoredVector {
    /// From the columns number, partition and vector.
    init(_ row: Row) {
        self.init(number: row[0], partition: row[1], vector: VectorBlob.vector(row[2]))
    }
}

/// A vector as a blob: IEEE 754 binary32 numbers, little-endian, one after the other.
enum VectorBlob {
    /// - Throws: `.invalid` when the vector does not have the model's dimension or holds what is no number.
    static func data(_ vector: [Float], model: EmbeddingModel) throws -> Data {
        guard vector.count == model.dimension else {
            throw StoreError(
                .invalid, "A vector of \(model.name) has \(model.dimension) numbers, not \(vector.count).")
        }
        #if _endian(little)
        return vector.withUnsafeBytes { Data($0) }
        #else
        return vector.map(\.bitPattern.littleEndian).withUnsafeBytes { Data($0) }
        #endif
    }

    static func vector(_ data: Data) -> [Float] {
        let count = data.count / MemoryLayout<Float>.size
        #if _endian(little)
        return [Float](unsafeUninitializedCapacity: count) { buffer, filled in
            // The destination is raw memory for trivial values of which all bytes are given.
            data.copyBytes(to: UnsafeMutableRawBufferPointer(buffer), count: count * MemoryLayout<Float>.size)
            filled = count
        }
        #else
        return (0..<count).map { index in
            let bits = data.dropFirst(index * 4).prefix(4).reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            return Float(bitPattern: bits)
        }
        #endif
    }
}
