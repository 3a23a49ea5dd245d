//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCluster
import ParleyCore
import SeededRandom
import Testing

/// A token bucket as the words define it: what is left is counted in parts of a unit, so that nothing is rounded.
private struct PlainBucket {
    let policy: RatePolicy
    let windowUs: Int
    /// What is left, in units times ``windowUs``.
    var level: Int
    var filledAtUs = 0

    init(_ policy: RatePolicy, windowUs: Int) {
        self.policy = policy
        self.windowUs = windowUs
        self.level = policy.burst * windowUs
    }

    mutating func take(_ cost: Int, at nowUs: Int) -> Bool {
        self.level = min(
            self.policy.burst * self.windowUs, self.level + (nowUs - self.filledAtUs) * self.policy.limit)
        self.filledAtUs = nowUs
        guard cost * self.windowUs <= self.level else { return false }
        self.level -= cost * self.windowUs
        return true
    }

    /// Microseconds until a cost would be let through.
    func wait(for cost: Int) -> Int {
        let missing = cost * self.windowUs - self.level
        return (missing + self.policy.limit - 1) / self.policy.limit
    }
}

/// A key that is charged by the algorithm alone.
private struct Key {
    let gcra: GCRA
    var fullAtUs: Int64?

    mutating func take(_ cost: Int, at nowUs: Int) -> GCRA.Outcome {
        let outcome = self.gcra.charge(cost: cost, aheadUs: self.aheadUs(at: nowUs))
        if case .allowed(let ahead) = outcome { self.fullAtUs = Int64(nowUs) + ahead }
        return outcome
    }

    func aheadUs(at nowUs: Int) -> Int64 { self.gcra.aheadUs(fullAtUs: self.fullAtUs, nowUs: Int64(nowUs)) }
}

@Suite("The generic cell rate algorithm")
struct GCRATests {
    private static func policy(limit: Int, windowUs: Int, burst: Int) -> RatePolicy {
        RatePolicy("p", limit: limit, window: .microseconds(windowUs), burst: burst, fallback: .divided)
    }

    @Test("decides, counts and waits exactly as a token bucket does", arguments: 0..<200)
    func equalsTheDefinition(seed: Int) {
        var random = SeededGenerator(seed: seed)
        let limit = Int.random(in: 1...500, using: &random)
        // A unit takes whole microseconds, so nothing is rounded.
        let windowUs = limit * Int.random(in: 1...100_000, using: &random)
        let burst = Int.random(in: 1...600, using: &random)
        let policy = Self.policy(limit: limit, windowUs: windowUs, burst: burst)
        var bucket = PlainBucket(policy, windowUs: windowUs)
        var key = Key(gcra: GCRA(policy))
        var nowUs = 0
        for _ in 0..<400 {
            nowUs += Int.random(in: 0...(2 * windowUs / limit), using: &random)
            let cost = Int.random(in: 1...3, using: &random) * Int.random(in: 1...max(1, burst / 3), using: &random)
            let isAllowed = bucket.take(cost, at: nowUs)
            switch key.take(cost, at: nowUs) {
            case .allowed: #expect(isAllowed)
            case .never: #expect(!isAllowed && cost > burst)
            case .denied(let wait): #expect(!isAllowed && Int(wait) == bucket.wait(for: cost))
            }
            #expect(key.gcra.remaining(aheadUs: key.aheadUs(at: nowUs)) == bucket.level / windowUs)
        }
    }

    @Test("lets a whole burst through in single units, whatever is rounded, and not one more", arguments: 0..<300)
    func wholeBurst(seed: Int) {
        var random = SeededGenerator(seed: seed)
        let limit = Int.random(in: 1...10_000, using: &random)
        let burst = Int.random(in: 1...2000, using: &random)
        let windowUs = Int.random(in: (limit * 1000)...(limit * 1000 + 86_400_000_000), using: &random)
        var key = Key(gcra: GCRA(Self.policy(limit: limit, windowUs: windowUs, burst: burst)))
        for taken in 0..<burst {
            #expect(key.gcra.remaining(aheadUs: key.aheadUs(at: 0)) >= burst - taken)
            guard case .allowed = key.take(1, at: 0) else {
                Issue.record("unit \(taken) of \(burst) is denied")
                return
            }
        }
        // What is rounded down is below a microsecond for each unit, and a unit takes a thousand at least.
        var extra = 0
        while case .allowed = key.take(1, at: 0) { extra += 1 }
        #expect(extra <= burst / 1000)
    }

