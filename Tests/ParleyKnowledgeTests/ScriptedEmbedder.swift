//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCore
import Synchronization

/// Embeds without a model: each word adds to a place of its own, so that texts that share words are near.
final class ScriptedEmbedder: Embedder {
    struct State {
        var texts: [String] = []
        var failures: [EmbedderError] = []
        var refused: Set<String> = []
        var beforeEach: (@Sendable (Int) async -> Void)?
    }

    let model: EmbeddingModel
    private let state = Mutex(State())

    init(name: String = "words", dimension: Int = 32) {
        self.model = EmbeddingModel(name: name, dimension: dimension, maximumTokens: 256)
    }

    /// All texts that were embedded.
    var texts: [String] { self.state.withLock { $0.texts } }

    func change(_ body: (inout State) -> Void) {
        self.state.withLock { body(&$0) }
    }

    func embed(_ texts: [String], purpose: EmbeddingPurpose) async throws(EmbedderError) -> [[Float]] {
        let (hook, count) = self.state.withLock { ($0.beforeEach, $0.texts.count) }
        await hook?(count)
        guard !Task.isCancelled else { throw EmbedderError(.cancelled, "The test was cancelled.") }
        let failure = self.state.withLock { state -> EmbedderError? in
            if !state.failures.isEmpty { return state.failures.removeFirst() }
            if texts.contains(where: { text in state.refused.contains { text.contains($0) } }) {
                return EmbedderError(.refused, "It refuses this text.")
            }
            state.texts += texts
            return nil
        }
        if let failure { throw failure }
        return texts.map(self.vector)
    }

    func vector(_ text: String) -> [Float] {
        var vector = [Float](repeating: 0.001, count: self.model.dimension)
        for word in text.lowercased().split(whereSeparator: { !$0.isLetter && !$0.isNumber }) {
            let place = word.utf8.reduce(UInt32(2_166_136_261)) { ($0 ^ UInt32($1)) &* 16_777_619 }
            vector[Int(place) % self.model.dimension] += 1
        }
        let length = vector.reduce(Float(0)) { $0 + $1 * $1 }.squareRoot()
        return vector.map { $0 / length }
    }

    func tokens(in text: String) -> Int {
        text.split(separator: " ").count
    }
}
