//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation
import ParleyCore

/// What the scripted server answers to `POST /v1/embeddings`: vectors that are made of the words of a text, so that
/// texts with common words are close.
struct ScriptedEmbeddings {
    /// The part of OpenAI's request that is understood.
    struct Request: Decodable {
        enum Input: Decodable {
            case text(String)
            case texts([String])

            init(from decoder: any Decoder) throws {
                let container = try decoder.singleValueContainer()
                if let text = try? container.decode(String.self) {
                    self = .text(text)
                } else {
                    self = .texts(try container.decode([String].self))
                }
            }
        }

        var model: String
        var input: Input
        var encodingFormat: String?
        var dimensions: Int?

        enum CodingKeys: String, CodingKey {
            case model
            case input
            case encodingFormat = "encoding_format"
            case dimensions
        }

        var texts: [String] {
            switch self.input {
            case .text(let text): [text]
            case .texts(let texts): texts
            }
        }
    }

    let request: Request
    let script: ModelScript

    /// The answer as JSON.
    var body: [UInt8] {
        let dimension = self.request.dimensions ?? self.script.embeddingDimension
        var items = self.request.texts.enumerated().map { (index: $0, vector: Self.vector($1, dimension: dimension)) }
        switch self.script.embeddingFault {
        case .wrongDimension: items = items.map { ($0.index, $0.vector + [1]) }
        case .unevenDimensions: items = items.map { ($0.index, $0.index == 0 ? $0.vector : $0.vector + [1]) }
        case .shortList: items = items.dropLast()
        case .shuffled: items.reverse()
        case .sameIndex: items = items.map { (0, $0.vector) }
        case .zeros: items = items.map { ($0.index, $0.vector.map { _ in 0 }) }
        case .noJSON, nil: break
        }
        if self.script.embeddingFault == .noJSON { return Array(#"{"data":[{"#.utf8) }
        return self.written(items)
    }

    private func written(_ items: [(index: Int, vector: [Float])]) -> [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("object")
        writer.string("list")
        writer.key("data")
        writer.beginArray()
        for item in items {
            writer.beginObject()
            writer.key("object")
            writer.string("embedding")
            writer.key("index")
            writer.int(item.index)
            writer.key("embedding")
            if self.request.encodingFormat == "base64" {
                writer.string(item.vector.withUnsafeBytes { Data($0).base64EncodedString() })
            } else {
                writer.beginArray()
                for number in item.vector { writer.double(Double(number)) }
                writer.endArray()
            }
            writer.endObject()
        }
        writer.endArray()
        writer.key("model")
        writer.string(self.request.model)
        writer.key("usage")
        writer.beginObject()
        writer.key("prompt_tokens")
        writer.int(self.request.texts.count)
        writer.key("total_tokens")
        writer.int(self.request.texts.count)
        writer.endObject()
        writer.endObject()
        return writer.bytes
    }

    /// Not of length one, so that the client has something to do. Each word adds to three places that its hash tells.
    static func vector(_ text: String, dimension: Int) -> [Float] {
        var vector = [Float](repeating: 0.01, count: max(1, dimension))
        for word in text.lowercased().split(whereSeparator: { !$0.isLetter && !$0.isNumber }) {
            // FNV-1a: the same in every process.
            var hash: UInt64 = 0xCBF2_9CE4_8422_2325
            for byte in word.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
            for part in 0..<3 { vector[Int(hash >> UInt64(part * 16) & 0xFFFF) % vector.count] += 1 }
        }
        return vector
    }
}
