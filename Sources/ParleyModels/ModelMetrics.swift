//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Metrics
import Synchronization

/// The figures of one model server. Labels are its name and outcomes, never a key, an address or a model's words.
final class ModelMetrics: Sendable {
    private let endpoint: String
    private let firstToken: Timer
    private let deltas: Counter
    private let breaker: Gauge
    private let outcomes = Mutex<[String: Counter]>([:])

    init(endpoint: String) {
        self.endpoint = endpoint
        let labels = [("endpoint", endpoint)]
        self.firstToken = Timer(label: "parley_model_time_to_first_token_seconds", dimensions: labels)
        self.deltas = Counter(label: "parley_model_deltas_total", dimensions: labels)
        self.breaker = Gauge(label: "parley_model_breaker_state", dimensions: labels)
        self.breaker.record(0)
    }

    /// A request ended: `completed`, `cancelled`, or the code of its error.
    func requestEnded(_ outcome: String) {
        let counter = self.outcomes.withLock { outcomes in
            if let counter = outcomes[outcome] { return counter }
            let counter = Counter(
                label: "parley_model_requests_total", dimensions: [("endpoint", self.endpoint), ("outcome", outcome)])
            outcomes[outcome] = counter
            return counter
        }
        counter.increment()
    }

    func firstTokenCame(after time: Duration) {
        self.firstToken.record(duration: time)
    }

    func deltasCame(_ count: Int) {
        if count > 0 { self.deltas.increment(by: count) }
    }

    /// 0 closed, 1 half-open, 2 open.
    func breakerState(_ state: Int) {
        self.breaker.record(state)
    }
}
