//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
public import ParleyCore

/// The generic cell rate algorithm as a pure value: a token bucket that is kept as one time.
///
/// The state of a key is the time at which its bucket is full again, the *theoretical arrival time* of ITU-T I.371
/// (annex A). Taking `cost` units moves it by `cost × window ÷ limit`; a request is let through when it is then at most
/// `burst × window ÷ limit` ahead of now. All times are whole microseconds below 2^53, so that a script in Redis, whose
/// numbers are doubles, computes the same. A cost is rounded down to a microsecond, so a whole burst of single units is
/// always let through; what that gives away is less than a microsecond for each charge.
public struct GCRA: Hashable, Sendable {
    /// What becomes of a charge.
    public enum Outcome: Hashable, Sendable {
        /// How far ahead of now the key is afterwards.
        case allowed(aheadUs: Int64)
        case denied(retryAfterUs: Int64)
        /// The cost is above the burst: no wait helps.
        case never
    }

    /// The longest time that is computed with: 35 years.
    static let longestUs: Int64 = 1 << 50

    private let limit: UInt64
    private let windowUs: UInt64
    private let burst: Int
    /// How far a key may be ahead of now.
    public let toleranceUs: Int64

    public init(_ policy: RatePolicy) {
        self.limit = UInt64(policy.limit)
        self.windowUs = UInt64(min(max(1, policy.window.microseconds), Self.longestUs))
        self.burst = policy.burst
        self.toleranceUs = max(
            1, Self.scaled(UInt64(policy.burst), times: self.windowUs, over: self.limit))
    }

    /// How far a charge moves a key: `cost × window ÷ limit`, at least a microsecond for a cost above zero.
    public func incrementUs(cost: Int) -> Int64 {
        guard cost > 0 else { return 0 }
        return max(1, Self.scaled(UInt64(cost), times: self.windowUs, over: self.limit))
    }

    /// How far the key is ahead of now. One that is further ahead than debt can bring it was written by a clock that
    /// has jumped back since, and is believed only so far.
    public func aheadUs(fullAtUs: Int64?, nowUs: Int64) -> Int64 {
        guard let fullAtUs else { return 0 }
        return min(max(0, fullAtUs - nowUs), 2 * self.toleranceUs)
    }

    /// Decides about a charge of a key that is `aheadUs` ahead of now.
    public func charge(cost: Int, aheadUs: Int64) -> Outcome {
        let increment = self.incrementUs(cost: cost)
        guard increment <= self.toleranceUs else { return .never }
        let after = aheadUs + increment
        guard after > self.toleranceUs, cost > 0 else { return .allowed(aheadUs: after) }
        return .denied(retryAfterUs: after - self.toleranceUs)
    }

    /// The largest cost that would be let through now.
    public func remaining(aheadUs: Int64) -> Int {
        let room = self.toleranceUs - aheadUs
        guard room > 0 else { return 0 }
        // The largest cost whose increment, rounded down, fits: cost × window < (room + 1) × limit.
        let (high, low) = UInt64(room + 1).multipliedFullWidth(by: self.limit)
        let (lowest, borrows) = low.subtractingReportingOverflow(1)
        let highest = borrows ? high - 1 : high
        guard highest < self.windowUs else { return self.burst }
        let units = self.windowUs.dividingFullWidth((highest, lowest)).quotient
        return Int(min(units, UInt64(self.burst)))
    }

    /// Where the key stands after a reservation was settled by what was used.
    ///
    /// Giving back all of the difference would be too much when the bucket was full in between: what the reservation
    /// had taken was then there again. It is at least as far ahead as since the reservation of `fullAtUs - now`, so
    /// giving back no more than that never lets through more than if the actual cost had been charged at first.
    ///
    /// - Parameters:
    ///   - fullAtUs: the key's state now; `nil` when it has none.
    ///   - reservedUntilUs: the key's state right after the reservation.
    /// - Returns: `nil` when there is nothing to change.
    public func settled(
        fullAtUs: Int64?, nowUs: Int64, reserved: Int, actual: Int, reservedUntilUs: Int64
    ) -> Int64? {
        let correction = self.correctionUs(reserved: reserved, actual: actual)
        if correction < 0 {
            guard let fullAtUs, fullAtUs > nowUs else { return nil }
            let back = min(-correction, max(0, reservedUntilUs - nowUs))
            return back > 0 ? fullAtUs - back : nil
        }
        guard correction > 0 else { return nil }
        let ahead = self.aheadUs(fullAtUs: fullAtUs, nowUs: nowUs)
        return nowUs + min(ahead + correction, 2 * self.toleranceUs)
    }

    /// What a settlement moves a key by, before it is bounded: below zero to give back.
    public func correctionUs(reserved: Int, actual: Int) -> Int64 {
        self.incrementUs(cost: actual) - self.incrementUs(cost: reserved)
    }

    /// `a × b ÷ c`, rounded down, at most ``longestUs``.
    private static func scaled(_ a: UInt64, times b: UInt64, over c: UInt64) -> Int64 {
        let (high, low) = a.multipliedFullWidth(by: b)
        guard high < c else { return Self.longestUs }
        return Int64(min(c.dividingFullWidth((high, low)).quotient, UInt64(Self.longestUs)))
    }
}

extension GCRA {
    /// How a charge's key stands.
    ///
    /// - Parameters:
    ///   - aheadUs: how far the key is ahead of now: after the charge when everything was allowed, else before it.
    func standing(of charge: RateCharge, aheadUs: Int64, isAllowed: Bool) -> RateDecision.Standing {
        var isExceeded = false
        var retryAfter: Duration?
        if !isAllowed {
            switch self.charge(cost: charge.cost, aheadUs: aheadUs) {
            case .allowed: break
            case .denied(let waitUs):
                isExceeded = true
                retryAfter = .microseconds(waitUs)
            case .never: isExceeded = true
            }
        }
        return RateDecision.Standing(
            charge: charge, isExceeded: isExceeded, remaining: self.remaining(aheadUs: aheadUs),
            resetAfter: .microseconds(aheadUs), retryAfter: retryAfter)
    }
}

extension Duration {
    /// Whole microseconds, rounded down; at most 2^53.
    var microseconds: Int64 {
        let (seconds, attoseconds) = self.components
        guard seconds < 1 << 33 else { return 1 << 53 }
        return seconds * 1_000_000 + attoseconds / 1_000_000_000_000
    }
}
