//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCore

/// Embeds texts of passages and messages for keeping: tries again what may pass, and never lets one text that the
/// embedder refuses stop the others.
struct BulkEmbedding: Sendable {
    let embedder: any Embedder
    /// Tries in all.
    var attempts = KnowledgeLimits.embeddingAttempts

    /// One vector for each text, in order.
    ///
    /// - Throws: `EmbedderError` when it did not pass within the attempts, or is of a kind that concerns all texts.
    func vectors(of texts: [String], model: EmbeddingModel) async throws(EmbedderError) -> [[Float]] {
        guard !texts.isEmpty else { return [] }
        do {
            return try await self.embed(texts)
        } catch {
            guard error.code == .refused else { throw error }
            return try await self.piecewise(texts, model: model)
        }
    }

    /// Halves until the text that is refused stands alone.
    private func piecewise(_ texts: [String], model: EmbeddingModel) async throws(EmbedderError) -> [[Float]] {
        guard texts.count > 1 else {
            // Too long for the endpoint, empty, or against its rules: its beginning may do.
            let start = texts[0].unicodeScalars.prefix(1000)
            guard !start.allSatisfy(\.properties.isWhitespace), start.endIndex < texts[0].endIndex else {
                return [Self.neutral(model)]
            }
            do {
                return try await self.embed([String(String.UnicodeScalarView(start))])
            } catch {
                guard error.code == .refused else { throw error }
                return [Self.neutral(model)]
            }
        }
        let middle = texts.count / 2
        let first = try await self.vectors(of: Array(texts[..<middle]), model: model)
        let second = try await self.vectors(of: Array(texts[middle...]), model: model)
        return first + second
    }

    /// A vector that is near to nothing, for a text that cannot be embedded: with it the text is not tried for ever.
    private static func neutral(_ model: EmbeddingModel) -> [Float] {
        var vector = [Float](repeating: 0, count: model.dimension)
        vector[model.dimension - 1] = 1
        return vector
    }

    private func embed(_ texts: [String]) async throws(EmbedderError) -> [[Float]] {
        var wait = KnowledgeLimits.embeddingBackoff
        for _ in 1..<max(1, self.attempts) {
            do {
                return try await self.embedder.embed(texts, purpose: .passage)
            } catch {
                guard error.isRetryable else { throw error }
                let asked = error.retryAfter ?? .zero
                guard asked <= KnowledgeLimits.embeddingPatience else { throw error }
                guard (try? await Task.sleep(for: max(wait, asked))) != nil else {
                    throw EmbedderError(.cancelled, "The work was stopped.")
                }
                wait *= 2
            }
        }
        return try await self.embedder.embed(texts, purpose: .passage)
    }
}
