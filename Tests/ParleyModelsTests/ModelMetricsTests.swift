//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Metrics
import MetricsTestKit
import ParleyCore
import ParleyTesting
import Testing

@testable import ParleyModels

extension WireTests {
    @Suite("Figures of model access", .timeLimit(.minutes(1)))
    struct ModelMetricsTests {
        @Test("requests by outcome, deltas, time to first token and the breaker are counted, without secrets")
        func figures() async throws {
            let metrics = TestMetrics()
            try await withMetricsFactory(metrics) {
                try await ScriptedModelServer.with { server in
                    let endpoint = try ModelEndpoint(server, name: "main", key: "sk-secret-of-ours") {
                        $0.attempts = 1
                        $0.breakerFailures = 1
                    }
                    try await withModel(endpoint) { model, _ in
                        #expect(await model.ask().completion != nil)
                        server.setScript(ModelScript { $0.status = 500 })
                        _ = await model.ask()
                        _ = await model.ask()
                    }
                }
            }
            func requests(_ outcome: String) throws -> Int64 {
                try metrics.expectCounter(
                    "parley_model_requests_total", [("endpoint", "main"), ("outcome", outcome)]
                ).totalValue
            }
            #expect(try requests("completed") == 1)
            #expect(try requests("model_server_error") == 1)
            #expect(try requests("model_overloaded") == 1)
            let labels = [("endpoint", "main")]
            #expect(try metrics.expectCounter("parley_model_deltas_total", labels).totalValue == 20)
            #expect(try metrics.expectTimer("parley_model_time_to_first_token_seconds", labels).values.count == 1)
            #expect(try metrics.expectGauge("parley_model_breaker_state", labels).lastValue == 2)
            let all = metrics.counters.flatMap(\.dimensions) + metrics.recorders.flatMap(\.dimensions)
            #expect(!all.contains { $0.1.contains("secret") })
        }
    }
}
