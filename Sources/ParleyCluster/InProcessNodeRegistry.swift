//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
public import ParleyCore
import Synchronization

/// The registry of a node that shares nothing: it knows what was announced in this process.
public final class InProcessNodeRegistry: NodeRegistry {
    private struct State: Sendable {
        var nodes: [NodeID: NodeList.Entry] = [:]
        /// The highest epoch of each node, also of those that went.
        var epochs: [NodeID: Int] = [:]
    }

    private let state = Mutex(State())
    private let listeners = NodeListListeners()

    public init() {}

    public func announce(_ node: NodeRecord) async throws(ClusterError) -> Int {
        let now = Timestamp.now()
        let epoch = self.state.withLock { state -> Int? in
            let last = state.epochs[node.id] ?? 0
            guard node.epoch == 0 || node.epoch >= last else { return nil }
            var node = node
            node.epoch = node.epoch == 0 ? last + 1 : node.epoch
            state.epochs[node.id] = node.epoch
            state.nodes[node.id] = NodeList.Entry(record: node, lastSeenAt: now, isSuspect: false)
            return node.epoch
        }
        guard let epoch else { throw ClusterError.superseded(node) }
        self.listeners.tell(await self.list())
        return epoch
    }

    public func withdraw(_ node: NodeID, epoch: Int) async throws(ClusterError) {
        self.state.withLock { state in
            if let entry = state.nodes[node], entry.record.epoch <= epoch { state.nodes[node] = nil }
        }
        self.listeners.tell(await self.list())
    }

    public func list() async -> NodeList {
        let nodes = self.state.withLock { Array($0.nodes.values) }
        return NodeList(
            nodes: nodes.sorted { $0.record.id.name < $1.record.id.name }, isFrozen: false, asOf: .now())
    }

    public func changes() async -> AsyncStream<NodeList> {
        self.listeners.listen()
    }
}

extension ClusterError {
    /// A node's announcement is refused, since a later start of it is known.
    static func superseded(_ node: NodeRecord) -> ClusterError {
        ClusterError(.fenced, "another node announces itself as \(node.id), with a later start than this one's")
    }
}
