//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCore
import Testing

/// What every home of rate limits must do. One suite, run on each of them.
struct RateLimiterContract {
    let limiter: any RateLimiter

    /// A limit that does not refill while a test runs.
    static func policy(_ name: String, limit: Int, unit: RatePolicy.Unit = .requests) -> RatePolicy {
        RatePolicy(name, limit: limit, window: .seconds(limit * 3600), unit: unit, fallback: .divided)
    }

    /// A key that no other test has.
    static func key(_ scope: RateKey.Scope = .user) -> RateKey {
        RateKey(scope, TurnID.generate().description)
    }

    func countsDownAndDenies() async throws {
        let charge = RateCharge(Self.policy("count", limit: 3), Self.key())
        for left in [2, 1, 0] {
            let decision = await self.limiter.charge([charge])
            #expect(decision.isAllowed && decision.source == .shared)
            let standing = try #require(decision.standings.first)
            #expect(standing.remaining == left && !standing.isExceeded && standing.retryAfter == nil)
            #expect(standing.resetAfter > .seconds((3 - left) * 3600 - 60))
        }
        let denied = await self.limiter.charge([charge])
        #expect(!denied.isAllowed && denied.reservation == nil)
        let wait = try #require(denied.retryAfter)
        #expect(wait > .seconds(3540) && wait <= .seconds(3600))
        // Another key of the same policy has its own.
        #expect(await self.limiter.charge([RateCharge(charge.policy, Self.key())]).isAllowed)
    }

    func takesAllOrNothing() async throws {
        let wide = RateCharge(Self.policy("wide", limit: 10), Self.key(.user))
        let narrow = RateCharge(Self.policy("narrow", limit: 2), Self.key(.session))
        for _ in 0..<2 { #expect(await self.limiter.charge([wide, narrow]).isAllowed) }
        for _ in 0..<5 {
            let denied = await self.limiter.charge([wide, narrow])
            #expect(!denied.isAllowed)
            #expect(denied.exceeded.map(\.charge) == [narrow])
        }
        let alone = await self.limiter.charge([wide])
        #expect(alone.standings.first?.remaining == 7)
    }

    func refillsInTime() async throws {
        let policy = RatePolicy("refill", limit: 1, window: .milliseconds(40), fallback: .divided)
        let charge = RateCharge(policy, Self.key())
        let began = ContinuousClock.now
        var allowed = 0
        while allowed < 4 {
            let decision = await self.limiter.charge([charge])
            if decision.isAllowed {
                allowed += 1
            } else {
                try await Task.sleep(for: decision.retryAfter ?? .milliseconds(1))
            }
        }
        // Three refills; the clocks may differ by a little.
        #expect(ContinuousClock.now - began > .milliseconds(110))
    }

    func refusesWhatNeverFits() async throws {
        let charge = RateCharge(Self.policy("never", limit: 5), Self.key(), cost: 6)
        let denied = await self.limiter.charge([charge])
        #expect(!denied.isAllowed && denied.retryAfter == nil && denied.exceeded.count == 1)
        var smaller = charge
        smaller.cost = 5
        #expect(await self.limiter.charge([smaller]).isAllowed)
        smaller.cost = 0
        #expect(await self.limiter.charge([smaller]).isAllowed)
    }

    func settlesTokens() async throws {
        let request = RateCharge(Self.policy("requests", limit: 100), Self.key(.key))
        let tokens = RateCharge(Self.policy("tokens", limit: 1000, unit: .tokens), request.key, cost: 900)
        func left() async -> [Int] {
            var free = [request, tokens]
            for index in free.indices { free[index].cost = 0 }
            return await self.limiter.charge(free).standings.map(\.remaining)
        }
        let first = try #require(await self.limiter.charge([request, tokens]).reservation)
        #expect(await left() == [99, 100])
        #expect(await !self.limiter.charge([request, tokens]).isAllowed)
        await self.limiter.settle(first, actual: 50)
        #expect(await left() == [99, 950])
        let second = try #require(await self.limiter.charge([request, tokens]).reservation)
        await self.limiter.settle(second, actual: 1300)
        #expect(await left() == [98, 0])
        let denied = await self.limiter.charge([RateCharge(tokens.policy, tokens.key)])
        // A debt of 350 and the one that is asked for.
        let wait = try #require(denied.retryAfter)
        #expect(wait > .seconds(350 * 3600) && wait <= .seconds(351 * 3600))
    }

    func placesAreLimited() async throws {
        let pool = SlotPool("pool", key: Self.key(), limit: 2, life: .seconds(60))
        let slots = ["a", "b", "c"].map { RateSlot(pool: pool, holder: $0) }
        #expect(await self.limiter.occupy(slots[0]).isGranted)
        let second = await self.limiter.occupy(slots[1])
        #expect(second.isGranted && second.inUse == 2)
        let third = await self.limiter.occupy(slots[2])
        #expect(!third.isGranted && third.inUse == 2)
        #expect(third.freeAfter > .seconds(50) && third.freeAfter <= .seconds(60))
        #expect(await self.limiter.occupy(slots[1]).isGranted)
        await self.limiter.release(slots[0])
        await self.limiter.release(slots[0])
        #expect(await self.limiter.occupy(slots[2]).isGranted)
        #expect(await !self.limiter.occupy(slots[0]).isGranted)
    }

    func placesEndUnlessRenewed() async throws {
        let pool = SlotPool("ending", key: Self.key(), limit: 1, life: .milliseconds(60))
        let dead = RateSlot(pool: pool, holder: "dead")
        let next = RateSlot(pool: pool, holder: "next")
        #expect(await self.limiter.occupy(dead).isGranted)
        while case let decision = await self.limiter.occupy(next), !decision.isGranted {
            try await Task.sleep(for: decision.freeAfter)
        }
        // One that is renewed stays, even where it had been forgotten.
        var kept = dead
        kept.pool.life = .seconds(60)
        await self.limiter.renew([kept])
        await self.limiter.release(next)
        #expect(await !self.limiter.occupy(RateSlot(pool: pool, holder: "other")).isGranted)
    }

    func concurrentChargesAreExact() async throws {
        let charge = RateCharge(Self.policy("crowd", limit: 100), Self.key())
        let allowed = await withTaskGroup(of: Int.self) { group in
            for _ in 0..<16 {
                group.addTask {
                    var allowed = 0
                    for _ in 0..<20 where await self.limiter.charge([charge]).isAllowed { allowed += 1 }
                    return allowed
                }
            }
            return await group.reduce(0, +)
        }
        #expect(allowed == 100)
    }

    /// Everything above, by its sentence.
    static let sentences: [(sentence: String, check: @Sendable (RateLimiterContract) async throws -> Void)] = [
        ("a key counts down and is denied with the time to wait", { try await $0.countsDownAndDenies() }),
        ("all keys of a request are charged or none", { try await $0.takesAllOrNothing() }),
        ("a key refills in time", { try await $0.refillsInTime() }),
        ("what is above the burst is never let through, nothing always is", { try await $0.refusesWhatNeverFits() }),
        ("tokens are reserved and settled, requests stay charged", { try await $0.settlesTokens() }),
        ("a pool has so many places, and the same holder one", { try await $0.placesAreLimited() }),
        ("a place ends unless it is renewed", { try await $0.placesEndUnlessRenewed() }),
        ("a crowd gets exactly the limit", { try await $0.concurrentChargesAreExact() }),
    ]
}
