//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// A node's exclusive right, for a limited time, to append to one turn's log at one epoch.
public struct Lease: Hashable, Sendable {
    public var turnID: TurnID
    public var node: NodeID
    public var epoch: Int

    public init(turnID: TurnID, node: NodeID, epoch: Int) {
        self.turnID = turnID
        self.node = node
        self.epoch = epoch
    }
}

/// The name of one running `parley serve`.
public struct NodeID: Hashable, Sendable, CustomStringConvertible {
    public var name: String

    public init(_ name: String) {
        self.name = name
    }

    public var description: String { self.name }
}

/// Who may append to which turn. Its implementations pass one contract test suite.
public protocol LeaseStore: Sendable {
    /// Takes the lease if none is live. The epoch is higher than every earlier one and than `afterEpoch`, which is
    /// what the database knows.
    ///
    /// - Returns: `nil` when another lease is live.
    func acquire(turn: TurnID, node: NodeID, afterEpoch: Int) async throws(ClusterError) -> Lease?

    /// Extends the lease by its lifetime from now. One that has run out and that nobody took is ours again: the epoch
    /// is what fences, the expiry only says when others may take over.
    ///
    /// - Throws: `.fenced` when a later epoch exists; `.lost` when the shared store knows nothing of the turn.
    func renew(_ lease: Lease) async throws(ClusterError)

    /// Tells a shared store that was emptied or restarted again of a lease, and of the events that this node appended
    /// under it. The caller has found in the database that the turn has not ended and that no later epoch is known.
    ///
    /// - Throws: `.fenced` when another node has taken the turn meanwhile.
    func restore(_ lease: Lease) async throws(ClusterError)

    /// Ends the lease at once, so that another node need not wait for its expiry. A lease that is not ours is left.
    func release(_ lease: Lease) async throws(ClusterError)

    /// Which of these turns must be left alone: those with a live lease, and those of which the store knows nothing
    /// while it may have lost what it knew, so that owners get the time to ``restore(_:)``.
    func live(among turns: [TurnID]) async throws(ClusterError) -> Set<TurnID>

    /// Whether a lease of a turn that has not ended has run out: a cheap question, asked often.
    func hasExpired() async throws(ClusterError) -> Bool

    /// Claims a round of some upkeep that one node at a time should do, such as the search for turns without an owner.
    /// It is a courtesy that spreads the load, not a lock: what is done in a round must be safe on two nodes at once.
    ///
    /// - Parameters:
    ///   - name: which upkeep, a word of ours such as `reaper`.
    ///   - duration: how long no other node gets a round of this name.
    /// - Returns: whether the round is ours; always when there is only one node.
    func claimRound(_ name: String, for duration: Duration) async throws(ClusterError) -> Bool
}

/// The append-only events of turns. Its implementations pass one contract test suite.
public protocol AnswerLog: Sendable {
    /// Appends events under the lease and wakes the readers. While the shared store cannot be reached the events are
    /// kept on this node, whose readers get them; they are appended there when it is back.
    ///
    /// - Parameter firstSequence: the sequence of the first event. An event that is there already is skipped, so a
    ///   repeat after a lost answer is safe; a hole is refused as `.gap`.
    /// - Throws: `.fenced` when a later epoch exists or the turn has ended; `.lost` when the shared store knows nothing
    ///   of the turn, which ``LeaseStore/restore(_:)`` mends; the events are then part of what is restored.
    func append(
        _ events: [TurnEvent.Kind], firstSequence: Int, lease: Lease
    ) async throws(ClusterError)

    /// The events after a position, oldest first, at most `limit`.
    func read(turn: TurnID, after: EventID, limit: Int) async throws(ClusterError) -> AnswerLogPage

    /// Returns when an event after the position may be there, or when the deadline has passed.
    func waitForEvents(turn: TurnID, after: EventID, atMost: Duration) async throws(ClusterError)
}

/// What a read of an answer log found.
public struct AnswerLogPage: Hashable, Sendable {
    public var events: [TurnEvent]
    /// False when the log holds nothing of this turn: never begun, expired or lost. The database then tells.
    public var exists: Bool

    public init(events: [TurnEvent], exists: Bool) {
        self.events = events
        self.exists = exists
    }
}

/// Commands to the owner of a turn, wherever it runs. A command may be lost; the database keeps the wish.
public protocol TurnCommands: Sendable {
    /// Tells every node that this turn is to be stopped.
    func requestStop(_ turn: TurnID) async throws(ClusterError)

    /// The stops asked for from now on, for as long as the sequence is read.
    func stopRequests() async -> AsyncStream<TurnID>

    /// Tells every node that this turn has no owner and may be taken at once.
    func announceFree(_ turn: TurnID) async throws(ClusterError)

    /// The turns that others let go of from now on, for as long as the sequence is read.
    func freeTurns() async -> AsyncStream<TurnID>
}

/// Why shared state could not be used.
public struct ClusterError: Error, Hashable, Sendable {
    public enum Code: String, Sendable {
        /// A later epoch exists, or the turn has ended: stop writing.
        case fenced
        /// The shared store was emptied: it knows nothing of the turn.
        case lost
        /// An append would leave a hole in the sequence.
        case gap
        /// The log of this turn is full (`CoreLimits.logEventsPerTurn`).
        case full
        /// The shared store cannot be reached.
        case unavailable
    }

    public var code: Code
    public var message: String

    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }
}
