//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// What one running `parley serve` says of itself.
public struct NodeRecord: Hashable, Sendable {
    /// What may be sent to a node.
    public enum State: String, Hashable, Sendable, Codable {
        /// It takes new work.
        case ready
        /// It goes on with what it has and should get nothing new, as when its database is away.
        case serving
        /// It is being stopped: what it has comes to its end, nothing new is taken.
        case terminating
    }

    public var id: NodeID
    /// Where others reach it, such as `http://10.0.0.7:8080`.
    public var address: String
    public var version: String
    /// Its share of the work beside others; 100 is the ordinary one.
    public var weight: Int
    /// Which start of this node it is: a later one has a higher epoch, and an older one is refused. 0 asks for one.
    public var epoch: Int
    public var state: State
    /// Answers being made there.
    public var runningTurns: Int
    public var startedAt: Timestamp

    public init(
        id: NodeID, address: String, version: String, weight: Int = 100, epoch: Int = 0, state: State = .ready,
        runningTurns: Int = 0, startedAt: Timestamp
    ) {
        self.id = id
        self.address = address
        self.version = version
        self.weight = weight
        self.epoch = epoch
        self.state = state
        self.runningTurns = runningTurns
        self.startedAt = startedAt
    }
}

/// The nodes, as one of them or a balancer knows them. It says who might be there; health checks say who works.
public struct NodeList: Hashable, Sendable {
    public struct Entry: Hashable, Sendable {
        public var record: NodeRecord
        public var lastSeenAt: Timestamp
        /// Some heartbeats were missed; it may be gone.
        public var isSuspect: Bool

        public init(record: NodeRecord, lastSeenAt: Timestamp, isSuspect: Bool) {
            self.record = record
            self.lastSeenAt = lastSeenAt
            self.isSuspect = isSuspect
        }
    }

    /// By id.
    public var nodes: [Entry]
    /// The list is one from before, because the registry cannot be believed now: it is away or was emptied, or more
    /// than half of the nodes vanished at once.
    public var isFrozen: Bool
    /// When it was last believed.
    public var asOf: Timestamp

    public init(nodes: [Entry], isFrozen: Bool, asOf: Timestamp) {
        self.nodes = nodes
        self.isFrozen = isFrozen
        self.asOf = asOf
    }
}

/// Which nodes there are. Every implementation passes one contract test suite.
public protocol NodeRegistry: Sendable {
    /// Says that a node is there and how it is: once at the start, and again with every heartbeat and change.
    ///
    /// - Returns: the epoch to announce from now on.
    /// - Throws: `.fenced` when a later start of a node with this id has announced itself; `.unavailable`.
    func announce(_ node: NodeRecord) async throws(ClusterError) -> Int

    /// Says that a node is gone for good. One with a later epoch is left.
    func withdraw(_ node: NodeID, epoch: Int) async throws(ClusterError)

    /// The nodes as known now, without asking anybody.
    func list() async -> NodeList

    /// The list whenever it has changed in more than times, for as long as the sequence is read; a slow reader gets
    /// the newest only.
    func changes() async -> AsyncStream<NodeList>
}
