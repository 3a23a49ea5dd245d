//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
public import ParleyCore
import Synchronization

/// Memories, settings and summaries that live as long as the object, for tests.
public final class InMemoryMemoryStore: MemoryStore {
    private struct State: Sendable {
        var memories: [Memory] = []
        var settings: [UserID: MemorySettings] = [:]
        var summaries: [(owner: UserID, summary: ConversationSummary)] = []
    }

    private let state = Mutex(State())
    private let ancestors: @Sendable (MessageID, UserID) async -> [MessageID]

    /// - Parameter ancestors: the branch that leads to a message, oldest first; by it a summary is found.
    public init(ancestors: @escaping @Sendable (MessageID, UserID) async -> [MessageID] = { message, _ in [message] }) {
        self.ancestors = ancestors
    }

    public func memories(of owner: UserID) async throws(StoreError) -> [Memory] {
        self.state.withLock { $0.memories.filter { $0.ownerID == owner } }
    }

    public func add(_ memory: Memory) async throws(StoreError) {
        let isAdded = self.state.withLock { state in
            let count = state.memories.count { $0.ownerID == memory.ownerID }
            guard count < CoreLimits.memoriesPerUser, !state.memories.contains(where: { $0.id == memory.id }) else {
                return false
            }
            state.memories.append(memory)
            return true
        }
        guard isAdded else { throw StoreError(.conflict, "taken") }
    }

    public func changeMemory(
        _ id: MemoryID, owner: UserID, text: String, at time: Timestamp
    ) async throws(StoreError) -> Memory {
        let changed = self.state.withLock { state -> Memory? in
            guard let place = state.memories.firstIndex(where: { $0.id == id && $0.ownerID == owner }) else {
                return nil
            }
            state.memories[place].text = text
            state.memories[place].updatedAt = time
            return state.memories[place]
        }
        guard let changed else { throw StoreError(.notFound, "There is no such memory.") }
        return changed
    }

    public func deleteMemory(_ id: MemoryID, owner: UserID) async throws(StoreError) {
        let isGone = self.state.withLock { state in
            let before = state.memories.count
            state.memories.removeAll { $0.id == id && $0.ownerID == owner }
            return state.memories.count < before
        }
        guard isGone else { throw StoreError(.notFound, "There is no such memory.") }
    }

    public func deleteMemories(of owner: UserID) async throws(StoreError) {
        self.state.withLock { $0.memories.removeAll { $0.ownerID == owner } }
    }

    public func memorySettings(of owner: UserID) async throws(StoreError) -> MemorySettings {
        self.state.withLock { $0.settings[owner] ?? MemorySettings() }
    }

    public func save(_ settings: MemorySettings, owner: UserID) async throws(StoreError) {
        self.state.withLock { $0.settings[owner] = settings }
    }

    public func summary(before message: MessageID, owner: UserID) async throws(StoreError) -> ConversationSummary? {
        let branch = await self.ancestors(message, owner)
        return self.state.withLock { state in
            for id in branch.reversed() {
                if let found = state.summaries.last(where: { $0.owner == owner && $0.summary.messageID == id }) {
                    return found.summary
                }
            }
            return nil
        }
    }

    public func save(_ summary: ConversationSummary, owner: UserID) async throws(StoreError) {
        self.state.withLock { $0.summaries.append((owner, summary)) }
    }

    /// How many summaries were saved.
    public var summaryCount: Int {
        self.state.withLock { $0.summaries.count }
    }
}
