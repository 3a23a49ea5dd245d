//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
public import ParleyCore
import Synchronization

/// A cache of one node, in memory: bounded in bytes, and what was not used for the longest time goes first.
public final class InProcessCache<C: Clock>: CacheStore where C.Duration == Duration, C.Instant: Sendable {
    private struct Kept: Sendable {
        var value: [UInt8]
        var generations: [String]
        var end: C.Instant
    }

    private struct State: Sendable {
        var values: RecencyTable<CacheKey, Kept>
        var tags: [String: UInt64] = [:]
        /// The generation of every tag that is not in the table.
        var floor: UInt64 = 0
        var lastGeneration: UInt64 = 0

        func generations(of key: CacheKey) -> [String] {
            key.tags.map { String(self.tags[$0] ?? self.floor) }
        }
    }

    private let clock: C
    private let state: Mutex<State>

    /// - Parameter bytes: of names and values together.
    public init(bytes: Int = ClusterLimits.cacheBytes, clock: C = ContinuousClock()) {
        self.clock = clock
        self.state = Mutex(State(values: RecencyTable(weight: bytes)))
    }

    /// Never busy: those who wait for each other in one process do so in ``SharedCache``.
    public func look(_ key: CacheKey, toMake: Bool) async -> CacheLook {
        guard key.isKept else { return .absent(nil) }
        let now = self.clock.now
        return self.state.withLock { state in
            let generations = state.generations(of: key)
            if let kept = state.values.use(key) {
                if kept.end > now, kept.generations == generations { return .found(kept.value) }
                state.values.remove(key)
            }
            return .absent(CacheTicket(generations: generations, token: ""))
        }
    }

    public func put(_ value: [UInt8], for key: CacheKey, life: Duration, ticket: CacheTicket) async -> Bool {
        let end = self.clock.now.advanced(by: min(life, CoreLimits.cacheLife))
        return self.state.withLock { state in
            guard state.generations(of: key) == ticket.generations else { return false }
            guard value.count <= CoreLimits.cacheValueBytes else { return true }
            let weight = value.count + key.name.utf8.count + ClusterLimits.cacheEntryBytes
            state.values.set(key, Kept(value: value, generations: ticket.generations, end: end), weight: weight)
            return true
        }
    }

    public func giveUp(_ key: CacheKey, ticket: CacheTicket) async {}

    public func invalidate(tag: String) async throws(ClusterError) {
        self.state.withLock { state in
            state.lastGeneration += 1
            if state.tags.count >= ClusterLimits.cacheTags, state.tags[tag] == nil {
                // Too many to remember: everything is void, and all tags begin anew.
                state.tags = [:]
                state.floor = state.lastGeneration
            } else {
                state.tags[tag] = state.lastGeneration
            }
        }
    }
}

extension CacheKey {
    /// Whether a value with this key is kept at all.
    var isKept: Bool {
        self.name.utf8.count <= CoreLimits.cacheKeyBytes && self.tags.count <= CoreLimits.cacheTags
            && self.tags.allSatisfy { $0.utf8.count <= CoreLimits.cacheKeyBytes }
    }
}
