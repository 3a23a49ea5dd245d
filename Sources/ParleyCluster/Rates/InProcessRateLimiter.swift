//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
public import ParleyCore
import Synchronization

/// The limits of a single node, in memory. A restart forgets what was used.
public final class InProcessRateLimiter<C: Clock>: RateLimiter where C.Duration == Duration, C.Instant: Sendable {
    private struct State: Sendable {
        var ledger: RateLedger
        var slots = SlotTable()
        var sweepAtUs: Int64 = 0
    }

    private let clock: C
    private let origin: C.Instant
    private let state: Mutex<State>

    /// - Parameter keysPerPolicy: as in ``RateLedger/init(keysPerPolicy:)``.
    public init(clock: C = ContinuousClock(), keysPerPolicy: Int = ClusterLimits.ratedKeysPerPolicy) {
        self.clock = clock
        self.origin = clock.now
        self.state = Mutex(State(ledger: RateLedger(keysPerPolicy: keysPerPolicy)))
    }

    public func charge(_ charges: [RateCharge]) async -> RateDecision {
        let nowUs = self.nowUs
        return self.state.withLock { $0.ledger.charge(charges, nowUs: nowUs) }
    }

    public func settle(_ reservation: RateReservation, actual: Int) async {
        let nowUs = self.nowUs
        self.state.withLock { $0.ledger.settle(reservation, actual: actual, nowUs: nowUs) }
    }

    public func occupy(_ slot: RateSlot) async -> SlotDecision {
        let nowUs = self.nowUs
        return self.state.withLock { state in
            if nowUs >= state.sweepAtUs {
                state.sweepAtUs = nowUs + ClusterLimits.slotSweepInterval.microseconds
                state.slots.sweep(nowUs: nowUs)
            }
            return state.slots.occupy(slot, nowUs: nowUs)
        }
    }

    public func renew(_ slots: [RateSlot]) async {
        let nowUs = self.nowUs
        self.state.withLock { state in
            for slot in slots { state.slots.renew(slot, nowUs: nowUs) }
        }
    }

    public func release(_ slot: RateSlot) async {
        self.state.withLock { $0.slots.release(slot) }
    }

    private var nowUs: Int64 { self.origin.duration(to: self.clock.now).microseconds }
}
