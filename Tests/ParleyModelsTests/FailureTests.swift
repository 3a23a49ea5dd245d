//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import NIOCore
import ParleyCore
import ParleyTesting
import Testing

@testable import ParleyModels

extension WireTests {
    @Suite("When a model server fails", .timeLimit(.minutes(1)))
    struct FailureTests {
        // MARK: Truncated

        @Test(
            "a stream that ends with neither finish reason nor [DONE] is truncated, never completed",
            arguments: [
                ModelScript.Fault.cut(after: 5), .reset(after: 5), .end(after: 5),
            ])
        func truncated(fault: ModelScript.Fault) async throws {
            let (heard, requests) = try await askScripted(
                ModelScript {
                    $0.fault = fault; $0.paceMs = 1
                })
            #expect(heard.modelError?.code == .truncated)
            #expect(heard.modelError?.isRetryable == true)
            #expect(heard.completion == nil)
            #expect(heard.text.split(separator: " ").count == 5)
            #expect(requests == 1)
        }

        @Test("a stream that breaks before its first token is tried again")
        func truncatedEarly() async throws {
            try await ScriptedModelServer.with { server in
                server.enqueue(ModelScript { $0.fault = .cut(after: 0) }, ModelScript { $0.fault = .end(after: 0) })
                try await withModel(ModelEndpoint(server)) { model, _ in
                    let heard = await model.ask()
                    #expect(heard.completion?.finishReason == .stop)
                    #expect(heard.events.first == .started(model: "test"))
                    #expect(server.requestCount == 3)
                }
            }
        }

        @Test(
            "a chunk that is no JSON and an error in the stream end the answer, and the text so far is kept",
            arguments: [
                (ModelScript.Fault.badJSON(after: 4), ModelError.Code.malformed), (.errorEvent(after: 4), .serverError),
            ])
        func faultInStream(fault: ModelScript.Fault, code: ModelError.Code) async throws {
            let (heard, requests) = try await askScripted(
                ModelScript {
                    $0.fault = fault; $0.paceMs = 10
                })
            #expect(heard.modelError?.code == code)
            #expect(heard.text.split(separator: " ").count == 4)
            #expect(requests == 1)
        }

        @Test("a server that drops each connection after its answer breaks no answer and no process")
        func droppedConnections() async throws {
            try await ScriptedModelServer.with(
                ModelScript {
                    $0.dropsConnection = true; $0.deltas = 2
                }
            ) { server in
                for _ in 0..<10 {
                    try await withModel(ModelEndpoint(server) { $0.breakerFailures = 10_000 }) { model, _ in
                        await withTaskGroup(of: Heard.self) { group in
                            for _ in 0..<60 { group.addTask { await model.ask() } }
                            for await heard in group {
                                // A request may meet a connection that is just closing, oftener than retries allow.
                                #expect(heard.completion != nil || heard.modelError?.code == .unreachable)
                            }
                        }
                    }
                }
            }
        }

        @Test("the client can be shut down at any moment around the end of an answer")
        func shutdownAtOnce() async throws {
            try await ScriptedModelServer.with(ModelScript { $0.deltas = 2 }) { server in
                for _ in 0..<150 {
                    try await withModel(ModelEndpoint(server)) { model, _ in
                        await withTaskGroup(of: Void.self) { group in
                            for _ in 0..<4 { group.addTask { _ = await model.ask() } }
                            await group.next()
                            group.cancelAll()
                        }
                    }
                }
            }
        }

        // MARK: Refusals

        @Test(
            "statuses become codes, and only what may pass is tried again",
            arguments: [
                (400, ModelError.Code.refused, 1), (401, .unauthorized, 1), (403, .unauthorized, 1), (404, .refused, 1),
                (413, .refused, 1), (408, .timeout, 3), (429, .rateLimited, 3), (500, .serverError, 3),
                (503, .serverError, 3),
            ])
        func statuses(status: Int, code: ModelError.Code, requests: Int) async throws {
            let (heard, count) = try await askScripted(
                ModelScript {
                    $0.status = status; $0.errorMessage = "No\u{7}  \u{202E}today."
                })
            let error = try #require(heard.modelError)
            #expect(error.code == code)
            if status >= 400 {
                #expect(error.status == status)
                #expect(error.message.hasSuffix("No today."))
            }
            #expect(count == requests)
            #expect(heard.events.isEmpty)
        }

