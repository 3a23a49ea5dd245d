//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCore
import Synchronization

/// Those on this node who wait for something to happen to a turn.
///
/// A wait ends when the turn is woken, at its deadline, or with its task. Deadlines are looked at by
/// ``endDue(now:)``, which somebody must call now and then.
final class TurnWaits<Instant: InstantProtocol & Sendable>: Sendable {
    private struct Waiter {
        var turnID: TurnID
        var deadline: Instant
        var continuation: CheckedContinuation<Void, Never>
    }

    private struct State: Sendable {
        var waiters: [UInt64: Waiter] = [:]
        var byTurn: [TurnID: Set<UInt64>] = [:]
        var next: UInt64 = 0

        mutating func remove(_ id: UInt64) -> Waiter? {
            guard let waiter = self.waiters.removeValue(forKey: id) else { return nil }
            self.byTurn[waiter.turnID]?.remove(id)
            if self.byTurn[waiter.turnID]?.isEmpty == true {
                self.byTurn[waiter.turnID] = nil
            }
            return waiter
        }
    }

    private let state = Mutex(State())

    /// - Parameter isOver: whether what is waited for has happened already; asked once the wait is known to whoever
    ///   wakes, so that nothing falls between.
    func wait(for turn: TurnID, until deadline: Instant, unless isOver: @Sendable () -> Bool) async {
        let id = self.state.withLock { state in
            state.next += 1
            return state.next
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let waits = self.state.withLock { state in
                    guard !Task.isCancelled else { return false }
                    state.waiters[id] = Waiter(turnID: turn, deadline: deadline, continuation: continuation)
                    state.byTurn[turn, default: []].insert(id)
                    return true
                }
                if !waits {
                    continuation.resume()
                } else if isOver() {
                    self.end(id)
                }
            }
        } onCancel: {
            self.end(id)
        }
    }

    func wake(_ turn: TurnID) {
        let woken = self.state.withLock { state in
            (state.byTurn.removeValue(forKey: turn) ?? []).compactMap { state.waiters.removeValue(forKey: $0) }
        }
        for waiter in woken {
            waiter.continuation.resume()
        }
    }

    /// Whether anybody waits for the turn.
    func hasWaiters(_ turn: TurnID) -> Bool {
        self.state.withLock { $0.byTurn[turn] != nil }
    }

    func endDue(now: Instant) {
        let due = self.state.withLock { state in
            state.waiters.filter { $0.value.deadline <= now }.keys.compactMap { state.remove($0) }
        }
        for waiter in due {
            waiter.continuation.resume()
        }
    }

    private func end(_ id: UInt64) {
        self.state.withLock { $0.remove(id) }?.continuation.resume()
    }
}
