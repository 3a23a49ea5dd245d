//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCore
import Synchronization

/// Those who wait for something to be heard of a kind of job. What is heard between a look and the wait is not missed,
/// since each kind's news are counted.
final class JobNews: Sendable {
    private struct State {
        var counts: [JobKind: UInt64] = [:]
        var waiters: [UInt64: (kinds: Set<JobKind>, continuation: CheckedContinuation<Void, Never>)] = [:]
        var lastWaiter: UInt64 = 0
    }

    private let state = Mutex(State())

    /// How much was heard of each of these kinds.
    func heard(of kinds: some Sequence<JobKind>) -> [JobKind: UInt64] {
        self.state.withLock { state in
            kinds.reduce(into: [:]) { $0[$1] = state.counts[$1, default: 0] }
        }
    }

    /// Wakes those who wait for one of these kinds.
    func tell(of kinds: some Sequence<JobKind>) {
        let kinds = Set(kinds)
        let woken = self.state.withLock { state -> [CheckedContinuation<Void, Never>] in
            for kind in kinds { state.counts[kind, default: 0] += 1 }
            let ids = state.waiters.filter { !$0.value.kinds.isDisjoint(with: kinds) }.keys
            return ids.compactMap { state.waiters.removeValue(forKey: $0)?.continuation }
        }
        for continuation in woken { continuation.resume() }
    }

    /// Returns when more was heard than this, when the time is over, or when the task is cancelled.
    func wait(beyond heard: [JobKind: UInt64], atMost: Duration) async {
        guard atMost > .zero else { return }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.wait(beyond: heard) }
            group.addTask { try? await Task.sleep(for: atMost) }
            await group.next()
            group.cancelAll()
        }
    }

    private func wait(beyond heard: [JobKind: UInt64]) async {
        let id = self.state.withLock { state in
            state.lastWaiter += 1
            return state.lastWaiter
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let mustWait = self.state.withLock { state in
                    guard !Task.isCancelled, heard.allSatisfy({ state.counts[$0.key, default: 0] == $0.value }) else {
                        return false
                    }
                    state.waiters[id] = (Set(heard.keys), continuation)
                    return true
                }
                if !mustWait { continuation.resume() }
            }
        } onCancel: {
            self.state.withLock { $0.waiters.removeValue(forKey: id) }?.continuation.resume()
        }
    }
}
