//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCore
import Synchronization

/// Texts with the same longer words get near vectors: each word has a place of its own, by its hash (FNV-1a).
final class HashingEmbedder: Embedder {
    static let dimension = 512

    private let failing: EmbedderError?
    private let answer: [Float]?
    let embedded = Mutex<[String]>([])

    /// - Parameters:
    ///   - failing: what every call ends with.
    ///   - answer: given for every text.
    init(failing: EmbedderError? = nil, answer: [Float]? = nil) {
        self.failing = failing
        self.answer = answer
    }

    var model: EmbeddingModel {
        get async throws(EmbedderError) {
            EmbeddingModel(name: "words", dimension: Self.dimension, maximumTokens: 256)
        }
    }

    func embed(_ texts: [String], purpose: EmbeddingPurpose) async throws(EmbedderError) -> [[Float]] {
        if let failing = self.failing { throw failing }
        self.embedded.withLock { $0 += texts }
        return texts.map { self.answer ?? Self.vector($0) }
    }

    func tokens(in text: String) -> Int { SmallWorld.words(text).count }

    static func vector(_ text: String) -> [Float] {
        var vector = [Float](repeating: 0, count: self.dimension)
        for word in SmallWorld.words(text) where word.count > 3 {
            let hash = word.utf8.reduce(UInt64(0xcbf2_9ce4_8422_2325)) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
            vector[Int(hash % UInt64(self.dimension))] += 1
        }
        let length = SmallWorld.product(vector, vector).squareRoot()
        guard length > 0 else { return vector }
        return vector.map { $0 / length }
    }
}
