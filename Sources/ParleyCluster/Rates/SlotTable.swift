//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
public import ParleyCore

/// The places that are taken in pools, in one node's memory, as a pure value. Times are microseconds of one clock.
public struct SlotTable: Sendable {
    private struct PoolID: Hashable {
        var name: String
        var key: RateKey

        init(_ pool: SlotPool) {
            self.name = pool.name
            self.key = pool.key
        }
    }

    /// When each holder's place ends. A pool without holders is not kept, so the table is as large as what is held.
    private var pools: [PoolID: [String: Int64]] = [:]

    public init() {}

    /// Takes a place if one is free; the same holder again is granted and renewed.
    public mutating func occupy(_ slot: RateSlot, nowUs: Int64) -> SlotDecision {
        let id = PoolID(slot.pool)
        var holders = (self.pools[id] ?? [:]).filter { $0.value > nowUs }
        let isGranted = holders[slot.holder] != nil || holders.count < slot.pool.limit
        if isGranted { holders[slot.holder] = nowUs + slot.pool.life.microseconds }
        self.pools[id] = holders.isEmpty ? nil : holders
        let freeAtUs = isGranted ? nowUs : holders.values.min() ?? nowUs
        return SlotDecision(
            isGranted: isGranted, inUse: holders.count, freeAfter: .microseconds(freeAtUs - nowUs))
    }

    /// Keeps a place that was granted, also where it was forgotten meanwhile.
    public mutating func renew(_ slot: RateSlot, nowUs: Int64) {
        self.pools[PoolID(slot.pool), default: [:]][slot.holder] = nowUs + slot.pool.life.microseconds
    }

    public mutating func release(_ slot: RateSlot) {
        let id = PoolID(slot.pool)
        self.pools[id]?[slot.holder] = nil
        if self.pools[id]?.isEmpty == true { self.pools[id] = nil }
    }

    /// Forgets places that have ended.
    public mutating func sweep(nowUs: Int64) {
        self.pools = self.pools.compactMapValues { holders in
            let held = holders.filter { $0.value > nowUs }
            return held.isEmpty ? nil : held
        }
    }

    /// Pools in which a place is kept.
    public var count: Int { self.pools.count }
}
