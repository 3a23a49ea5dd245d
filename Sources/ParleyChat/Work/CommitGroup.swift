//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Synchronization

/// Commits of many callers as one: what arrives while a commit is under way goes with the next.
///
/// There is no task of its own: the caller that finds nobody at it leads, for itself and those who wait, and then lets
/// one of those who came meanwhile lead. So nobody leads for longer than one commit.
final class CommitGroup<Item: Sendable, Outcome: Sendable>: Sendable {
    private enum Role {
        case lead
        case follow(Outcome)
    }

    private struct State {
        var waiting: [(item: Item, continuation: CheckedContinuation<Role, Never>)] = []
        var hasLeader = false
    }

    private let limit: Int
    private let commit: @Sendable ([Item]) async -> [Outcome]
    private let state = Mutex(State())

    /// - Parameters:
    ///   - limit: items in one commit.
    ///   - commit: gives one outcome for each item, in their order.
    init(limit: Int, commit: @escaping @Sendable ([Item]) async -> [Outcome]) {
        self.limit = limit
        self.commit = commit
    }

    /// Returns after the item was committed. It is never left behind, also when the task is cancelled.
    func submit(_ item: Item) async -> Outcome {
        let role = await withCheckedContinuation { continuation in
            let leads = self.state.withLock { state in
                guard state.hasLeader else {
                    state.hasLeader = true
                    return true
                }
                state.waiting.append((item, continuation))
                return false
            }
            if leads { continuation.resume(returning: .lead) }
        }
        switch role {
        case .follow(let outcome): return outcome
        case .lead: return await self.lead(item)
        }
    }

    private func lead(_ item: Item) async -> Outcome {
        // Those who are about to arrive come along.
        await Task.yield()
        let followers = self.state.withLock { state in
            let followers = state.waiting.prefix(self.limit - 1)
            state.waiting.removeFirst(followers.count)
            return Array(followers)
        }
        let outcomes = await self.commit([item] + followers.map(\.item))
        precondition(outcomes.count == followers.count + 1, "each item has an outcome")
        let next = self.state.withLock { state -> CheckedContinuation<Role, Never>? in
            state.hasLeader = !state.waiting.isEmpty
            return state.hasLeader ? state.waiting.removeFirst().continuation : nil
        }
        next?.resume(returning: .lead)
        for (follower, outcome) in zip(followers, outcomes.dropFirst()) {
            follower.continuation.resume(returning: .follow(outcome))
        }
        return outcomes[0]
    }
}
