//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
public import ParleyCore

/// The buckets of one node's memory, as a pure value. Times are microseconds of one clock that never goes back.
public struct RateLedger: Sendable {
    /// The buckets of one policy: when each is full again.
    private struct Buckets {
        var fullAtUs: [RateKey: Int64] = [:]
        /// No use in looking for full buckets before.
        var sweepAtUs: Int64 = 0

        /// Makes room for a key by forgetting the buckets that are full again.
        ///
        /// - Returns: false when there is none.
        mutating func makeRoom(limit: Int, nowUs: Int64) -> Bool {
            guard self.fullAtUs.count >= limit else { return true }
            guard nowUs >= self.sweepAtUs else { return false }
            self.sweepAtUs = nowUs + ClusterLimits.ledgerSweepInterval.microseconds
            self.fullAtUs = self.fullAtUs.filter { $0.value > nowUs }
            return self.fullAtUs.count < limit
        }
    }

    private var buckets: [String: Buckets] = [:]
    private let keysPerPolicy: Int

    /// - Parameter keysPerPolicy: buckets of one policy. When they are full of keys in use, a policy that is closed
    ///   without the shared store lets nobody new in, and the others do not count new keys.
    public init(keysPerPolicy: Int = ClusterLimits.ratedKeysPerPolicy) {
        self.keysPerPolicy = keysPerPolicy
    }

    /// Takes all charges or none.
    public mutating func charge(_ charges: [RateCharge], nowUs: Int64) -> RateDecision {
        var aheads: [Int64] = []
        var isAllowed = true
        for charge in charges {
            let gcra = GCRA(charge.policy)
            let ahead = self.aheadUs(of: charge, gcra: gcra, nowUs: nowUs)
            aheads.append(ahead)
            if case .allowed = gcra.charge(cost: charge.cost, aheadUs: ahead) { continue }
            isAllowed = false
        }
        var entries: [RateReservation.Entry] = []
        if isAllowed {
            for (index, charge) in charges.enumerated() {
                aheads[index] += GCRA(charge.policy).incrementUs(cost: charge.cost)
                let fullAtUs = nowUs + aheads[index]
                self.keep(charge, fullAtUs: fullAtUs)
                entries.append(RateReservation.Entry(charge: charge, fullAtUs: fullAtUs))
            }
        }
        let standings = zip(charges, aheads).map { charge, ahead in
            GCRA(charge.policy).standing(of: charge, aheadUs: ahead, isAllowed: isAllowed)
        }
        return RateDecision(
            isAllowed: isAllowed, standings: standings, source: .shared,
            reservation: isAllowed ? RateReservation(entries: entries, source: .shared) : nil)
    }

    /// Corrects what a reservation took.
    public mutating func settle(_ reservation: RateReservation, actual: Int, nowUs: Int64) {
        for entry in reservation.entries {
            let charge = entry.charge
            let settled = GCRA(charge.policy).settled(
                fullAtUs: self.buckets[charge.policy.name]?.fullAtUs[charge.key], nowUs: nowUs,
                reserved: charge.cost, actual: max(0, actual), reservedUntilUs: entry.fullAtUs)
            if let settled { self.keep(charge, fullAtUs: settled) }
        }
    }

    /// Buckets that are kept, full ones among them until the next sweep.
    public var count: Int { self.buckets.values.reduce(0) { $0 + $1.fullAtUs.count } }

    private mutating func aheadUs(of charge: RateCharge, gcra: GCRA, nowUs: Int64) -> Int64 {
        let name = charge.policy.name
        if let fullAtUs = self.buckets[name]?.fullAtUs[charge.key] {
            return gcra.aheadUs(fullAtUs: fullAtUs, nowUs: nowUs)
        }
        let hasRoom = self.buckets[name, default: Buckets()].makeRoom(limit: self.keysPerPolicy, nowUs: nowUs)
        guard !hasRoom, case .closed = charge.policy.fallback else { return 0 }
        return gcra.toleranceUs
    }

    private mutating func keep(_ charge: RateCharge, fullAtUs: Int64) {
        let name = charge.policy.name
        guard
            self.buckets[name]?.fullAtUs[charge.key] != nil
                || self.buckets[name, default: Buckets()].fullAtUs.count < self.keysPerPolicy
        else { return }
        self.buckets[name, default: Buckets()].fullAtUs[charge.key] = fullAtUs
    }
}
