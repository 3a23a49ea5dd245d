//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// What a new turn commits in one transaction: user message, empty assistant message, turn.
public struct NewTurn: Sendable {
    public var turn: Turn
    /// `nil` when an existing message is answered again.
    public var userMessage: Message?
    public var assistantMessage: Message

    public init(turn: Turn, userMessage: Message?, assistantMessage: Message) {
        self.turn = turn
        self.userMessage = userMessage
        self.assistantMessage = assistantMessage
    }
}

/// The text of a running turn up to a sequence, for the database.
public struct TurnSnapshot: Hashable, Sendable {
    public var turnID: TurnID
    public var epoch: Int
    public var sequence: Int
    public var text: String
    public var sources: [Citation]

    public init(turnID: TurnID, epoch: Int, sequence: Int, text: String, sources: [Citation]) {
        self.turnID = turnID
        self.epoch = epoch
        self.sequence = sequence
        self.text = text
        self.sources = sources
    }
}

/// The end of a turn, for the database. `snapshot.sequence` is the terminal event's.
public struct TurnResult: Hashable, Sendable {
    public var snapshot: TurnSnapshot
    public var finish: TurnFinish
    /// The model that answered.
    public var model: String?
    public var at: Timestamp

    public init(snapshot: TurnSnapshot, finish: TurnFinish, model: String?, at: Timestamp) {
        self.snapshot = snapshot
        self.finish = finish
        self.model = model
        self.at = at
    }
}

/// What must be known of a turn that has not ended to take it over.
public struct UnfinishedTurn: Hashable, Sendable {
    public var id: TurnID
    /// The epoch of the latest lease that the database knows; 0 before the first.
    public var epoch: Int

    public init(id: TurnID, epoch: Int) {
        self.id = id
        self.epoch = epoch
    }
}

/// The durable truth about turns. Every implementation passes one contract test suite.
public protocol TurnStore: Sendable {
    /// Commits a turn. Idempotent in the user message's id: a repeat returns the turn that the first call made, and
    /// `isNew` false.
    ///
    /// - Throws: `.notFound` when the conversation or the parent is not the owner's, `.conflict` when the message id
    ///   is taken by something else.
    func begin(_ new: NewTurn) async throws(StoreError) -> (turn: Turn, isNew: Bool)

    /// - Throws: `.notFound`.
    func turn(_ id: TurnID, owner: UserID) async throws(StoreError) -> Turn

    /// Turns that are queued or running, oldest first, without their texts.
    ///
    /// - Parameters:
    ///   - after: the last turn of the page before; `nil` begins.
    ///   - limit: at most; `CoreLimits.pageElements` bounds it.
    func unfinishedTurns(after: TurnID?, limit: Int) async throws(StoreError) -> [UnfinishedTurn]

    /// One turn, whoever owns it; `nil` when it has ended or is not known.
    func unfinishedTurn(_ id: TurnID) async throws(StoreError) -> UnfinishedTurn?

    /// Records that a lease at this epoch began an attempt: state running, attempts + 1.
    ///
    /// Every epoch is claimed once: two nodes that a shared store which was emptied between them gave the same one
    /// cannot both have it.
    ///
    /// - Returns: the turn as it now is, with the last snapshot; `nil` when it is final or this or a later epoch is
    ///   known.
    func claim(_ id: TurnID, epoch: Int) async throws(StoreError) -> Turn?

    /// Puts a turn back into the queue without counting the attempt, for a node that drains.
    func handBack(_ id: TurnID, epoch: Int) async throws(StoreError)

    /// Stores texts of running turns, many in one transaction. One of an older epoch or of a final turn is skipped.
    func save(_ snapshots: [TurnSnapshot]) async throws(StoreError)

    /// Ends a turn and completes its assistant message in one transaction.
    ///
    /// - Returns: false when the turn is final already or a later epoch is known: nothing was changed.
    func finish(_ result: TurnResult) async throws(StoreError) -> Bool

    /// Records the wish to stop.
    ///
    /// - Returns: the turn as it now is.
    /// - Throws: `.notFound`.
    func requestStop(_ id: TurnID, owner: UserID) async throws(StoreError) -> Turn
}
