//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation
import ParleyCore
import Testing

@testable import ParleyHTTP

@Suite("Embeddings in OpenAI's form")
struct LocalEmbeddingsTests {
    private struct Answer: Decodable {
        struct Item: Decodable {
            var index: Int
            var embedding: [Float]
        }

        var data: [Item]
        var model: String
    }

    private struct Fixed: Embedder {
        var model: EmbeddingModel { EmbeddingModel(name: "fixed", dimension: 3, maximumTokens: 8) }
        func embed(_ texts: [String], purpose: EmbeddingPurpose) async throws(EmbedderError) -> [[Float]] {
            texts.map { [Float($0.count), 0.1, -1e-7] }
        }
        func tokens(in text: String) -> Int { text.count }
    }

    private func request(_ json: String) throws -> EmbeddingsRequest {
        try JSONDecoder().decode(EmbeddingsRequest.self, from: Data(json.utf8))
    }

    @Test("numbers come back as they were, in order")
    func floats() throws {
        let vectors: [[Float]] = [[0.1, -1e-7, 1], [0.333_333_34, 0, -0.5]]
        let body = LocalEmbeddings.body(vectors, model: "m", format: .float, tokens: 7)
        let answer = try JSONDecoder().decode(Answer.self, from: Data(body))
        #expect(answer.data.map(\.embedding) == vectors)
        #expect(answer.data.map(\.index) == [0, 1])
        #expect(String(decoding: body, as: UTF8.self).contains(#""usage":{"prompt_tokens":7,"total_tokens":7}"#))
    }

    @Test("Base64 holds the little-endian bytes")
    func base64() {
        let body = LocalEmbeddings.body([[1, -2]], model: "m", format: .base64, tokens: 1)
        #expect(String(decoding: body, as: UTF8.self).contains(#""embedding":"AACAPwAAAMA=""#))
    }

    @Test("one text and several are understood, tokens and empty lists are not")
    func requests() async throws {
        let one = try self.request(#"{"model":"x","input":"a","encoding_format":"base64","user":"u"}"#)
        #expect(one.input.texts == ["a"] && one.encodingFormat == .base64)
        #expect(try self.request(#"{"input":["a","b"]}"#).input.texts == ["a", "b"])
        #expect(throws: (any Error).self) { try self.request(#"{"input":[1,2]}"#) }
        for json in [#"{"input":[]}"#, #"{"input":""}"#, #"{"input":["a",""]}"#] {
            let request = try self.request(json)
            #expect(throws: Problem.self) { try LocalEmbeddings(embedder: Fixed(), request: request) }
        }
        let wrong = try LocalEmbeddings(embedder: Fixed(), request: self.request(#"{"input":"a","dimensions":4}"#))
        await #expect(throws: Problem.self) { _ = try await wrong.response() }
        let right = try LocalEmbeddings(embedder: Fixed(), request: self.request(#"{"input":"a","dimensions":3}"#))
        _ = try await right.response()
    }
}
