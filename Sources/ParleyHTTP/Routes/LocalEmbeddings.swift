//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import ParleyCore

/// The part of OpenAI's request for embeddings that is understood.
struct EmbeddingsRequest: Decodable {
    enum Format: String, Decodable {
        case float
        /// Little-endian Float32 in Base64.
        case base64
    }

    /// A text or several. Tokens of somebody's tokenizer are not taken.
    struct Input: Decodable {
        var texts: [String]

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let text = try? container.decode(String.self) {
                self.texts = [text]
            } else {
                self.texts = try container.decode([String].self)
            }
        }
    }

    var model: String?
    var input: Input
    var encodingFormat: Format?
    var dimensions: Int?

    private enum CodingKeys: String, CodingKey {
        case model, input, dimensions
        case encodingFormat = "encoding_format"
    }
}

/// Embeddings in OpenAI's form, made by an embedder of this node.
struct LocalEmbeddings: Sendable {
    private let embedder: any Embedder
    private let texts: [String]
    private let format: EmbeddingsRequest.Format
    private let dimensions: Int?

    /// - Throws: a 422 problem when there are no texts or too many, or one is empty.
    init(embedder: any Embedder, request: EmbeddingsRequest) throws {
        let texts = request.input.texts
        guard (1...HTTPLimits.embeddingInputs).contains(texts.count) else {
            throw Problem.invalid("input", "must have from 1 to \(HTTPLimits.embeddingInputs) texts")
        }
        guard texts.allSatisfy({ !$0.isEmpty }) else { throw Problem.invalid("input", "must have no empty text") }
        self.embedder = embedder
        self.texts = texts
        self.format = request.encodingFormat ?? .float
        self.dimensions = request.dimensions
    }

    /// - Throws: `EmbedderError`; a 422 problem when another dimension is asked for than the model has.
    func response() async throws -> Response {
        let model = try await self.embedder.model
        if let dimensions, dimensions != model.dimension {
            throw Problem.invalid("dimensions", "must be \(model.dimension), which is what \(model.name) has")
        }
        let vectors = try await self.embedder.embed(
            self.texts, purpose: self.texts.count == 1 ? .query : .passage)
        let tokens = self.texts.reduce(0) { $0 + min(self.embedder.tokens(in: $1), model.maximumTokens) }
        let body = Self.body(vectors, model: model.name, format: self.format, tokens: tokens)
        return Response(
            status: .ok, headers: [.contentType: "application/json", .cacheControl: "no-store"],
            body: .init(byteBuffer: ByteBuffer(bytes: body)))
    }

    /// The answer as JSON.
    static func body(
        _ vectors: [[Float]], model: String, format: EmbeddingsRequest.Format, tokens: Int
    ) -> [UInt8] {
        let numbers = vectors.reduce(0) { $0 + $1.count }
        var writer = JSONWriter(capacity: 256 + numbers * (format == .base64 ? 6 : 14) + vectors.count * 64)
        writer.beginObject()
        writer.key("object")
        writer.string("list")
        writer.key("data")
        writer.beginArray()
        for (index, vector) in vectors.enumerated() {
            writer.beginObject()
            writer.key("object")
            writer.string("embedding")
            writer.key("index")
            writer.int(index)
            writer.key("embedding")
            switch format {
            case .base64:
                writer.string(Self.bytes(of: vector).base64EncodedString())
            case .float:
                writer.beginArray()
                for number in vector { writer.float(number) }
                writer.endArray()
            }
            writer.endObject()
        }
        writer.endArray()
        writer.key("model")
        writer.string(model)
        writer.key("usage")
        writer.beginObject()
        writer.key("prompt_tokens")
        writer.int(tokens)
        writer.key("total_tokens")
        writer.int(tokens)
        writer.endObject()
        writer.endObject()
        return writer.bytes
    }

    private static func bytes(of vector: [Float]) -> Data {
        vector.map { $0.bitPattern.littleEndian }.withUnsafeBytes { Data($0) }
    }
}
