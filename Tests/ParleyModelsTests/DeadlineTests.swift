//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCore
import ParleyModels
import ParleyTesting
import Testing

extension WireTests {
    @Suite("Deadlines of an answer", .timeLimit(.minutes(1)))
    struct DeadlineTests {
        /// Far above the deadline under test, far below the others.
        private let soon = Duration.seconds(8)

        private func timed(
            _ script: ModelScript, _ limits: (inout ModelEndpoint.Limits) -> Void
        ) async throws -> (heard: Heard, requests: Int) {
            var result: (heard: Heard, requests: Int)?
            let time = try await ContinuousClock().measure { result = try await askScripted(script, limits: limits) }
            #expect(time < self.soon)
            return try #require(result)
        }

        @Test("a server that takes the connection and never answers is given up at the first-token deadline, once")
        func firstTokenBeforeHead() async throws {
            let (heard, requests) = try await self.timed(ModelScript { $0.fault = .hangBeforeHead }) {
                $0.firstToken = .milliseconds(100)
            }
            #expect(heard.modelError?.code == .timeout)
            #expect(heard.modelError?.message.contains("did not begin its answer") == true)
            #expect(heard.events.isEmpty)
            #expect(requests <= 1)
        }

        @Test("a head without a token does not stop the first-token deadline, comments and empty events neither")
        func firstTokenAfterHead() async throws {
            let (heard, requests) = try await self.timed(ModelScript { $0.fault = .hang(after: 0) }) {
                $0.firstToken = .milliseconds(100)
            }
            #expect(heard.modelError?.code == .timeout)
            #expect(requests <= 1)
        }

        @Test("a server that stops in the middle is given up at the next-token deadline, and the text is kept")
        func nextToken() async throws {
            let (heard, requests) = try await self.timed(ModelScript { $0.fault = .hang(after: 3) }) {
                $0.nextToken = .milliseconds(100)
            }
            #expect(heard.modelError?.code == .timeout)
            #expect(heard.text.split(separator: " ").count == 3)
            #expect(requests == 1)
        }

        @Test("an answer that goes on and on is given up at the total deadline")
        func total() async throws {
            let (heard, _) = try await self.timed(
                ModelScript {
                    $0.deltas = 2000; $0.paceMs = 5
                }
            ) {
                $0.total = .milliseconds(1500)
                $0.nextToken = .milliseconds(1000)
            }
            #expect(heard.modelError?.code == .timeout)
            #expect(heard.modelError?.message.contains("longer than it may") == true)
            #expect(heard.deltas > 5)
        }

        @Test("no deadline strikes a server that keeps its pace")
        func paceKept() async throws {
            let (heard, _) = try await self.timed(
                ModelScript {
                    $0.deltas = 30; $0.paceMs = 20; $0.firstTokenMs = 100
                }
            ) {
                $0.nextToken = .milliseconds(2000)
                $0.firstToken = .milliseconds(4000)
            }
            #expect(heard.completion != nil)
        }

        @Test("a reader that takes longer than the next-token deadline over a delta costs the server nothing")
        func slowReader() async throws {
            try await ScriptedModelServer.with(
                ModelScript {
                    $0.deltas = 4; $0.paceMs = 5
                }
            ) { server in
                try await withModel(ModelEndpoint(server) { $0.nextToken = .milliseconds(100) }) { model, _ in
                    let completion = try await model.answer(ChatRequest(messages: [], model: "m")) { event in
                        if case .delta = event { try await Task.sleep(for: .milliseconds(150)) }
                    }
                    #expect(completion.finishReason == .stop)
                }
            }
        }

        @Test("a server that accepts no connection is given up at the connect deadline")
        func connect() async throws {
            let listener = try UnresponsiveListener()
            defer { listener.close() }
            var limits = ModelEndpoint.Limits()
            limits.connect = .milliseconds(100)
            limits.attempts = 1
            let endpoint = try ModelEndpoint(baseURL: "http://127.0.0.1:\(listener.port)/v1", limits: limits)
            try await withModel(endpoint) { model, _ in
                let clock = ContinuousClock()
                let start = clock.now
                let heard = await model.ask()
                #expect(heard.modelError?.code == .timeout)
                #expect(heard.modelError?.message.contains("accepted no connection") == true)
                #expect(clock.now - start < self.soon)
            }
        }

        @Test("after the finish reason a server that keeps the connection open holds nothing up for long")
        func openEnd() async throws {
            let (heard, _) = try await self.timed(
                ModelScript {
                    $0.staysOpen = true; $0.sendsDone = false
                }
            ) { _ in }
            #expect(heard.completion?.finishReason == .stop)
        }
    }
}
