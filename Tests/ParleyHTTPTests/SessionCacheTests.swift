//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCore
import Testing

@testable import ParleyHTTP

@Suite("What a node remembers of sessions")
struct SessionCacheTests {
    private let start = ContinuousClock.now
    private let user = User.local

    private func after(_ duration: Duration) -> ContinuousClock.Instant { self.start.advanced(by: duration) }

    @Test("a session is believed for a moment, and for longer only while it cannot be looked up")
    func lives() {
        var cache = SessionCache<ContinuousClock.Instant>()
        let isKept = cache.remember([1], user: self.user, now: self.start)
        #expect(isKept)
        #expect(cache.user([1], now: self.after(.seconds(4))) == self.user)
        #expect(cache.user([1], now: self.after(HTTPLimits.sessionCacheLife)) == nil)
        #expect(cache.userOfOld([1], now: self.after(.seconds(599))) == self.user)
        #expect(cache.userOfOld([1], now: self.after(HTTPLimits.sessionGraceLife)) == nil)
        cache.forget([1])
        #expect(cache.userOfOld([1], now: self.start) == nil)
    }

    @Test("a look-up that was under way when the session ended does not bring it back")
    func race() {
        var cache = SessionCache<ContinuousClock.Instant>()
        cache.end([1], now: self.start)
        let isKept = cache.remember([1], user: self.user, now: self.after(.seconds(1)))
        #expect(!isKept)
        #expect(cache.user([1], now: self.after(.seconds(1))) == nil && cache.userOfOld([1], now: self.start) == nil)
        #expect(cache.hasEnded([1], now: self.after(.seconds(29))))
        #expect(!cache.hasEnded([1], now: self.after(HTTPLimits.endedSessionMemory)))
    }

    @Test("when signals may have been missed nothing is believed until it was looked up again")
    func doubt() {
        var cache = SessionCache<ContinuousClock.Instant>()
        _ = cache.remember([1], user: self.user, now: self.start)
        cache.doubt()
        #expect(cache.user([1], now: self.start) == nil)
        #expect(cache.userOfOld([1], now: self.start) == self.user)
        _ = cache.remember([1], user: self.user, now: self.start)
        #expect(cache.user([1], now: self.start) == self.user)
    }

    @Test("it is bounded: what must be looked up anyway goes first, and a full one takes nothing new")
    func bounded() {
        var cache = SessionCache<ContinuousClock.Instant>(capacity: 4)
        for byte in UInt8(0)..<4 { _ = cache.remember([byte], user: self.user, now: self.start) }
        _ = cache.remember([4], user: self.user, now: self.start)
        #expect(cache.user([4], now: self.start) == nil)
        let later = self.after(.seconds(7))
        _ = cache.remember([3], user: self.user, now: later)
        _ = cache.remember([5], user: self.user, now: later)
        #expect(cache.user([3], now: later) == self.user && cache.user([5], now: later) == self.user)
        #expect(cache.userOfOld([0], now: later) == nil)
    }

    @Test("of many ends the latest are remembered")
    func manyEnds() {
        var cache = SessionCache<ContinuousClock.Instant>(capacity: 4)
        for byte in UInt8(0)..<20 { cache.end([byte], now: self.after(.milliseconds(Int64(byte)))) }
        let now = self.after(.seconds(1))
        #expect(cache.hasEnded([19], now: now) && cache.hasEnded([18], now: now))
        #expect(!cache.hasEnded([0], now: now))
        #expect((UInt8(0)..<20).filter { cache.hasEnded([$0], now: now) }.count <= 4)
    }
}
