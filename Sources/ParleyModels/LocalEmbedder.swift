//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
public import ParleyCore
import SentenceEncoder

/// Embeds in this process, with a model of the BERT family on the CPU. Needs no key and sends nothing anywhere.
public final class LocalEmbedder: Embedder {
    /// The model that set-up fetches.
    public static let modelName = "all-MiniLM-L6-v2"

    public let model: EmbeddingModel
    private let queue: EncodingQueue

    /// Loads a model; takes some tens of milliseconds.
    ///
    /// - Parameters:
    ///   - folder: where the model's files are.
    ///   - name: what the model is called; vectors of different names are never compared.
    ///   - threads: how many threads embed.
    /// - Throws: `EmbedderError` `.unavailable` when the files are missing, damaged or of another kind of model.
    public init(folder: String, name: String = LocalEmbedder.modelName, threads: Int = 2) throws(EmbedderError) {
        do throws(SentenceEncoderError) {
            let encoder = try SentenceEncoder(folder: folder, threads: threads)
            self.queue = EncodingQueue(encoder)
            self.model = EmbeddingModel(
                name: name, dimension: encoder.dimension, maximumTokens: encoder.maximumTokens)
        } catch {
            throw EmbedderError(error)
        }
    }

    public func embed(_ texts: [String], purpose: EmbeddingPurpose) async throws(EmbedderError) -> [[Float]] {
        do throws(SentenceEncoderError) {
            return try await self.queue.encode(texts, priority: purpose == .query ? .urgent : .bulk)
        } catch {
            throw EmbedderError(error)
        }
    }

    /// The number of the model's own tokens, without the two that it adds to each text.
    public func tokens(in text: String) -> Int {
        self.queue.encoder.tokenizer.count(text)
    }

    /// What computes: `avx2` or `portable`.
    public var kernels: String { self.queue.encoder.kernels }
}

extension EmbedderError {
    fileprivate init(_ error: SentenceEncoderError) {
        switch error.code {
        case .missing, .damaged, .unsupported, .outOfMemory:
            self.init(.unavailable, "The local model cannot be used: \(error.message).")
        case .overloaded:
            self.init(.overloaded, "Too many texts wait to be embedded. Try again soon.")
        case .cancelled:
            self.init(.cancelled, "The texts are no longer wanted.")
        }
    }
}
