//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation

/// What a model's `config.json` and `sentence_bert_config.json` say of it.
struct EncoderConfiguration: Hashable, Sendable {
    var vocabulary: Int
    var positions: Int
    var layers: Int
    var heads: Int
    /// The dimension of the states and of a text's vector.
    var width: Int
    /// The dimension between a layer's two last products.
    var inner: Int
    var epsilon: Float
    /// The longest text, in tokens, [CLS] and [SEP] among them.
    var longestText: Int

    private struct Model: Decodable {
        var modelType: String
        var hiddenAct: String
        var hiddenSize: Int
        var intermediateSize: Int
        var numAttentionHeads: Int
        var numHiddenLayers: Int
        var maxPositionEmbeddings: Int
        var vocabSize: Int
        var layerNormEps: Float
        var positionEmbeddingType: String?
    }

    private struct Text: Decodable {
        var maxSeqLength: Int
    }

    /// - Throws: `.missing`, `.damaged`, or `.unsupported` when the model is no BERT with GELU.
    init(folder: String) throws(SentenceEncoderError) {
        let model: Model = try Self.read(folder + "/config.json")
        let text: Text = try Self.read(folder + "/sentence_bert_config.json")
        guard model.modelType == "bert", model.hiddenAct == "gelu",
            model.positionEmbeddingType ?? "absolute" == "absolute"
        else { throw SentenceEncoderError(.unsupported, "the model in \(folder) is no BERT with GELU") }
        let numbers = [
            model.vocabSize, model.maxPositionEmbeddings, model.numHiddenLayers, model.numAttentionHeads,
            model.hiddenSize, model.intermediateSize,
        ]
        guard numbers.allSatisfy({ (1...1_000_000).contains($0) }), model.layerNormEps > 0,
            (3...model.maxPositionEmbeddings).contains(text.maxSeqLength),
            text.maxSeqLength <= EncoderLimits.urgentBatchTokens
        else { throw SentenceEncoderError(.unsupported, "the model in \(folder) has measures that cannot be") }
        self.vocabulary = model.vocabSize
        self.positions = model.maxPositionEmbeddings
        self.layers = model.numHiddenLayers
        self.heads = model.numAttentionHeads
        self.width = model.hiddenSize
        self.inner = model.intermediateSize
        self.epsilon = model.layerNormEps
        self.longestText = text.maxSeqLength
    }

    private static func read<Value: Decodable>(_ path: String) throws(SentenceEncoderError) -> Value {
        let file = try MappedFile(path: path)
        guard file.bytes.count <= EncoderLimits.configurationBytes else {
            throw SentenceEncoderError(.damaged, "\(path) is too long")
        }
        do {
            let decoder = JSONDecoder()
            decoder.keyDecodingStrategy = .convertFromSnakeCase
            return try decoder.decode(Value.self, from: Data(file.bytes))
        } catch {
            throw SentenceEncoderError(.damaged, "\(path) is not the JSON that it should be")
        }
    }
}
