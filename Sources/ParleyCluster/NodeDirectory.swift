//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCore

/// What one reading of a registry gave.
struct RegistryReading: Sendable {
    struct Sighting: Sendable {
        var record: NodeRecord
        /// Since its last heartbeat, by the registry's own clock.
        var age: Duration
    }

    /// Changes when the registry was emptied.
    var storeID: String
    /// The registry's time.
    var now: Timestamp
    var nodes: [Sighting]
    /// Nodes that said that they go, with the epoch at which they did.
    var withdrawn: [NodeID: Int]
}

/// The list of nodes that one reader of a registry believes in: a pure value.
///
/// It preserves itself. Nodes that withdraw go at once, and nodes whose heartbeats stop go after
/// `CoreLimits.nodeGoneAfter`; but when the registry is away or was emptied, or when more than half of the nodes vanish
/// between two readings, it is more likely that the registry is wrong than that they are all gone, and the list stands.
struct NodeDirectory<Instant: InstantProtocol & Sendable>: Sendable where Instant.Duration == Duration {
    private struct Known: Sendable {
        var record: NodeRecord
        var lastSeenAt: Timestamp
        var isSuspect: Bool
    }

    private var known: [NodeID: Known] = [:]
    /// This node, which knows that it is there whatever the registry says.
    private var own: NodeRecord?
    private var storeID: String?
    private var isAway = false
    /// Until then nobody is given up: everybody gets the time to be heard again.
    private var doubtUntil: Instant?
    /// Since when the list stands because too many vanished.
    private var standingSince: Instant?
    private var asOf: Timestamp
    private var keepsVanished = false

    init(now: Timestamp) {
        self.asOf = now
    }

    var list: NodeList {
        NodeList(
            nodes: self.known.values.sorted { $0.record.id.name < $1.record.id.name }.map {
                NodeList.Entry(record: $0.record, lastSeenAt: $0.lastSeenAt, isSuspect: $0.isSuspect)
            }, isFrozen: self.isAway || self.keepsVanished, asOf: self.asOf)
    }

    /// This node has announced itself, or tried to.
    mutating func announced(_ record: NodeRecord, now: Timestamp) {
        self.own = record
        self.known[record.id] = Known(record: record, lastSeenAt: now, isSuspect: false)
    }

    /// A node has left: this one, or one that this one withdrew.
    mutating func withdrew(_ node: NodeID) {
        self.known[node] = nil
        if self.own?.id == node { self.own = nil }
    }

    /// The registry could not be read: the list stands.
    mutating func missed() {
        self.isAway = true
    }

    mutating func read(_ reading: RegistryReading, now: Instant) {
        if self.isAway || (self.storeID.map { $0 != reading.storeID } ?? false) {
            self.doubtUntil = now.advanced(by: CoreLimits.nodeGoneAfter)
        }
        self.isAway = false
        self.storeID = reading.storeID
        for (id, epoch) in reading.withdrawn where id != self.own?.id {
            if let known = self.known[id], known.record.epoch <= epoch { self.known[id] = nil }
        }
        var seen: [NodeID: Known] = [:]
        for sighting in reading.nodes where sighting.age < CoreLimits.nodeGoneAfter {
            seen[sighting.record.id] = Known(
                record: sighting.record, lastSeenAt: reading.now.advanced(by: .zero - sighting.age),
                isSuspect: sighting.age >= CoreLimits.nodeSuspectAfter)
        }
        if let own = self.own, (seen[own.id]?.record.epoch ?? 0) <= own.epoch {
            seen[own.id] = Known(record: own, lastSeenAt: reading.now, isSuspect: false)
        }
        let vanished = self.known.filter { seen[$0.key] == nil }
        self.keepsVanished = self.mustStand(vanished: vanished.count, of: self.known.count, now: now)
        if self.keepsVanished {
            for (id, var known) in vanished {
                known.isSuspect = true
                seen[id] = known
            }
        } else {
            self.asOf = reading.now
        }
        self.known = seen
    }

    private mutating func mustStand(vanished: Int, of all: Int, now: Instant) -> Bool {
        if let doubtUntil = self.doubtUntil, doubtUntil > now { return vanished > 0 }
        self.doubtUntil = nil
        guard vanished * 2 > all else {
            self.standingSince = nil
            return false
        }
        let since = self.standingSince ?? now
        self.standingSince = since
        // In the end the registry is believed: it has been there all the time and nobody came back.
        guard since.advanced(by: CoreLimits.nodeListStands) > now else {
            self.standingSince = nil
            return false
        }
        return true
    }
}

extension NodeList {
    /// The list without what changes with every heartbeat.
    var withoutTimes: NodeList {
        var list = self
        list.asOf = Timestamp(milliseconds: 0)
        for index in list.nodes.indices { list.nodes[index].lastSeenAt = Timestamp(milliseconds: 0) }
        return list
    }
}
