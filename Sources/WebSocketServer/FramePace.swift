//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import NIOCore

/// How fast frames may come: the generic cell rate algorithm, a token bucket that needs one instant only.
struct FramePace {
    private let interval: TimeAmount
    private let tolerance: TimeAmount
    private var theoretical: NIODeadline

    init(burst: Int, perSecond: Int, now: NIODeadline) {
        self.interval = .nanoseconds(1_000_000_000 / Int64(max(1, perSecond)))
        self.tolerance = .nanoseconds(self.interval.nanoseconds * Int64(max(0, burst - 1)))
        self.theoretical = now
    }

    /// Counts a frame. False when it comes too soon.
    mutating func allows(_ now: NIODeadline) -> Bool {
        let start = max(self.theoretical, now)
        guard start - now <= self.tolerance else { return false }
        self.theoretical = start + self.interval
        return true
    }
}
