//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import OpenSSLCrypto
import ParleyCore

/// Keeps the vectors of questions, so that the same question is embedded once and not on every node that searches.
///
/// Only single queries are kept; passages are embedded once anyway. The cache holds a digest of a question, never its
/// words.
struct QueryVectorCache: Embedder {
    let embedder: any Embedder
    let cache: SharedCache

    var model: EmbeddingModel {
        get async throws(EmbedderError) { try await self.embedder.model }
    }

    func tokens(in text: String) -> Int {
        self.embedder.tokens(in: text)
    }

    func embed(_ texts: [String], purpose: EmbeddingPurpose) async throws(EmbedderError) -> [[Float]] {
        guard purpose == .query, texts.count == 1, let text = texts.first else {
            return try await self.embedder.embed(texts, purpose: purpose)
        }
        let model = try await self.embedder.model
        let digest = SecretToken.digest(of: "\(model.name)\0\(model.dimension)\0\(text)")
        let bytes = try await self.cache.value(
            for: CacheKey("query-vector:\(digest)"), life: CoreLimits.queryVectorLife
        ) { () throws(EmbedderError) in
            Self.bytes(try await self.embedder.embed(texts, purpose: purpose).first ?? [])
        }
        guard let vector = Self.vector(bytes, dimension: model.dimension) else {
            return try await self.embedder.embed(texts, purpose: purpose)
        }
        return [vector]
    }

    /// Each number as four bytes, the lowest first.
    private static func bytes(_ vector: [Float]) -> [UInt8] {
        vector.flatMap { number in withUnsafeBytes(of: number.bitPattern.littleEndian) { Array($0) } }
    }

    /// `nil` when it is not a vector of this model, since others can write to the cache.
    private static func vector(_ bytes: [UInt8], dimension: Int) -> [Float]? {
        guard bytes.count == dimension * 4 else { return nil }
        let vector = bytes.withUnsafeBytes { raw in
            (0..<dimension).map { index in
                Float(bitPattern: UInt32(littleEndian: raw.loadUnaligned(fromByteOffset: index * 4, as: UInt32.self)))
            }
        }
        return vector.allSatisfy(\.isFinite) ? vector : nil
    }
}
