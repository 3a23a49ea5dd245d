//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import DequeModule
import Synchronization

/// Lets a limited number of requests run at once; the rest wait in a bounded queue, first come first served.
///
/// The decisions are ``GateState``; this class only wakes those whose turn it is.
final class RequestGate: Sendable {
    enum Outcome: Hashable, Sendable {
        /// A place is held; give it back with ``RequestGate/release()``.
        case entered
        /// The queue is full.
        case full
        /// The wait reached its deadline.
        case timedOut
        case cancelled
    }

    private struct Shared {
        var gate: GateState
        var waiters: [Int: CheckedContinuation<Outcome, Never>] = [:]
        /// Decided before the waiter had its continuation.
        var early: [Int: Outcome] = [:]
    }

    private let shared: Mutex<Shared>

    /// - Parameters:
    ///   - limit: how many may be inside at once.
    ///   - queueLimit: how many may wait.
    init(limit: Int, queueLimit: Int) {
        self.shared = Mutex(Shared(gate: GateState(limit: limit, queueLimit: queueLimit)))
    }

    /// How many are inside.
    var running: Int { self.shared.withLock { $0.gate.running } }
    /// How many wait.
    var waiting: Int { self.shared.withLock { $0.gate.waiting } }
    /// Whether a newcomer enters at once.
    var hasRoom: Bool { self.shared.withLock { $0.gate.hasRoom } }

    /// Enters, or waits for at most `patience` to do so.
    func enter(patience: Duration) async -> Outcome {
        let decision = self.shared.withLock { $0.gate.enter() }
        switch decision {
        case .entered: return .entered
        case .full: return .full
        case .queued(let number): return await self.wait(number, patience: patience)
        }
    }

    /// Gives a place back; the longest waiter takes it.
    func release() {
        let waiter: CheckedContinuation<Outcome, Never>? = self.shared.withLock { shared in
            guard let number = shared.gate.release() else { return nil }
            guard let waiter = shared.waiters.removeValue(forKey: number) else {
                shared.early[number] = .entered
                return nil
            }
            return waiter
        }
        waiter?.resume(returning: .entered)
    }

    private func wait(_ number: Int, patience: Duration) async -> Outcome {
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                try? await Task.sleep(for: patience)
                self.leave(number, as: Task.isCancelled ? .cancelled : .timedOut)
            }
            let outcome = await withTaskCancellationHandler {
                await withCheckedContinuation { continuation in
                    let early = self.shared.withLock { shared in
                        if let outcome = shared.early.removeValue(forKey: number) { return outcome as Outcome? }
                        shared.waiters[number] = continuation
                        return nil
                    }
                    if let early { continuation.resume(returning: early) }
                }
            } onCancel: {
                self.leave(number, as: .cancelled)
            }
            group.cancelAll()
            return outcome
        }
    }

    /// Takes a waiter out of the queue; one that has entered meanwhile stays in.
    private func leave(_ number: Int, as outcome: Outcome) {
        let waiter: CheckedContinuation<Outcome, Never>? = self.shared.withLock { shared in
            guard shared.gate.leave(number) else { return nil }
            guard let waiter = shared.waiters.removeValue(forKey: number) else {
                shared.early[number] = outcome
                return nil
            }
            return waiter
        }
        waiter?.resume(returning: outcome)
    }
}

/// Who is inside a gate and who waits. A pure value.
struct GateState: Sendable {
    enum Decision: Hashable, Sendable {
        case entered
        /// The number stands for the waiter.
        case queued(Int)
        case full
    }

    let limit: Int
    let queueLimit: Int
    private(set) var running = 0
    private var queue: Deque<Int> = []
    private var nextNumber = 0

    init(limit: Int, queueLimit: Int) {
        self.limit = max(1, limit)
        self.queueLimit = max(0, queueLimit)
    }

    var waiting: Int { self.queue.count }
    var hasRoom: Bool { self.running < self.limit }

    mutating func enter() -> Decision {
        if self.hasRoom {
            self.running += 1
            return .entered
        }
        guard self.queue.count < self.queueLimit else { return .full }
        self.nextNumber += 1
        self.queue.append(self.nextNumber)
        return .queued(self.nextNumber)
    }

    /// One goes out; gives the waiter that enters in its place.
    mutating func release() -> Int? {
        precondition(self.running > 0, "a place was given back twice")
        if let next = self.queue.popFirst() { return next }
        self.running -= 1
        return nil
    }

    /// A waiter gives up; `false` when it was no longer in the queue.
    mutating func leave(_ number: Int) -> Bool {
        guard let index = self.queue.firstIndex(of: number) else { return false }
        self.queue.remove(at: index)
        return true
    }
}
