//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCore

/// What one node remembers of sessions, as a pure value: those it found a moment ago, so that most requests ask no
/// store, and those that ended a moment ago, so that a look-up that was under way does not bring them back.
struct SessionCache<Instant: InstantProtocol & Sendable>: Sendable where Instant.Duration == Duration {
    private struct Found: Sendable {
        var user: User
        var at: Instant
        var isDoubtful = false
    }

    private var found: [[UInt8]: Found] = [:]
    private var ended: [[UInt8]: Instant] = [:]
    private var sweptAt: Instant?
    private let capacity: Int

    init(capacity: Int = HTTPLimits.cachedSessions) {
        self.capacity = capacity
    }

    /// Whose session it is, if that was looked up a moment ago.
    func user(_ idHash: [UInt8], now: Instant) -> User? {
        guard let found = self.found[idHash], !found.isDoubtful,
            found.at.advanced(by: HTTPLimits.sessionCacheLife) > now
        else { return nil }
        return found.user
    }

    /// Whose session it was when it was last looked up: to be believed only while it cannot be looked up.
    func userOfOld(_ idHash: [UInt8], now: Instant) -> User? {
        guard let found = self.found[idHash], found.at.advanced(by: HTTPLimits.sessionGraceLife) > now else {
            return nil
        }
        return found.user
    }

    /// Whether it ended within ``HTTPLimits/endedSessionMemory``.
    func hasEnded(_ idHash: [UInt8], now: Instant) -> Bool {
        self.ended[idHash].map { $0.advanced(by: HTTPLimits.endedSessionMemory) > now } ?? false
    }

    /// - Returns: false when it ended while it was being looked up.
    mutating func remember(_ idHash: [UInt8], user: User, now: Instant) -> Bool {
        guard !self.hasEnded(idHash, now: now) else { return false }
        if self.found[idHash] == nil, self.found.count >= self.capacity { self.sweep(now: now) }
        if self.found[idHash] != nil || self.found.count < self.capacity {
            self.found[idHash] = Found(user: user, at: now)
        }
        return true
    }

    mutating func end(_ idHash: [UInt8], now: Instant) {
        self.found[idHash] = nil
        if self.ended.count >= self.capacity {
            self.ended = self.ended.filter { $0.value.advanced(by: HTTPLimits.endedSessionMemory) > now }
            // Still full: the memory is a guard against a race of milliseconds, so the oldest half can go.
            if self.ended.count >= self.capacity {
                let newest = self.ended.sorted { $0.value > $1.value }.prefix(self.capacity / 2)
                self.ended = Dictionary(uniqueKeysWithValues: newest.map { ($0.key, $0.value) })
            }
        }
        self.ended[idHash] = now
    }

    /// A session that the store no longer has.
    mutating func forget(_ idHash: [UInt8]) {
        self.found[idHash] = nil
    }

    /// Ends of sessions may have been missed: all are looked up again before they are believed.
    mutating func doubt() {
        for idHash in self.found.keys { self.found[idHash]?.isDoubtful = true }
    }

    /// Makes room, at most once a second: first what is not believed in any case, then what must be looked up anyway.
    private mutating func sweep(now: Instant) {
        if let sweptAt = self.sweptAt, sweptAt.advanced(by: .seconds(1)) > now { return }
        self.sweptAt = now
        for life in [HTTPLimits.sessionGraceLife, HTTPLimits.sessionCacheLife] {
            self.found = self.found.filter { $0.value.at.advanced(by: life) > now }
            if self.found.count < self.capacity { return }
        }
    }
}
