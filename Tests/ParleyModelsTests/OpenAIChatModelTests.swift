//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation
import ParleyCore
import ParleyModels
import ParleyTesting
import Testing

extension WireTests {
    @Suite("Answers from a model server", .timeLimit(.minutes(1)))
    struct OpenAIChatModelTests {
        static let words20 = "water hollow cloud window grain amber meadow"

        @Test("an answer starts once, comes in order, and ends with its reason and usage")
        func answer() async throws {
            let text = "Grüße, 世界!\n\n```swift\nlet x = \"😀\"\n```"
            let (heard, _) = try await askScripted(ModelScript { $0.text = text })
            #expect(heard.events.first == .started(model: "test"))
            #expect(heard.events.count { if case .started = $0 { true } else { false } } == 1)
            #expect(heard.text == text)
            #expect(heard.completion?.finishReason == .stop)
            #expect(heard.completion?.usage?.promptTokens == 7)
            #expect(heard.error == nil)
        }

        @Test("paced deltas are handed on as they come")
        func paced() async throws {
            let (heard, _) = try await askScripted(
                ModelScript {
                    $0.deltas = 10; $0.paceMs = 10
                })
            #expect(heard.deltas > 2)
            #expect(heard.completion?.finishReason == .stop)
        }

        @Test(
            "however the stream is written, the text is the same",
            arguments: [
                "crlf", "cr", "bom", "comments", "nousage", "nodone", "nofinish", "frag1", "frag1-crlf-bom",
                "frag7-cr-comments",
                "reason5", "whole", "open", "open-nodone",
            ])
        func writtenOtherwise(words: String) async throws {
            let script = try #require(ModelScript(modelName: "scripted-" + words))
            let (heard, _) = try await askScripted(script)
            let (plain, _) = try await askScripted(ModelScript())
            #expect(heard.text == plain.text)
            #expect(heard.text.split(separator: " ").count == 20)
            #expect(heard.completion?.finishReason == .stop)
            #expect((heard.completion?.usage == nil) == (words == "nousage"))
        }

