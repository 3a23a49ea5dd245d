//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCore

/// Turns queries into vectors and knows what cosines with them mean.
actor QueryVectors {
    struct Query: Sendable {
        var vector: [Float]
        var model: EmbeddingModel
        var scale: VectorScale
    }

    private let embedder: any Embedder
    private let clock: any Clock<Duration>
    private var isMeasuring = false
    private var measured: (model: EmbeddingModel, scale: VectorScale)?

    init(_ embedder: any Embedder, clock: any Clock<Duration>) {
        self.embedder = embedder
        self.clock = clock
    }

    /// The first query of a model also measures it, at the same time; when that fails or takes long the next one does.
    ///
    /// - Throws: `EmbedderError`.
    func query(_ text: SearchText) async throws -> Query {
        let model = try await self.embedder.model
        async let scale = self.scale(of: model)
        guard let vector = try await self.embedder.embed([text.text], purpose: .query).first,
            VectorRows([vector]).count == 1, vector.count == model.dimension
        else {
            throw EmbedderError(.malformed, "The query's vector has not \(model.dimension) finite numbers.")
        }
        return Query(vector: vector, model: model, scale: await scale)
    }

    private func scale(of model: EmbeddingModel) async -> VectorScale {
        if let measured, measured.model == model { return measured.scale }
        guard !self.isMeasuring else { return .standard }
        self.isMeasuring = true
        defer { self.isMeasuring = false }
        do {
            let scale = try await within(KnowledgeLimits.scaleDeadline, by: self.clock) { [embedder] in
                try await VectorScale.measured(embedder)
            }
            self.measured = (model, scale)
            return scale
        } catch {
            return .standard
        }
    }
}