        @Test("a used-up quota is not tried again")
        func quota() async throws {
            let (heard, count) = try await askScripted(
                ModelScript {
                    $0.status = 429; $0.errorCode = "insufficient_quota"
                })
            #expect(heard.modelError?.message.contains("quota") == true)
            #expect(count == 1)
        }

        @Test("Retry-After is waited out, when there is time for it")
        func retryAfter() async throws {
            try await ScriptedModelServer.with { server in
                try await withModel(ModelEndpoint(server)) { model, _ in
                    server.enqueue(
                        ModelScript {
                            $0.status = 429; $0.retryAfter = "1"
                        })
                    let clock = ContinuousClock()
                    let start = clock.now
                    #expect(await model.ask().completion != nil)
                    #expect(clock.now - start >= .seconds(1))
                    server.enqueue(
                        ModelScript {
                            $0.status = 429; $0.retryAfter = "31"
                        })
                    let heard = await model.ask()
                    #expect(heard.modelError?.code == .rateLimited)
                    #expect(heard.modelError?.retryAfter == .seconds(31))
                    #expect(clock.now - start < .seconds(20))
                }
            }
        }

        @Test("a redirect is not followed")
        func redirect() async throws {
            try await ScriptedModelServer.with(ModelScript { $0.fault = .redirect }) { server in
                try await withModel(ModelEndpoint(server, key: "sk-secret") { $0.attempts = 1 }) { model, _ in
                    #expect(await model.ask().modelError?.message.contains("redirect") == true)
                    #expect(server.requests.map(\.path) == ["/v1/chat/completions"])
                }
            }
        }

        @Test(
            "what speaks no HTTP, or closes without a word, is an error of that server",
            arguments: [
                (ModelScript.Fault.garbage, [ModelError.Code.malformed]), (.closeBeforeHead, [.unreachable]),
            ])
        func noHTTP(fault: ModelScript.Fault, codes: [ModelError.Code]) async throws {
            let (heard, count) = try await askScripted(ModelScript { $0.fault = fault })
            #expect(codes.contains(try #require(heard.modelError).code))
            #expect(count == 3)
        }

        @Test("where nothing listens the answer fails at once")
        func unreachable() async throws {
            let server = try await ScriptedModelServer.start()
            let endpoint = try ModelEndpoint(server)
            await server.shutdown()
            try await withModel(endpoint) { model, _ in
                let clock = ContinuousClock()
                let start = clock.now
                let error = await model.ask().modelError
                #expect(error?.code == .unreachable)
                #expect(error?.message.contains("nothing listens there") == true)
                #expect(clock.now - start < .seconds(5))
            }
        }

