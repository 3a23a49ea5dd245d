//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// What is asked of a cache: one value, and what it depends on.
public struct CacheKey: Hashable, Sendable {
    /// At most `CoreLimits.cacheKeyBytes` bytes of UTF-8; what has a longer name is not kept. A name that holds what
    /// a person wrote should be a digest, since others can read the cache.
    public var name: String
    /// What makes the value void when it is invalidated; at most `CoreLimits.cacheTags`.
    public var tags: [String]

    public init(_ name: String, tags: [String] = []) {
        self.name = name
        self.tags = tags
    }
}

/// The right to put down a value that was made since the ticket was given.
public struct CacheTicket: Hashable, Sendable {
    /// The generation of each tag when the ticket was given. A value whose tags moved on since is void.
    public var generations: [String]
    /// Names the one who makes the value, while others wait for it; empty when nobody waits.
    public var token: String

    public init(generations: [String], token: String) {
        self.generations = generations
        self.token = token
    }
}

/// What a look into a cache found.
public enum CacheLook: Hashable, Sendable {
    case found([UInt8])
    /// Nothing. `nil` as a ticket means that nothing can be put down either, as when the cache is away.
    case absent(CacheTicket?)
    /// Another node is making the value.
    case busy
}

/// Where ``SharedCache`` keeps values. Every implementation passes one contract test suite.
///
/// A tag has a generation that is part of what is kept. Invalidating a tag gives it a new one, so it takes one step
/// however many values there are, and a value that was being made meanwhile is void as well.
public protocol CacheStore: Sendable {
    /// Looks for a value. A cache that is away holds nothing.
    ///
    /// - Parameter toMake: the caller makes the value if there is none; others find ``CacheLook/busy`` until it was
    ///   put down or given up, or `CoreLimits.cacheMakeLife` has passed.
    func look(_ key: CacheKey, toMake: Bool) async -> CacheLook

    /// Keeps a value, and lets those go on who wait for it.
    ///
    /// - Returns: false when a tag was invalidated since the ticket was given, so that the value is void. A value that
    ///   is not kept for another reason, such as its size, is still good.
    func put(_ value: [UInt8], for key: CacheKey, life: Duration, ticket: CacheTicket) async -> Bool

    /// Lets others make the value.
    func giveUp(_ key: CacheKey, ticket: CacheTicket) async

    /// Makes every value with this tag void, on every node, before it returns.
    ///
    /// - Throws: `.unavailable`; the values may then live to their end.
    func invalidate(tag: String) async throws(ClusterError)
}
