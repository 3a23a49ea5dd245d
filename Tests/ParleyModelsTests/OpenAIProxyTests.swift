//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import NIOCore
import ParleyCore
import Testing

@testable import ParleyModels
@testable import ParleyTesting

extension WireTests {
    @Suite("The OpenAI API handed on", .timeLimit(.minutes(1)))
    struct OpenAIProxyTests {
        private static let question =
            #"{"model":"test","messages":[{"role":"user","content":"Hi"}],"temperature":0.25,"x_unknown":[1],"#
            + #""stream":true}"#

        private func body(_ response: OpenAIProxy.Response) async throws -> String {
            var body = ByteBuffer()
            for try await var bytes in response.body { body.writeBuffer(&bytes) }
            return String(buffer: body)
        }

        @Test(
            "request and response go through byte for byte, unknown members and all",
            arguments: [
                ModelScript(),
                ModelScript {
                    $0.lineEnd = .crlf; $0.sendsComments = true; $0.fragmentBytes = 3
                },
                ModelScript { $0.ignoresStream = true },
            ])
        func untouched(script: ModelScript) async throws {
            try await ScriptedModelServer.with(script) { server in
                try await withModel(ModelEndpoint(server, key: "sk-ours")) { _, servers in
                    let response = try await OpenAIProxy(servers).forward(
                        .chatCompletions, body: ByteBuffer(string: Self.question))
                    #expect(response.status == 200)
                    let type = response.headers.first { $0.name.lowercased() == "content-type" }?.value
                    #expect(type == (script.ignoresStream ? "application/json" : "text/event-stream"))
                    let text = try await self.body(response)
                    let answer = ScriptedAnswer(
                        .init(
                            script: script, model: "test", text: ScriptedAnswer.words(20),
                            streams: !script.ignoresStream,
                            includesUsage: false))
                    #expect(text == String(buffer: answer.joined))
                    let request = try #require(server.requests.first)
                    #expect(request.body == Self.question)
                    #expect(request.headers["authorization"] == "Bearer sk-ours")
                    while servers.servers[0].gate.running > 0 { await Task.yield() }
                }
            }
        }

