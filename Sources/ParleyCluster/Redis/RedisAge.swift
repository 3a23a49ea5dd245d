//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// How long a Redis has known what it knows, as a pure value.
///
/// One that was emptied, restarted or replaced by its replica may know nothing of a lease that is held. For a while
/// after that (`grace`) nobody takes a turn of which it knows nothing, so that owners can restore their leases. The
/// same while begins when this node first sees it.
struct RedisAge<Instant: InstantProtocol & Sendable>: Sendable where Instant.Duration == Duration {
    private var run: String?
    private var seenAt: Instant?
    let grace: Duration

    init(grace: Duration) {
        self.grace = grace
    }

    /// - Parameters:
    ///   - run: the name that a server gives itself when it starts.
    ///   - age: for how long its keys have not been removed all at once.
    /// - Returns: whether what it does not know may have been lost.
    mutating func isYoung(run: String, age: Duration, now: Instant) -> Bool {
        if run != self.run {
            self.run = run
            self.seenAt = now
        }
        guard let seenAt = self.seenAt else { return false }
        return age < self.grace || seenAt.duration(to: now) < self.grace
    }
}