    @Test("never lets more through than burst and refill, but for a microsecond each", arguments: 0..<100)
    func bounded(seed: Int) {
        var random = SeededGenerator(seed: seed)
        let limit = Int.random(in: 1...1_000_000, using: &random)
        let windowUs = Int.random(in: 1_000_000...3_600_000_000, using: &random)
        let burst = Int.random(in: 1...limit, using: &random)
        var key = Key(gcra: GCRA(Self.policy(limit: limit, windowUs: windowUs, burst: burst)))
        var nowUs = 0
        var taken = 0
        for charges in 1...500 {
            nowUs += Int.random(in: 0...(windowUs / 400), using: &random)
            let cost = Int.random(in: 1...burst, using: &random)
            guard case .allowed = key.take(cost, at: nowUs) else { continue }
            taken += cost
            let most = Double(burst) + Double(nowUs + charges + 1) * Double(limit) / Double(windowUs)
            #expect(Double(taken) <= most + 0.001)
        }
    }

    @Test("a settled reservation never lets more through than if the actual cost had been known", arguments: 0..<300)
    func settlement(seed: Int) {
        var random = SeededGenerator(seed: seed)
        let gcra = GCRA(Self.policy(limit: 1000, windowUs: 1_000_000, burst: 1000))
        var settled = Key(gcra: gcra)
        // What the key would be if every cost had been known at first.
        var known: Int64 = 0
        var open: [(cost: Int, actual: Int, untilUs: Int64, at: Int)] = []
        var nowUs = 0
        for _ in 0..<100 {
            nowUs += Int.random(in: 0...200_000, using: &random)
            if let next = open.first, Bool.random(using: &random) {
                open.removeFirst()
                let after = gcra.settled(
                    fullAtUs: settled.fullAtUs, nowUs: Int64(nowUs), reserved: next.cost, actual: next.actual,
                    reservedUntilUs: next.untilUs)
                settled.fullAtUs = after ?? settled.fullAtUs
            } else {
                let cost = Int.random(in: 1...400, using: &random)
                guard case .allowed = settled.take(cost, at: nowUs) else { continue }
                let actual = Int.random(in: 0...cost, using: &random)
                known = max(known, Int64(nowUs)) + gcra.incrementUs(cost: actual)
                open.append((cost, actual, settled.fullAtUs ?? 0, nowUs))
            }
            // What other reservations gave back in between is not known to one that is settled late.
            withKnownIssue("several open reservations may give back too much together", isIntermittent: true) {
                #expect(max(settled.fullAtUs ?? 0, Int64(nowUs)) >= known)
            }
        }
    }

    @Test("what is settled at once is as if the actual cost had been charged")
    func settlementAtOnce() {
        let gcra = GCRA(Self.policy(limit: 100, windowUs: 1_000_000, burst: 100))
        #expect(
            gcra.settled(fullAtUs: 900_000, nowUs: 0, reserved: 90, actual: 15, reservedUntilUs: 900_000) == 150_000)
        #expect(
            gcra.settled(fullAtUs: 100_000, nowUs: 0, reserved: 10, actual: 30, reservedUntilUs: 100_000) == 300_000)
        // What was used beyond all bounds leaves a debt of one burst, no more.
        #expect(
            gcra.settled(fullAtUs: 100_000, nowUs: 0, reserved: 10, actual: 9000, reservedUntilUs: 100_000)
                == 2_000_000)
        #expect(gcra.settled(fullAtUs: nil, nowUs: 5, reserved: 10, actual: 1, reservedUntilUs: 7) == nil)
    }

    @Test("a clock that jumped back denies for two bursts' time at most")
    func clockJump() {
        let gcra = GCRA(Self.policy(limit: 10, windowUs: 1_000_000, burst: 10))
        let ahead = gcra.aheadUs(fullAtUs: 3_600_000_000, nowUs: 0)
        #expect(ahead == 2_000_000)
        #expect(gcra.charge(cost: 1, aheadUs: ahead) == .denied(retryAfterUs: 1_100_000))
    }

    @Test("the largest values neither trap nor turn negative")
    func extremes() {
        let windows = [Duration.milliseconds(1), .seconds(Int64.max / 2)]
        for (limit, window) in [1, Int.max].flatMap({ limit in windows.map { (limit, $0) } }) {
            let gcra = GCRA(RatePolicy("p", limit: limit, window: window, burst: Int.max, fallback: .divided))
            for cost in [0, 1, Int.max] {
                #expect(gcra.incrementUs(cost: cost) >= 0)
                #expect(gcra.remaining(aheadUs: gcra.aheadUs(fullAtUs: 1 << 52, nowUs: 0)) >= 0)
                _ = gcra.charge(cost: cost, aheadUs: 0)
            }
        }
    }
}
