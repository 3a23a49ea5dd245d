//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Dispatch
import ParleyCore
import Synchronization

/// Lets callers go whose deadline has passed while their work waits in a lane or runs.
///
/// It looks every ``StoreLimits/sweepInterval`` as long as there is work, and rests otherwise.
final class DeadlineWatch: Sendable {
    private let timer: DispatchQueue
    private let isScheduled = Mutex(false)

    init(timer: DispatchQueue) {
        self.timer = timer
    }

    /// Begins to look, unless it does already. To be called after work was added.
    ///
    /// - Parameter waiting: all work of the lane, queued and running.
    func watch(_ waiting: @escaping @Sendable () -> [any StoreWork]) {
        let isFirst = self.isScheduled.withLock { isScheduled in
            defer { isScheduled = true }
            return !isScheduled
        }
        guard isFirst else { return }
        self.timer.asyncAfter(deadline: .now() + StoreLimits.sweepInterval.inSeconds) {
            // Before the look: work that is added after it schedules the next one.
            self.isScheduled.withLock { $0 = false }
            let works = waiting()
            let now = ContinuousClock.now
            for work in works {
                _ = work.isWaiting(at: now)
            }
            if !works.isEmpty { self.watch(waiting) }
        }
    }
}
