//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// Whether a request may go on, and what its keys have left.
public struct RateDecision: Sendable {
    /// How one key stands after the decision.
    public struct Standing: Hashable, Sendable {
        public var charge: RateCharge
        /// Whether this key is why the request was denied.
        public var isExceeded: Bool
        /// Units that are left now.
        public var remaining: Int
        /// When everything is there again.
        public var resetAfter: Duration
        /// When this cost would be let through; `nil` when it is not exceeded, or never: the cost is above the burst.
        public var retryAfter: Duration?

        public init(
            charge: RateCharge, isExceeded: Bool, remaining: Int, resetAfter: Duration, retryAfter: Duration?
        ) {
            self.charge = charge
            self.isExceeded = isExceeded
            self.remaining = remaining
            self.resetAfter = resetAfter
            self.retryAfter = retryAfter
        }
    }

    /// Who decided.
    public enum Source: String, Hashable, Sendable {
        /// What all nodes share; for a single node, its own memory.
        case shared
        /// This node remembers that the key is denied for a while.
        case remembered
        /// This node alone, by the policies' fallbacks, since the shared store is away.
        case alone
    }

    public var isAllowed: Bool
    /// In the order of the charges. A denial that is remembered tells of the exceeded keys only.
    public var standings: [Standing]
    public var source: Source
    /// What was taken, when it was allowed.
    public var reservation: RateReservation?

    public init(
        isAllowed: Bool, standings: [Standing], source: Source, reservation: RateReservation? = nil
    ) {
        self.isAllowed = isAllowed
        self.standings = standings
        self.source = source
        self.reservation = reservation
    }

    /// The keys that are exceeded.
    public var exceeded: [Standing] { self.standings.filter(\.isExceeded) }

    /// When trying again may help: the longest wait of the exceeded keys; `nil` when none is, or waiting is no use.
    public var retryAfter: Duration? {
        let exceeded = self.exceeded
        guard exceeded.allSatisfy({ $0.retryAfter != nil }) else { return nil }
        return exceeded.compactMap(\.retryAfter).max()
    }
}

/// What an allowed request took, so that tokens can be settled by what was used.
public struct RateReservation: Hashable, Sendable {
    public struct Entry: Hashable, Sendable {
        public var charge: RateCharge
        /// When the key would have been full again if nothing else had come, in microseconds of the clock that decided.
        public var fullAtUs: Int64

        public init(charge: RateCharge, fullAtUs: Int64) {
            self.charge = charge
            self.fullAtUs = fullAtUs
        }
    }

    /// Only charges of tokens: a request is never given back.
    public var entries: [Entry]
    public var source: RateDecision.Source

    public init(entries: [Entry], source: RateDecision.Source) {
        self.entries = entries.filter { $0.charge.policy.unit == .tokens }
        self.source = source
    }
}