        @Test("only an alias is changed, wherever it stands")
        func alias() async throws {
            try await ScriptedModelServer.with { server in
                var endpoint = try ModelEndpoint(server)
                endpoint.aliases = ["fäst": #"vendor/"tiny""#]
                try await withModel(endpoint) { _, servers in
                    let response = try await OpenAIProxy(servers).forward(
                        .chatCompletions,
                        body: ByteBuffer(
                            string: #"{"messages":[{"role":"user","content":"x"}] , "model" : "f\u00e4st" }"#))
                    _ = try await self.body(response)
                }
                #expect(
                    server.requests.map(\.body) == [
                        #"{"messages":[{"role":"user","content":"x"}] , "model" : "vendor/\"tiny\"" }"#
                    ])
            }
        }

        @Test("a refusal of the request is handed back, without our key")
        func refusal() async throws {
            let script = ModelScript {
                $0.status = 422; $0.errorMessage = "bad temperature"
            }
            try await ScriptedModelServer.with(script) { server in
                try await withModel(ModelEndpoint(server, key: "verysecret")) { _, servers in
                    let proxy = OpenAIProxy(servers)
                    let response = try await proxy.forward(.chatCompletions, body: ByteBuffer(string: Self.question))
                    #expect(response.status == 422)
                    let text = try await self.body(response)
                    #expect(text.contains(#""message":"bad temperature""#))
                    server.enqueue(
                        ModelScript {
                            $0.status = 422; $0.errorMessage = "key verysecret seen"
                        })
                    let second = try await proxy.forward(.chatCompletions, body: ByteBuffer(string: Self.question))
                    let clean = try await self.body(second)
                    #expect(clean.contains(#""message":"key <redacted> seen""#))
                    #expect(!second.headers.contains { $0.name.lowercased() == "content-length" })
                }
            }
        }

        @Test(
            "a server's own trouble goes to the next server, and is thrown when there is none",
            arguments: [
                (ModelScript { $0.status = 500 }, ModelError.Code.serverError),
                (ModelScript { $0.status = 401 }, .unauthorized), (ModelScript { $0.status = 429 }, .rateLimited),
                (ModelScript { $0.fault = .hangBeforeHead }, .timeout),
                (ModelScript { $0.fault = .closeBeforeHead }, .unreachable),
            ])
        func failover(script: ModelScript, code: ModelError.Code) async throws {
            try await ScriptedModelServer.with(script) { first in
                let endpoint = try ModelEndpoint(first, name: "first") { $0.firstToken = .milliseconds(300) }
                try await withModel(endpoint) { _, servers in
                    let error = await #expect(throws: ModelError.self) {
                        _ = try await OpenAIProxy(servers).forward(
                            .chatCompletions, body: ByteBuffer(string: Self.question))
                    }
                    #expect(error?.code == code)
                }
                try await ScriptedModelServer.with(ModelScript { $0.text = "second" }) { second in
                    try await withModel(endpoint, ModelEndpoint(second)) { _, servers in
                        let response = try await OpenAIProxy(servers).forward(
                            .chatCompletions, body: ByteBuffer(string: Self.question))
                        let text = try await self.body(response)
                        #expect(text.contains("second"))
                    }
                }
            }
        }

        @Test("an answer that comes whole may take longer than a first token")
        func slowWhole() async throws {
            try await ScriptedModelServer.with(ModelScript { $0.firstTokenMs = 400 }) { server in
                let endpoint = try ModelEndpoint(server) {
                    $0.firstToken = .milliseconds(100)
                    $0.nextToken = .milliseconds(100)
                }
                try await withModel(endpoint) { _, servers in
                    let response = try await OpenAIProxy(servers).forward(
                        .chatCompletions, body: ByteBuffer(string: #"{"model":"m","messages":[]}"#))
                    let text = try await self.body(response)
                    #expect(text.contains("chat.completion"))
                }
            }
        }

        @Test(
            "a stream that stops or breaks is an error of its reader",
            arguments: [
                (ModelScript.Fault.hang(after: 2), ModelError.Code.timeout), (.cut(after: 2), .truncated),
            ])
        func broken(fault: ModelScript.Fault, code: ModelError.Code) async throws {
            try await ScriptedModelServer.with(ModelScript { $0.fault = fault }) { server in
                try await withModel(ModelEndpoint(server) { $0.nextToken = .milliseconds(200) }) { _, servers in
                    let response = try await OpenAIProxy(servers).forward(
                        .chatCompletions, body: ByteBuffer(string: Self.question))
                    let error = await #expect(throws: ModelError.self) { _ = try await self.body(response) }
                    #expect(error?.code == code)
                }
            }
        }

        @Test("a dropped response and a cancelled reader end the request and give the place back")
        func dropped() async throws {
            try await ScriptedModelServer.with(ModelScript { $0.fault = .hang(after: 1) }) { server in
                try await withModel(ModelEndpoint(server)) { _, servers in
                    let proxy = OpenAIProxy(servers)
                    _ = try await proxy.forward(.chatCompletions, body: ByteBuffer(string: Self.question))
                    await server.waitForCancelled(1)
                    let response = try await proxy.forward(
                        .chatCompletions, body: ByteBuffer(string: Self.question))
                    await withTaskGroup(of: Void.self) { group in
                        group.addTask {
                            await #expect(throws: CancellationError.self) {
                                for try await _ in response.body {}
                            }
                        }
                        group.cancelAll()
                    }
                    await server.waitForCancelled(2)
                    while servers.servers[0].gate.running > 0 { await Task.yield() }
                }
            }
        }

        @Test(
            "a body that is no JSON object is refused without asking anybody",
            arguments: [
                "", "[]", "{", #"{"model":"x"} y"#, "null",
            ])
        func badBody(body: String) async throws {
            try await ScriptedModelServer.with { server in
                try await withModel(ModelEndpoint(server)) { _, servers in
                    let error = await #expect(throws: ModelError.self) {
                        _ = try await OpenAIProxy(servers).forward(.chatCompletions, body: ByteBuffer(string: body))
                    }
                    #expect(error?.code == .refused)
                    #expect(error?.status == 400)
                }
                #expect(server.requestCount == 0)
            }
        }
    }
}
