//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// A rule: how much of something one key may use, and what holds while the nodes cannot ask each other.
///
/// It is a bucket of ``burst`` units which refills evenly at ``limit`` in each ``window``. A key that was idle may
/// take the burst at once; over any time `t` it gets at most `burst + limit × t ÷ window`.
public struct RatePolicy: Hashable, Sendable {
    /// What is counted.
    public enum Unit: String, Hashable, Sendable {
        case requests
        /// Tokens of a model: reserved before, settled after (``RateLimiter/settle(_:actual:)``).
        case tokens
    }

    /// What a node does on its own while the shared store cannot be reached.
    public enum Fallback: Hashable, Sendable {
        /// This many units in each window, on each node: for what must stay shut to guessing.
        case closed(limit: Int)
        /// The limit divided by the nodes that were last known to live, at least one unit.
        case divided
        /// The whole limit on each node.
        case everyNode
    }

    /// A short stable word of lower-case letters and hyphens; part of stored keys and of header fields.
    public var name: String
    /// Units in each window, from 1.
    public var limit: Int
    public var window: Duration
    /// Units at once, from 1.
    public var burst: Int
    public var unit: Unit
    public var fallback: Fallback

    /// - Parameter burst: `nil` is the limit.
    public init(
        _ name: String, limit: Int, window: Duration, burst: Int? = nil, unit: Unit = .requests,
        fallback: Fallback
    ) {
        self.name = name
        self.limit = max(1, limit)
        self.window = max(.milliseconds(1), window)
        self.burst = max(1, burst ?? limit)
        self.unit = unit
        self.fallback = fallback
    }

    /// The rule of one node alone while the shared store is away.
    ///
    /// - Parameter nodes: how many nodes live, this one included.
    public func alone(among nodes: Int) -> RatePolicy {
        var policy = self
        switch self.fallback {
        case .closed(let limit):
            policy.limit = max(1, min(limit, self.limit))
            policy.burst = min(policy.limit, self.burst)
        case .divided:
            policy.limit = max(1, self.limit / max(1, nodes))
            policy.burst = max(1, self.burst / max(1, nodes))
        case .everyNode: break
        }
        return policy
    }
}

/// Whose use is counted.
public struct RateKey: Hashable, Sendable {
    public enum Scope: String, Hashable, Sendable, CaseIterable {
        case user
        case session
        case address
        /// An account that somebody tries to sign in to.
        case account
        /// An API key.
        case key
        case model
    }

    public var scope: Scope
    /// Bounded by the caller; never a secret or a plain e-mail address, since it is stored as it is.
    public var value: String

    public init(_ scope: Scope, _ value: String) {
        self.scope = scope
        self.value = value
    }
}

/// A use that is to be counted against one policy. A request has several; no two of the same policy and key.
public struct RateCharge: Hashable, Sendable {
    public var policy: RatePolicy
    public var key: RateKey
    /// In the policy's unit, from 0.
    public var cost: Int

    public init(_ policy: RatePolicy, _ key: RateKey, cost: Int = 1) {
        self.policy = policy
        self.key = key
        self.cost = max(0, cost)
    }
}
