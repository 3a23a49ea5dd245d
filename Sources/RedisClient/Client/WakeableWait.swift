//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import NIOCore
import Synchronization

/// Tasks that wait for something to happen, each with a deadline.
final class WakeableWait: Sendable {
    /// How a wait ended.
    enum Outcome: Sendable {
        case woken
        case timedOut
        case cancelled
        /// Too many wait.
        case refused
    }

    private struct Waiter {
        var continuation: CheckedContinuation<Outcome, Never>
        var timer: Scheduled<Void>
    }

    private struct State {
        var waiters: [UInt64: Waiter] = [:]
        var next: UInt64 = 0
        /// Cancelled before they came to wait.
        var cancelled: Set<UInt64> = []
    }

    private let state = Mutex(State())
    private let eventLoop: any EventLoop
    private let maximum: Int

    init(eventLoop: any EventLoop, maximum: Int) {
        self.eventLoop = eventLoop
        self.maximum = maximum
    }

    /// Waits until woken, but not when `unless` holds at the start, which is looked at so that no waking is missed.
    func wait(atMost duration: Duration, unless isDone: () -> Bool = { false }) async -> Outcome {
        let id = self.state.withLock { state in
            state.next += 1
            return state.next
        }
        // A cancellation that came too late to end the wait must not be kept.
        defer { self.state.withLock { _ = $0.cancelled.remove(id) } }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let timer = self.eventLoop.scheduleTask(in: TimeAmount(duration)) {
                    self.end(id, .timedOut)
                }
                let refusal = self.state.withLock { state -> Outcome? in
                    if state.cancelled.remove(id) != nil { return .cancelled }
                    guard state.waiters.count < self.maximum else { return .refused }
                    state.waiters[id] = Waiter(continuation: continuation, timer: timer)
                    return nil
                }
                if let refusal {
                    timer.cancel()
                    continuation.resume(returning: refusal)
                } else if isDone() {
                    self.end(id, .woken)
                }
            }
        } onCancel: {
            self.cancel(id)
        }
    }

    /// Ends all waits.
    func wakeAll() {
        let waiters = self.state.withLock { state in
            defer { state.waiters = [:] }
            return state.waiters
        }
        for waiter in waiters.values { Self.resume(waiter, .woken) }
    }

    private func end(_ id: UInt64, _ outcome: Outcome) {
        let waiter = self.state.withLock { $0.waiters.removeValue(forKey: id) }
        if let waiter { Self.resume(waiter, outcome) }
    }

    private func cancel(_ id: UInt64) {
        let waiter = self.state.withLock { state -> Waiter? in
            if let waiter = state.waiters.removeValue(forKey: id) { return waiter }
            state.cancelled.insert(id)
            return nil
        }
        if let waiter { Self.resume(waiter, .cancelled) }
    }

    private static func resume(_ waiter: Waiter, _ outcome: Outcome) {
        waiter.timer.cancel()
        waiter.continuation.resume(returning: outcome)
    }
}
