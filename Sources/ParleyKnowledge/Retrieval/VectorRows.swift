//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import CVectorMath

/// Vectors of one dimension, one after the other.
struct VectorRows {
    let dimension: Int
    private(set) var count = 0
    private var numbers: [Float] = []

    init(dimension: Int) {
        self.dimension = dimension
    }

    /// Those of the vectors that have the first one's dimension.
    init(_ vectors: [[Float]]) {
        self.init(dimension: vectors.first?.count ?? 0)
        for vector in vectors { self.append(vector) }
    }

    /// - Returns: false, and nothing is added, when the vector has another dimension or a number that is none.
    @discardableResult
    mutating func append(_ vector: [Float]) -> Bool {
        guard vector.count == self.dimension, Self.isFinite(vector) else { return false }
        self.numbers.append(contentsOf: vector)
        self.count += 1
        return true
    }

    subscript(row: Int) -> [Float] {
        Array(self.numbers[(row * self.dimension)..<((row + 1) * self.dimension)])
    }

    /// A product with itself is finite only if all numbers are.
    private static func isFinite(_ vector: [Float]) -> Bool {
        var square: Float = 0
        parley_inner_products(vector, 1, vector, 1, vector.count, &square)
        return square.isFinite
    }

    /// Inner products of each of these rows with each of the others: `result[i * other.count + j]`.
    func innerProducts(with other: VectorRows) -> [Float] {
        guard self.dimension == other.dimension, self.count > 0, other.count > 0 else { return [] }
        var products = [Float](repeating: 0, count: self.count * other.count)
        parley_inner_products(self.numbers, self.count, other.numbers, other.count, self.dimension, &products)
        return products
    }
}
