//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCore

/// Says whether, and after how long, one model server is asked the same again.
struct Retries {
    private let server: ModelServer
    private let until: ModelServer.Instant
    private let backoff: Backoff
    private var count = 0

    /// - Parameter until: no attempt begins after it.
    init(_ server: ModelServer, until: ModelServer.Instant) {
        self.server = server
        self.until = until
        let limits = server.endpoint.limits
        self.backoff = Backoff(base: limits.retryBase, attempts: limits.attempts)
    }

    /// The wait before the next attempt; `nil` when the attempts, the time or the budget of retries are used up, or
    /// the breaker is open.
    mutating func delay(after error: ModelError) -> Duration? {
        let delay = self.backoff.delay(
            beforeRetry: self.count, retryAfter: error.retryAfter, random: .random(in: 0..<1))
        self.count += 1
        guard self.count < self.backoff.attempts, ContinuousClock.now.advanced(by: delay) < self.until,
            self.server.isHealthy, self.server.takeRetry()
        else { return nil }
        return delay
    }
}
