//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import CSentenceEncoder

/// The tensors of a BERT model in a file, found by their names and checked against the configuration.
struct EncoderWeights {
    private let file: MappedFile
    private let tensors: [String: SafetensorsFile.Tensor]
    private let configuration: EncoderConfiguration
    /// Some files have all names under `bert.`.
    private let prefix: String

    /// - Throws: `.damaged` when the file is none or a tensor is missing or has another shape or type.
    init(_ file: MappedFile, _ configuration: EncoderConfiguration) throws(SentenceEncoderError) {
        self.file = file
        self.configuration = configuration
        self.tensors = try SafetensorsFile(file.bytes).tensors
        self.prefix = self.tensors["bert.embeddings.word_embeddings.weight"] == nil ? "" : "bert."
        _ = try self.embeddings()
        for layer in 0..<configuration.layers { _ = try self.layer(layer) }
    }

    /// The model for the kernels. `nil` when memory lacks or the measures are not understood.
    func pack(portable: Bool) -> OpaquePointer? {
        guard var weights = try? self.embeddings() else { return nil }
        let layers = (0..<self.configuration.layers).compactMap { try? self.layer($0) }
        var shape = pse_shape(
            vocabulary: Int32(self.configuration.vocabulary), positions: Int32(self.configuration.positions),
            layers: Int32(layers.count), heads: Int32(self.configuration.heads), width: Int32(self.configuration.width),
            inner: Int32(self.configuration.inner), epsilon: self.configuration.epsilon)
        return layers.withUnsafeBufferPointer { layers in
            weights.layers = layers.baseAddress
            return pse_model_create(&shape, &weights, portable)
        }
    }

    private func embeddings() throws(SentenceEncoderError) -> pse_weights {
        let width = self.configuration.width
        return pse_weights(
            words: try self.tensor("embeddings.word_embeddings.weight", [self.configuration.vocabulary, width]),
            positions: try self.tensor("embeddings.position_embeddings.weight", [self.configuration.positions, width]),
            type: try self.tensor("embeddings.token_type_embeddings.weight", [2, width]),
            norm: try self.affine("embeddings.LayerNorm", [width]), layers: nil)
    }

    private func layer(_ number: Int) throws(SentenceEncoderError) -> pse_layer {
        let width = self.configuration.width
        let inner = self.configuration.inner
        let name = "encoder.layer.\(number)."
        return pse_layer(
            query: try self.affine(name + "attention.self.query", [width, width]),
            key: try self.affine(name + "attention.self.key", [width, width]),
            value: try self.affine(name + "attention.self.value", [width, width]),
            attention_output: try self.affine(name + "attention.output.dense", [width, width]),
            attention_norm: try self.affine(name + "attention.output.LayerNorm", [width]),
            inner: try self.affine(name + "intermediate.dense", [inner, width]),
            output: try self.affine(name + "output.dense", [width, inner]),
            output_norm: try self.affine(name + "output.LayerNorm", [width]))
    }

    private func affine(_ name: String, _ shape: [Int]) throws(SentenceEncoderError) -> pse_affine {
        pse_affine(
            weight: try self.tensor(name + ".weight", shape), bias: try self.tensor(name + ".bias", [shape[0]]))
    }

    private func tensor(_ name: String, _ shape: [Int]) throws(SentenceEncoderError) -> UnsafePointer<Float> {
        guard let tensor = self.tensors[self.prefix + name] else {
            throw SentenceEncoderError(.damaged, "the file of weights has no \(name)")
        }
        guard tensor.type == "F32", tensor.shape == shape else {
            throw SentenceEncoderError(.damaged, "\(name) is \(tensor.type) \(tensor.shape), not F32 \(shape)")
        }
        guard let start = self.file.bytes.baseAddress, tensor.bytes.lowerBound % MemoryLayout<Float>.alignment == 0
        else {
            throw SentenceEncoderError(.damaged, "\(name) does not lie where a number may")
        }
        return (start + tensor.bytes.lowerBound).assumingMemoryBound(to: Float.self)
    }
}
