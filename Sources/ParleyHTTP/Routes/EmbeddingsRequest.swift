//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation
import ParleyCore

/// OpenAI's embeddings request, as far as it is understood here.
///
/// https://platform.openai.com/docs/api-reference/embeddings/create
struct EmbeddingsRequest: Decodable {
    enum Encoding: String, Decodable {
        case float, base64
    }

    var model: String?
    /// The texts, of which there is at least one.
    var input: [String]
    var encoding: Encoding
    var dimensions: Int?

    private enum CodingKeys: String, CodingKey {
        case model, input, dimensions
        case encoding = "encoding_format"
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.model = try container.decodeIfPresent(String.self, forKey: .model)
        self.dimensions = try container.decodeIfPresent(Int.self, forKey: .dimensions)
        guard container.contains(.input) else {
            throw DecodingError.keyNotFound(
                CodingKeys.input, .init(codingPath: container.codingPath, debugDescription: "is required"))
        }
        if let text = try? container.decode(String.self, forKey: .input) {
            self.input = [text]
        } else if let texts = try? container.decode([String].self, forKey: .input) {
            self.input = texts
        } else {
            throw DecodingError.dataCorruptedError(
                forKey: .input, in: container,
                debugDescription: "must be a string or an array of strings; tokens are not understood")
        }
        let word = try container.decodeIfPresent(String.self, forKey: .encoding)
        guard let encoding = Encoding(rawValue: word ?? "float") else {
            throw DecodingError.dataCorruptedError(
                forKey: .encoding, in: container, debugDescription: "must be float or base64")
        }
        self.encoding = encoding
    }

    /// - Throws: a 422 `Problem` for no, too many or empty texts.
    func check() throws {
        guard (1...HTTPLimits.embeddingInputs).contains(self.input.count) else {
            throw Problem.invalid("input", "must hold 1 to \(HTTPLimits.embeddingInputs) texts")
        }
        guard self.input.allSatisfy({ !$0.isEmpty && !$0.utf8.contains(0) }) else {
            throw Problem.invalid("input", "must hold texts that are not empty and have no NUL")
        }
    }
}

/// The answer in OpenAI's form.
struct EmbeddingsReply {
    var vectors: [[Float]]
    var model: String
    var tokens: Int
    var encoding: EmbeddingsRequest.Encoding

    var json: [UInt8] {
        var writer = JSONWriter(capacity: self.vectors.count * 4096 + 256)
        writer.beginObject()
        writer.key("object")
        writer.string("list")
        writer.key("data")
        writer.beginArray()
        for (index, vector) in self.vectors.enumerated() {
            writer.beginObject()
            writer.key("object")
            writer.string("embedding")
            writer.key("index")
            writer.int(index)
            writer.key("embedding")
            self.write(vector, to: &writer)
            writer.endObject()
        }
        writer.endArray()
        writer.key("model")
        writer.string(self.model)
        writer.key("usage")
        writer.beginObject()
        writer.key("prompt_tokens")
        writer.int(self.tokens)
        writer.key("total_tokens")
        writer.int(self.tokens)
        writer.endObject()
        writer.endObject()
        return writer.bytes
    }

    private func write(_ vector: [Float], to writer: inout JSONWriter) {
        switch self.encoding {
        case .float:
            writer.beginArray()
            for number in vector { writer.float(number) }
            writer.endArray()
        case .base64:
            // Little-endian numbers of 32 bits, one after another.
            let bytes = vector.map(\.bitPattern.littleEndian).withUnsafeBytes { Data($0) }
            writer.string(bytes.base64EncodedString())
        }
    }
}
