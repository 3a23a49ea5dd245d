//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation
import ParleyHTTP
import Testing

@Suite("Embeddings over HTTP", .timeLimit(.minutes(1)))
struct EmbeddingsRouteTests {
    @Test("one text or several, as numbers or base64, in their order")
    func embed() async throws {
        try await TestServer.run(embedder: LengthEmbedder()) { server in
            let one = try await server.request("POST", "/v1/embeddings", json: ["model": "length", "input": "a b c"])
            #expect(one.status == 200, "\(one.text)")
            #expect(one.json["object"] as? String == "list")
            #expect(one.json["model"] as? String == "length")
            #expect((one.json["usage"] as? [String: Int])?["prompt_tokens"] == 3)
            #expect(one.text.contains("\"embedding\":[5.0,0.1]"), "\(one.text)")
            let two = try await server.request("POST", "/v1/embeddings", json: ["input": ["abc", "a"]])
            #expect(two.list("data").map { $0["index"] as? Int } == [0, 1])
            #expect(two.list("data").map { ($0["embedding"] as? [Double])?.first } == [3, 1])
            let packed = try await server.request(
                "POST", "/v1/embeddings", json: ["input": "abc", "encoding_format": "base64", "dimensions": 2])
            #expect(packed.list("data").first?["embedding"] as? String == "AABAQM3MzD0=")
        }
    }

    @Test("what is wrong is said in OpenAI's form")
    func wrong() async throws {
        try await TestServer.run(embedder: LengthEmbedder()) { server in
            let many = Array(repeating: "x", count: 2049)
            for (body, status, field) in [
                ([:], 422, "input"), (["input": ""], 422, "input"), (["input": [String]()], 422, "input"),
                (["input": [1, 2]], 422, "input"), (["input": many], 422, "input"),
                (["input": "x", "encoding_format": "hex"], 422, "encoding_format"),
                (["input": "x", "dimensions": 3], 422, "dimensions"), (["input": "x", "model": "other"], 404, "model"),
                (["input": "refused"], 422, nil), (["input": "busy"], 503, nil),
            ] as [([String: Any], Int, String?)] {
                let reply = try await server.request("POST", "/v1/embeddings", json: body)
                #expect(reply.status == status, "\(body.keys) \(reply.text)")
                let error = try #require(reply.json["error"] as? [String: Any])
                let param = error["param"] as? String
                #expect(param == field || param?.hasPrefix("\(field ?? "-").") == true, "\(reply.text)")
            }
        }
        try await TestServer.run { server in
            #expect(try await server.request("POST", "/v1/embeddings", json: ["input": "x"]).status == 503)
        }
        try await TestServer.run(mode: .accounts, embedder: LengthEmbedder()) { server in
            #expect(try await server.request("POST", "/v1/embeddings", json: ["input": "x"]).status == 401)
        }
    }
}