        @Test("an answer of another kind is malformed, with a hint")
        func notAnAnswer() async throws {
            let endpoint = try ModelEndpoint(baseURL: "http://127.0.0.1:1/v1")
            func finish(_ parts: String...) throws -> ModelCompletion {
                var stream = CompletionStream(endpoint: endpoint)
                for part in parts { try stream.feed(ByteBuffer(string: part)) }
                return try stream.finish()
            }
            #expect(throws: ModelError(.malformed, "127.0.0.1:1 sent no answer. Does its address end in /v1?")) {
                try finish("<html>\n<body>Welcome</body></html>\n")
            }
            #expect(throws: ModelError(.malformed, "127.0.0.1:1 sent JSON that is no answer.")) {
                try finish("\n {\"hello\"", ":1}")
            }
        }

        // MARK: Secrets

        @Test("the key is in no error, whatever the server says", arguments: ["sk-0123456789abcdef", "hunter22"])
        func redaction(key: String) async throws {
            try await ScriptedModelServer.with(ModelScript { $0.requiredKey = "another" }) { server in
                try await withModel(ModelEndpoint(server, key: key)) { model, _ in
                    let error = try #require(await model.ask().modelError)
                    #expect(error.code == .unauthorized)
                    #expect(error.message.contains("<redacted>"))
                    #expect(!String(reflecting: error).contains(key))
                    server.enqueue(
                        ModelScript {
                            $0.fault = .errorEvent(after: 0); $0.errorMessage = "key=\(key)!"
                        })
                    let inStream = try #require(await model.ask().modelError)
                    #expect(!String(reflecting: inStream).contains(key))
                }
            }
        }

        @Test("a key prints itself nowhere, and what no header can hold is no key")
        func keys() throws {
            let key = try #require(APIKey("  sk-abc\n"))
            let endpoint = try ModelEndpoint(baseURL: "https://api.openai.com/v1", apiKey: key)
            var dumped = ""
            dump(endpoint, to: &dumped)
            for text in ["\(key)", String(reflecting: key), "\(endpoint)", String(reflecting: endpoint), dumped] {
                #expect(!text.contains("sk-abc"), "\(text)")
            }
            #expect(APIKey("") == nil)
            #expect(APIKey("a\r\nX-Evil: 1") == nil)
            #expect(APIKey("schlüssel") == nil)
            let words = ServerWords(key: key)
            #expect(
                words.clean("Incorrect key 'sk-pr*****wxyz', not sk-abc.") == "Incorrect key <redacted> not <redacted>."
            )
            #expect(words.clean(String(repeating: "x", count: 9000)).unicodeScalars.count == 501)
        }

        // MARK: Several servers

        @Test(
            "the next server is asked before the first token, whatever ailed the first",
            arguments: [
                ModelScript { $0.status = 500 }, ModelScript { $0.status = 401 }, ModelScript { $0.status = 404 },
                ModelScript {
                    $0.status = 429; $0.retryAfter = "3600"
                }, ModelScript { $0.fault = .closeBeforeHead },
                ModelScript { $0.fault = .hangBeforeHead }, ModelScript { $0.fault = .hang(after: 0) },
                ModelScript { $0.fault = .cut(after: 0) }, ModelScript { $0.fault = .badJSON(after: 0) },
                ModelScript { $0.fault = .errorEvent(after: 0) }, ModelScript { $0.fault = .garbage },
            ])
        func failover(script: ModelScript) async throws {
            try await ScriptedModelServer.with(script) { first in
                try await ScriptedModelServer.with(ModelScript { $0.text = "second" }) { second in
                    try await withModel(
                        ModelEndpoint(first) { $0.firstToken = .milliseconds(300) }, ModelEndpoint(second)
                    ) { model, _ in
                        let heard = await model.ask()
                        #expect(heard.text == "second")
                        #expect(heard.completion?.finishReason == .stop)
                        #expect(heard.events.first == .started(model: "test"))
                        #expect(second.requestCount == 1)
                    }
                }
            }
        }

        @Test(
            "after the first token no other server is asked, and a refused request is not asked again",
            arguments: [
                ModelScript {
                    $0.fault = .cut(after: 1); $0.paceMs = 1
                }, ModelScript { $0.status = 400 },
            ])
        func noFailover(script: ModelScript) async throws {
            try await ScriptedModelServer.with(script) { first in
                try await ScriptedModelServer.with { second in
                    try await withModel(ModelEndpoint(first), ModelEndpoint(second)) { model, _ in
                        #expect(await model.ask().error != nil)
                        #expect(second.requestCount == 0)
                    }
                }
            }
        }

        @Test("a model goes to the server that has it")
        func routing() async throws {
            try await ScriptedModelServer.with { first in
                try await ScriptedModelServer.with { second in
                    try await withModel(
                        ModelEndpoint(first, models: ["a", "b"]), ModelEndpoint(second, models: ["c", "b"])
                    ) { model, _ in
                        for name in ["c", "b", "unheard-of", nil] {
                            #expect(await model.ask(model: name).completion != nil)
                        }
                        #expect(first.requestedModels == ["b", "unheard-of", "a"])
                        #expect(second.requestedModels == ["c"])
                    }
                }
            }
        }

        @Test("when all fail the most preferred server's reason is told")
        func allFail() async throws {
            try await ScriptedModelServer.with(
                ModelScript {
                    $0.status = 503; $0.errorMessage = "first"
                }
            ) { first in
                try await ScriptedModelServer.with(
                    ModelScript {
                        $0.status = 401; $0.errorMessage = "second"
                    }
                ) { second in
                    try await withModel(ModelEndpoint(first), ModelEndpoint(second)) { model, _ in
                        #expect(await model.ask().modelError?.message.contains("first") == true)
                    }
                }
            }
        }

        // MARK: Breaker, budget, cap

        @Test("after failures in a row a server is left alone, then probed, then used again")
        func breaker() async throws {
            try await ScriptedModelServer.with(ModelScript { $0.status = 500 }) { server in
                let endpoint = try ModelEndpoint(server) {
                    $0.attempts = 1
                    $0.breakerFailures = 3
                    $0.breakerOpen = .milliseconds(300)
                }
                try await withModel(endpoint) { model, servers in
                    for _ in 0..<3 { #expect(await model.ask().modelError?.code == .serverError) }
                    let refused = await model.ask().modelError
                    #expect(refused?.code == .overloaded)
                    #expect(refused?.retryAfter != nil)
                    #expect(server.requestCount == 3)
                    #expect(servers.servers[0].breakerState == .open)
                    server.setScript(ModelScript())
                    try await Task.sleep(for: .milliseconds(350))
                    #expect(await model.ask().completion != nil)
                    #expect(servers.servers[0].breakerState == .closed)
                }
            }
        }

        @Test("refusals and cancelled answers do not open the breaker")
        func breakerStaysClosed() async throws {
            try await ScriptedModelServer.with(ModelScript { $0.status = 400 }) { server in
                try await withModel(
                    ModelEndpoint(server) {
                        $0.breakerFailures = 2; $0.attempts = 1
                    }
                ) { model, servers in
                    for status in [400, 401, 429, 404, 400] {
                        server.setScript(ModelScript { $0.status = status })
                        _ = await model.ask()
                    }
                    #expect(servers.servers[0].breakerState == .closed)
                }
            }
        }

        @Test("a storm of failures is answered with few retries")
        func budget() async throws {
            try await ScriptedModelServer.with(ModelScript { $0.status = 500 }) { server in
                try await withModel(ModelEndpoint(server) { $0.breakerFailures = 1000 }) { model, _ in
                    for _ in 0..<40 { _ = await model.ask() }
                    #expect(server.requestCount <= 40 + 3 + 8)
                    #expect(server.requestCount >= 40 + 3)
                }
            }
        }

        @Test("beyond the cap answers wait; beyond the queue and the wait they fail; places come back")
        func cap() async throws {
            try await ScriptedModelServer.with(ModelScript { $0.fault = .hang(after: 1) }) { server in
                let endpoint = try ModelEndpoint(server) {
                    $0.concurrentRequests = 2
                    $0.queuedRequests = 1
                    $0.queueWait = .milliseconds(200)
                }
                try await withModel(endpoint) { model, servers in
                    let gate = servers.servers[0].gate
                    await withTaskGroup(of: Void.self) { group in
                        for _ in 0..<2 { group.addTask { _ = await model.ask() } }
                        await server.waitForRequests(2)
                        async let waiter = model.ask()
                        while gate.waiting == 0 { await Task.yield() }
                        let refused = await model.ask().modelError
                        #expect(refused?.code == .overloaded)
                        #expect(await waiter.modelError?.code == .overloaded)
                        #expect(server.requestCount == 2)
                        group.cancelAll()
                    }
                    await server.waitForCancelled(2)
                    while gate.running > 0 { await Task.yield() }
                    server.setScript(ModelScript())
                    #expect(await model.ask().completion != nil)
                }
            }
        }

        @Test("a server that is full is passed over for one that is free")
        func capFailover() async throws {
            try await ScriptedModelServer.with(ModelScript { $0.fault = .hang(after: 1) }) { first in
                try await ScriptedModelServer.with { second in
                    try await withModel(
                        ModelEndpoint(first) { $0.concurrentRequests = 1 }, ModelEndpoint(second)
                    ) { model, _ in
                        await withTaskGroup(of: Void.self) { group in
                            group.addTask { _ = await model.ask() }
                            await first.waitForRequests(1)
                            #expect(await model.ask().completion != nil)
                            #expect(second.requestCount == 1)
                            group.cancelAll()
                        }
                    }
                }
            }
        }
    }
}
