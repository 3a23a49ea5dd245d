//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation
import ParleyCore
import ParleyTesting
import Testing

@testable import ParleyModels

extension WireTests {
    @Suite("The models that may be chosen", .timeLimit(.minutes(1)))
    struct ModelCatalogTests {
        private func names(_ model: OpenAIChatModel) async -> [String] { await model.models().map(\.name) }

        @Test("the server's list is asked for once and kept, however many ask; what does not chat is left out")
        func fetched() async throws {
            try await ScriptedModelServer.with { server in
                server.setModels(
                    ["gpt-5", "text-embedding-3-small", "whisper-1", "", "dall-e-3", "llama3"],
                    script: ModelScript { $0.firstTokenMs = 50 })
                try await withModel(ModelEndpoint(server)) { model, _ in
                    await withTaskGroup(of: [String].self) { group in
                        for _ in 0..<20 { group.addTask { await self.names(model) } }
                        for await names in group { #expect(names == ["gpt-5", "llama3"]) }
                    }
                    #expect(server.modelRequestCount == 1)
                }
            }
        }

        @Test("configured names need no server, the default and aliases lead, doubles are dropped")
        func configured() async throws {
            var first = try ModelEndpoint(baseURL: "http://127.0.0.1:1", name: "a", models: ["b", "c"])
            first.defaultModel = "c"
            first.aliases = ["smart": "b"]
            var second = try ModelEndpoint(baseURL: "http://127.0.0.1:2", name: "b", models: ["c", "d"])
            second.continuation = .prefill
            try await withModel(first, second) { model, _ in
                #expect(
                    await model.models() == [
                        ModelInfo(name: "c"), ModelInfo(name: "smart"), ModelInfo(name: "b"),
                        ModelInfo(name: "d", continuesAnswers: true),
                    ])
            }
        }

        @Test(
            "when the list cannot be had the default is offered, and the failure is not repeated at once",
            arguments: [
                ModelScript { $0.status = 404 }, ModelScript { $0.status = 500 },
                ModelScript { $0.fault = .hangBeforeHead },
            ])
        func failing(script: ModelScript) async throws {
            try await ScriptedModelServer.with { server in
                server.setModels([], script: script)
                var endpoint = try ModelEndpoint(server) { $0.modelList = .milliseconds(200) }
                try await withModel(endpoint) { model, _ in
                    #expect(await self.names(model) == ["default"])
                    #expect(await self.names(model) == ["default"])
                    #expect(server.modelRequestCount <= 1)
                }
                endpoint.defaultModel = "gpt-5"
                try await withModel(endpoint) { model, _ in
                    #expect(await self.names(model) == ["gpt-5"])
                }
            }
        }

        @Test("a request without a model takes the first of the list")
        func firstOfList() async throws {
            try await ScriptedModelServer.with { server in
                server.setModels(["llama3", "qwen"])
                try await withModel(ModelEndpoint(server)) { model, _ in
                    #expect(await model.ask(model: nil).events.first == .started(model: "llama3"))
                    #expect(server.requestedModels == ["llama3"])
                }
            }
        }
    }
}

@Suite("The configuration of model servers")
struct ModelEndpointTests {
    @Test(
        "an address is read as people write it",
        arguments: [
            ("https://api.openai.com/v1", "https://api.openai.com/v1/models", "api.openai.com"),
            ("http://127.0.0.1:11434", "http://127.0.0.1:11434/v1/models", "127.0.0.1:11434"),
            (" http://[::1]:8000/openai/v1// ", "http://[::1]:8000/openai/v1/models", "[::1]:8000"),
        ])
    func addresses(text: String, models: String, name: String) throws {
        let endpoint = try ModelEndpoint(baseURL: text)
        #expect(endpoint.url("models").absoluteString == models)
        #expect(endpoint.name == name)
    }

    @Test(
        "an address that is none, or has a secret in it, is refused without repeating it",
        arguments: [
            "", "localhost", "ftp://x/v1", "http://", "http://user:hunter2@host/v1", "http://host/v1?key=hunter2",
            "//host",
        ])
    func wrongAddresses(text: String) {
        let error = #expect(throws: ModelConfigurationError.self) { try ModelEndpoint(baseURL: text) }
        #expect(error?.description.contains("hunter2") == false)
    }

    @Test("two servers of one name, none, or too many are refused")
    func servers() throws {
        let endpoint = try ModelEndpoint(baseURL: "http://host/v1")
        #expect(throws: ModelConfigurationError.self) { try ModelServers([]) }
        #expect(throws: ModelConfigurationError.self) { try ModelServers([endpoint, endpoint]) }
        let many = try (0..<17).map { try ModelEndpoint(baseURL: "http://host\($0)/v1") }
        #expect(throws: ModelConfigurationError.self) { try ModelServers(many) }
    }
}
