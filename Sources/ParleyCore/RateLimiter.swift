//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// How much everybody may use, over all nodes. Its implementations pass one contract test suite.
///
/// Nothing here throws: while what the nodes share is away, each decides alone by ``RatePolicy/Fallback``.
public protocol RateLimiter: Sendable {
    /// Takes all charges or none.
    func charge(_ charges: [RateCharge]) async -> RateDecision

    /// Corrects the tokens of a reservation to what was used. What was reserved too much is given back as far as it has
    /// not refilled already; what is missing is taken, also where that leaves the key in debt (by one burst at most).
    /// A reservation that is never settled, since its node died, costs its estimate.
    func settle(_ reservation: RateReservation, actual: Int) async

    /// Takes a place if one is free. The same slot again is granted and renewed.
    func occupy(_ slot: RateSlot) async -> SlotDecision

    /// Keeps places that were granted for another ``SlotPool/life``. One that the shared store has forgotten is put
    /// back.
    func renew(_ slots: [RateSlot]) async

    /// Gives a place back. One that is not held is no matter.
    func release(_ slot: RateSlot) async
}

/// How many things of one kind a key may have under way at once. A place lasts ``life`` unless it is renewed, so those
/// of a node that died come free by themselves.
public struct SlotPool: Hashable, Sendable {
    /// A short stable word of lower-case letters and hyphens.
    public var name: String
    public var key: RateKey
    /// Places, from 1.
    public var limit: Int
    public var life: Duration

    public init(_ name: String, key: RateKey, limit: Int, life: Duration) {
        self.name = name
        self.key = key
        self.limit = max(1, limit)
        self.life = max(.milliseconds(1), life)
    }

    /// The pool of one node alone while the shared store is away: its places divided by the nodes that live.
    public func alone(among nodes: Int) -> SlotPool {
        var pool = self
        pool.limit = max(1, self.limit / max(1, nodes))
        return pool
    }
}

/// One place in a pool, named by who holds it.
public struct RateSlot: Hashable, Sendable {
    public var pool: SlotPool
    /// Unique within the pool, such as an id.
    public var holder: String

    public init(pool: SlotPool, holder: String) {
        self.pool = pool
        self.holder = holder
    }
}

/// Whether a place was taken.
public struct SlotDecision: Hashable, Sendable {
    public var isGranted: Bool
    /// Places that are taken now, this one included.
    public var inUse: Int
    /// When the next place ends at the latest, if its holder does not renew it; zero when granted.
    public var freeAfter: Duration

    public init(isGranted: Bool, inUse: Int, freeAfter: Duration) {
        self.isGranted = isGranted
        self.inUse = inUse
        self.freeAfter = freeAfter
    }
}
