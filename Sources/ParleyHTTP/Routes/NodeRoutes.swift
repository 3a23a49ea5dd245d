//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCore

/// `/api/admin/nodes`: who else serves, for an administrator.
struct NodeRoutes {
    private struct Nodes: Encodable {
        var nodes: [Node]
        var frozen: Bool
        var asOf: Timestamp
    }

    private struct Node: Encodable {
        var id: String
        var address: String
        var version: String
        var weight: Int
        var epoch: Int
        var state: NodeRecord.State
        var runningTurns: Int
        var startedAt: Timestamp
        var lastSeenAt: Timestamp
        var suspect: Bool
        /// The node that answers.
        var current: Bool

        init(_ entry: NodeList.Entry, current: Bool) {
            let record = entry.record
            self.id = record.id.name
            self.address = record.address
            self.version = record.version
            self.weight = record.weight
            self.epoch = record.epoch
            self.state = record.state
            self.runningTurns = record.runningTurns
            self.startedAt = record.startedAt
            self.lastSeenAt = entry.lastSeenAt
            self.suspect = entry.isSuspect
            self.current = current
        }
    }

    let registry: any NodeRegistry
    let nodeID: String

    func add(to table: inout RouteTable) {
        table.get("/api/admin/nodes") { _, context in
            _ = try context.administrator()
            let list = await self.registry.list()
            return try Reply.json(
                Nodes(
                    nodes: list.nodes.map { Node($0, current: $0.record.id.name == self.nodeID) },
                    frozen: list.isFrozen, asOf: list.asOf))
        }
    }
}
