//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// How long to pause before the next attempt: twice as long each time up to a bound, and of that a random part between
/// a half and the whole, so that many clients do not come back at the same moment.
struct Backoff: Sendable {
    let shortest: Duration
    let longest: Duration
    private var attempts = 0

    init(shortest: Duration, longest: Duration) {
        self.shortest = shortest
        self.longest = longest
    }

    /// The pause before the next attempt.
    mutating func next(using generator: inout some RandomNumberGenerator) -> Duration {
        let whole = min(self.longest, self.shortest * (1 << min(self.attempts, 16)))
        self.attempts += 1
        return whole * Double.random(in: 0.5...1, using: &generator)
    }

    /// The connection has been stable: begin anew.
    mutating func reset() {
        self.attempts = 0
    }
}
