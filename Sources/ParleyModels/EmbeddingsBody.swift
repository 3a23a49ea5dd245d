//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation
import NIOCore
import ParleyCore

/// How a server is asked to write vectors.
public enum EmbeddingEncoding: String, Hashable, Sendable, CaseIterable {
    /// Arrays of numbers: everybody understands it.
    case float
    /// Little-endian Float32 in Base64: a quarter of the bytes.
    case base64
}

/// The body of `POST /v1/embeddings` and of its answer.
enum EmbeddingsBody {
    /// Writes a request.
    static func request(
        _ texts: ArraySlice<String>, model: String, encoding: EmbeddingEncoding, dimension: Int?
    ) -> [UInt8] {
        var writer = JSONWriter(capacity: texts.reduce(256) { $0 + $1.utf8.count + 16 })
        writer.beginObject()
        writer.key("model")
        writer.string(model)
        writer.key("input")
        writer.beginArray()
        for text in texts { writer.string(text) }
        writer.endArray()
        writer.key("encoding_format")
        writer.string(encoding.rawValue)
        if let dimension {
            writer.key("dimensions")
            writer.int(dimension)
        }
        writer.endObject()
        return writer.bytes
    }

    private struct Answer: Decodable {
        struct Item: Decodable {
            var index: Int?
            var embedding: Vector
        }

        /// Numbers, or their bytes in Base64; either may come whatever was asked for.
        enum Vector: Decodable {
            case numbers([Double])
            case bytes(String)

            init(from decoder: any Decoder) throws {
                let container = try decoder.singleValueContainer()
                if let text = try? container.decode(String.self) {
                    self = .bytes(text)
                } else {
                    self = .numbers(try container.decode([Double].self))
                }
            }
        }

        var data: [Item]
    }

    /// Reads an answer: one vector for each of `count` texts, in their order, of length one and one dimension.
    ///
    /// - Parameters:
    ///   - dimension: what every vector must have; `nil` takes the first's.
    ///   - endpoint: the server's name, for messages.
    /// - Throws: `.malformed`, `.wrongDimension`.
    static func vectors(
        in body: ByteBuffer, count: Int, dimension: Int?, endpoint: String
    ) throws(EmbedderError) -> [[Float]] {
        let answer: Answer
        do {
            answer = try JSONDecoder().decode(Answer.self, from: Data(body.readableBytesView))
        } catch {
            throw EmbedderError(.malformed, "\(endpoint) answered with something else than vectors.")
        }
        guard answer.data.count == count else {
            throw EmbedderError(.malformed, "\(endpoint) gave \(answer.data.count) vectors for \(count) texts.")
        }
        var vectors = [[Float]](repeating: [], count: count)
        var dimension = dimension
        for (place, item) in answer.data.enumerated() {
            let index = item.index ?? place
            guard vectors.indices.contains(index), vectors[index].isEmpty else {
                throw EmbedderError(.malformed, "\(endpoint) numbered its vectors wrongly.")
            }
            let numbers = try Self.numbers(item.embedding, endpoint: endpoint)
            let wanted = dimension ?? numbers.count
            guard numbers.count == wanted else {
                throw EmbedderError(
                    .wrongDimension, "\(endpoint) gave a vector of \(numbers.count) numbers where \(wanted) are wanted."
                )
            }
            dimension = wanted
            guard let vector = Self.normalised(numbers) else {
                throw EmbedderError(.malformed, "\(endpoint) gave a vector that has no direction.")
            }
            vectors[index] = vector
        }
        return vectors
    }

    private static func numbers(_ vector: Answer.Vector, endpoint: String) throws(EmbedderError) -> [Double] {
        let numbers: [Double]
        switch vector {
        case .numbers(let decoded): numbers = decoded
        case .bytes(let text):
            guard let data = Data(base64Encoded: text), data.count % 4 == 0 else {
                throw EmbedderError(.malformed, "\(endpoint) gave a vector that is no Base64.")
            }
            numbers = data.withUnsafeBytes { bytes in
                stride(from: 0, to: bytes.count, by: 4).map { offset in
                    let bits = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
                    return Double(Float(bitPattern: bits))
                }
            }
        }
        guard (1...ModelsLimits.embeddingDimension).contains(numbers.count) else {
            throw EmbedderError(.malformed, "\(endpoint) gave a vector of \(numbers.count) numbers.")
        }
        return numbers
    }

    /// The vector of length one; `nil` when a number is none or all are 0.
    private static func normalised(_ numbers: [Double]) -> [Float]? {
        let length = numbers.reduce(0) { $0 + $1 * $1 }.squareRoot()
        guard length.isFinite, length > 0 else { return nil }
        let vector = numbers.map { Float($0 / length) }
        return vector.allSatisfy(\.isFinite) ? vector : nil
    }
}