        @Test("the request is OpenAI's, with the key as a bearer and nothing else of ours")
        func request() async throws {
            try await ScriptedModelServer.with { server in
                try await withModel(ModelEndpoint(server, key: "sk-secret")) { model, _ in
                    _ = await model.ask(
                        ChatRequest(
                            messages: [
                                .init(role: .system, content: "Be \"brief\"\n"), .init(role: .user, content: "Ü\u{0}😀"),
                            ],
                            model: "m", maximumTokens: 9))
                }
                let request = try #require(server.requests.first)
                #expect(request.method == "POST")
                #expect(request.path == "/v1/chat/completions")
                #expect(request.headers["authorization"] == "Bearer sk-secret")
                #expect(request.headers["content-type"] == "application/json")
                #expect(request.headers["accept"] == "text/event-stream")
                let body = try #require(
                    try JSONSerialization.jsonObject(with: Data(request.body.utf8)) as? NSDictionary)
                #expect(
                    body == [
                        "model": "m", "stream": true, "stream_options": ["include_usage": true], "max_tokens": 9,
                        "messages": [
                            ["role": "system", "content": "Be \"brief\"\n"], ["role": "user", "content": "Ü\u{0}😀"],
                        ],
                    ])
            }
        }

        @Test("an answer's beginning is sent as the last assistant message, with vLLM's words where they are wanted")
        func continuing() async throws {
            try await ScriptedModelServer.with { server in
                var prefill = try ModelEndpoint(server, name: "a")
                prefill.continuation = .prefill
                var vllm = try ModelEndpoint(server, name: "b")
                vllm.continuation = .continueFinalMessage
                let request = ChatRequest(
                    messages: [.init(role: .user, content: "Hi")], model: "m", continuing: "Once upon")
                for endpoint in [prefill, vllm] {
                    try await withModel(endpoint) { model, _ in
                        #expect(await model.ask(request).completion != nil)
                    }
                }
                try await withModel(ModelEndpoint(server)) { model, _ in
                    #expect(await model.ask(request).modelError?.code == .refused)
                }
                let bodies = server.requests.map(\.body)
                #expect(bodies.count == 2)
                #expect(bodies.allSatisfy { $0.contains(#"{"role":"assistant","content":"Once upon"}]"#) })
                #expect(bodies.map { $0.contains("continue_final_message") } == [false, true])
            }
        }

        @Test("an answer beyond the limit is cut between characters with reason length, and the request is ended")
        func tooLong() async throws {
            let piece = String(repeating: "ä", count: 300_000) + " "
            try await ScriptedModelServer.with(
                ModelScript {
                    $0.text = String(repeating: piece, count: 5); $0.paceMs = 1; $0.fault = .hang(after: 4)
                }
            ) { server in
                try await withModel(ModelEndpoint(server)) { model, _ in
                    let heard = await model.ask()
                    #expect(heard.completion?.finishReason == .length)
                    #expect(
                        heard.text.utf8.count == CoreLimits.answerBytes
                            || heard.text.utf8.count == CoreLimits.answerBytes - 1)
                    #expect(heard.text.hasSuffix("ä"))
                    await server.waitForCancelled(1)
                }
            }
        }

        @Test("connections are used again")
        func reuse() async throws {
            try await ScriptedModelServer.with { server in
                try await withModel(ModelEndpoint(server)) { model, _ in
                    for _ in 0..<20 {
                        #expect(await model.ask().completion != nil)
                        await server.waitForCompleted(server.requestCount)
                    }
                    #expect(server.connectionCount <= 3)
                }
            }
        }

        @Test("far more answers than the client library's eight run at once")
        func concurrency() async throws {
            try await ScriptedModelServer.with(
                ModelScript {
                    $0.fault = .hang(after: 1); $0.firstTokenMs = 1
                }
            ) { server in
                try await withModel(ModelEndpoint(server)) { model, _ in
                    await withTaskGroup(of: Void.self) { group in
                        for _ in 0..<100 { group.addTask { _ = await model.ask() } }
                        await server.waitForRequests(100)
                        group.cancelAll()
                    }
                    await server.waitForCancelled(100)
                }
            }
        }

        @Test(
            "a cancelled task ends the request at once, before the head and in mid-stream",
            arguments: [
                ModelScript.Fault.hangBeforeHead, .hang(after: 0), .hang(after: 3),
            ])
        func cancel(fault: ModelScript.Fault) async throws {
            try await ScriptedModelServer.with(ModelScript { $0.fault = fault }) { server in
                try await withModel(ModelEndpoint(server)) { model, servers in
                    let heard = await withTaskGroup(of: Heard.self) { group in
                        group.addTask { await model.ask() }
                        await server.waitForRequests(1)
                        group.cancelAll()
                        return await group.next()
                    }
                    #expect(heard?.error is CancellationError)
                    await server.waitForCancelled(1)
                }
            }
        }

        @Test("what the reader throws ends the request and is thrown on")
        func readerThrows() async throws {
            struct Enough: Error {}
            try await ScriptedModelServer.with(
                ModelScript {
                    $0.paceMs = 1; $0.deltas = 2000
                }
            ) { server in
                try await withModel(ModelEndpoint(server)) { model, _ in
                    await #expect(throws: Enough.self) {
                        try await model.answer(ChatRequest(messages: [], model: "m")) { event in
                            if case .delta = event { throw Enough() }
                        }
                    }
                    await server.waitForCancelled(1)
                    #expect(server.requestCount == 1)
                }
            }
        }

        @Test("a title is the text of the answer as a whole")
        func title() async throws {
            try await ScriptedModelServer.with(ModelScript { $0.text = "Rivers and Stönes" }) { server in
                try await withModel(ModelEndpoint(server)) { model, _ in
                    let request = ChatRequest(messages: [.init(role: .user, content: "Title?")], model: "m")
                    let whole = try await model.text(answering: request)
                    #expect(whole == "Rivers and Stönes")
                    let cut = try await model.text(answering: request, maximumBytes: 14)
                    #expect(cut == "Rivers and St")
                }
            }
        }

        @Test("aliases go out as the server's names, other names as they are")
        func aliases() async throws {
            try await ScriptedModelServer.with { server in
                var endpoint = try ModelEndpoint(server)
                endpoint.aliases = ["fast": "vendor/tiny-1"]
                try await withModel(endpoint) { model, _ in
                    #expect(await model.ask(model: "fast").events.first == .started(model: "fast"))
                    _ = await model.ask(model: "gpt-x")
                }
                #expect(server.requests.map { $0.body.contains(#""model":"vendor/tiny-1""#) } == [true, false])
                #expect(server.requests[1].body.contains(#""model":"gpt-x""#))
            }
        }
    }
}
