//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCore
import ParleyModels
import ParleyTesting
import Testing

extension WireTests {
    @Suite("Vectors from a model server", .timeLimit(.minutes(1)))
    struct OpenAIEmbedderTests {
        /// Runs `body` with an embedder of a scripted server.
        private func withEmbedder<Result>(
            _ script: ModelScript = ModelScript(), dimension: Int? = nil, encoding: EmbeddingEncoding = .float,
            key: String? = nil, limits: (inout ModelEndpoint.Limits) -> Void = { _ in },
            body: (OpenAIEmbedder, ScriptedModelServer) async throws -> Result
        ) async throws -> Result {
            try await ScriptedModelServer.with(script) { server in
                try await withModel(ModelEndpoint(server, key: key, limits: limits)) { _, servers in
                    try await body(
                        OpenAIEmbedder(servers, model: "embedding-test", dimension: dimension, encoding: encoding),
                        server)
                }
            }
        }

        private func code(_ body: () async throws -> Void) async -> EmbedderError.Code? {
            do {
                try await body()
                return nil
            } catch {
                return (error as? EmbedderError)?.code
            }
        }

        private func product(_ one: [Float], _ other: [Float]) -> Float {
            zip(one, other).reduce(0) { $0 + $1.0 * $1.1 }
        }

        @Test("each text gets its own vector, of length one", arguments: EmbeddingEncoding.allCases)
        func vectors(encoding: EmbeddingEncoding) async throws {
            try await self.withEmbedder(encoding: encoding) { embedder, _ in
                let vectors = try await embedder.embed(
                    ["the red house", "red house", "quantum physics"], purpose: .passage)
                #expect(vectors.map(\.count) == [64, 64, 64])
                for vector in vectors { #expect(abs(self.product(vector, vector) - 1) < 1e-5) }
                #expect(self.product(vectors[0], vectors[1]) > self.product(vectors[0], vectors[2]) + 0.3)
                let model = try await embedder.model
                #expect(model.dimension == 64 && model.name == "embedding-test")
                let none = try await embedder.embed([], purpose: .query)
                #expect(none.isEmpty)
            }
        }

        @Test("the dimension is learnt by a first call, once")
        func dimension() async throws {
            try await self.withEmbedder { embedder, server in
                for _ in 0..<2 {
                    let model = try await embedder.model
                    #expect(model.dimension == 64)
                }
                #expect(server.requestCount == 1)
            }
        }

        @Test("many texts go in batches and come back in order, however the server orders them")
        func batches() async throws {
            let script = ModelScript { $0.embeddingFault = .shuffled }
            try await self.withEmbedder(script) { embedder, server in
                let texts = (0..<300).map { "text number\($0)" }
                let vectors = try await embedder.embed(texts, purpose: .passage)
                #expect(server.requestCount == 3)
                server.setScript(ModelScript())
                let last = try await embedder.embed([texts[299]], purpose: .query)
                #expect(self.product(vectors[299], last[0]) > 0.9999)
                #expect(self.product(vectors[0], last[0]) < 0.999)
            }
        }

        @Test("empty texts and very long ones are sent as the server takes them")
        func unusual() async throws {
            try await self.withEmbedder { embedder, server in
                let long = String(repeating: "ä", count: 100_000)
                let vectors = try await embedder.embed(["", " \n", long], purpose: .passage)
                #expect(vectors.count == 3)
                let request = try #require(server.requests.first)
                #expect(request.body.contains(#""input":[".",".",""#))
                #expect(request.body.utf8.count < 40_000)
            }
        }

        @Test(
            "an answer that is none is refused",
            arguments: [
                (ModelScript.EmbeddingFault.unevenDimensions, EmbedderError.Code.wrongDimension),
                (.wrongDimension, .wrongDimension), (.shortList, .malformed), (.sameIndex, .malformed),
                (.zeros, .malformed), (.noJSON, .malformed),
            ])
        func faults(fault: ModelScript.EmbeddingFault, code: EmbedderError.Code) async throws {
            try await self.withEmbedder(ModelScript { $0.embeddingFault = fault }, dimension: 64) { embedder, _ in
                let found = await self.code { _ = try await embedder.embed(["a", "b"], purpose: .query) }
                #expect(found == code)
            }
        }

        @Test("a later answer of another dimension is refused")
        func changedDimension() async throws {
            try await self.withEmbedder { embedder, server in
                _ = try await embedder.embed(["a"], purpose: .query)
                server.setScript(ModelScript { $0.embeddingDimension = 32 })
                let found = await self.code { _ = try await embedder.embed(["a"], purpose: .query) }
                #expect(found == .wrongDimension)
            }
        }

        @Test("what may pass is tried again", arguments: [429, 500, 503])
        func retries(status: Int) async throws {
            try await self.withEmbedder { embedder, server in
                server.enqueue(ModelScript { $0.status = status })
                let vectors = try await embedder.embed(["a"], purpose: .query)
                #expect(vectors.count == 1)
                #expect(server.requestCount == 2)
            }
        }

        @Test("a server that always fails says why, without the key")
        func failures() async throws {
            let refusing = ModelScript { $0.requiredKey = "sk-right" }
            try await self.withEmbedder(refusing, key: "sk-wrong-key") { embedder, server in
                do throws(EmbedderError) {
                    _ = try await embedder.embed(["a"], purpose: .query)
                    Issue.record("it must fail")
                } catch {
                    #expect(error.code == .unauthorized)
                    #expect(!error.message.contains("sk-wrong-key"))
                }
                #expect(server.requestCount == 1)
            }
            let limited = ModelScript {
                $0.status = 429; $0.retryAfter = "120"
            }
            try await self.withEmbedder(limited, limits: { $0.total = .seconds(5) }) { embedder, _ in
                do throws(EmbedderError) {
                    _ = try await embedder.embed(["a"], purpose: .query)
                    Issue.record("it must fail")
                } catch {
                    #expect(error.code == .rateLimited)
                    #expect(error.retryAfter == .seconds(120))
                }
            }
        }

        @Test("a server that hangs is given up in time")
        func hang() async throws {
            let script = ModelScript { $0.fault = .hangBeforeHead }
            try await self.withEmbedder(
                script,
                limits: {
                    $0.firstToken = .milliseconds(200); $0.attempts = 1
                }
            ) { embedder, _ in
                let found = await self.code { _ = try await embedder.embed(["a"], purpose: .query) }
                #expect(found == .timeout)
            }
        }

        @Test("cancelling ends the request")
        func cancel() async throws {
            try await self.withEmbedder(ModelScript { $0.fault = .hangBeforeHead }) { embedder, server in
                let found = await withTaskGroup(of: EmbedderError.Code?.self) { group in
                    group.addTask { await self.code { _ = try await embedder.embed(["a"], purpose: .query) } }
                    await server.waitForRequests(1)
                    group.cancelAll()
                    return await group.next() ?? nil
                }
                #expect(found == .cancelled)
                await server.waitForCancelled(1)
            }
        }
    }
}
