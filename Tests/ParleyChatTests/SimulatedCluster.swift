//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCluster
import ParleyCore

/// Leases and log of one turn as a Redis keeps them, and what three nodes remember of the log: the least that the ports
/// promise, with all the faults that they allow.
struct SimulatedCluster {
    typealias Instant = ContinuousClock.Instant

    enum Answer {
        case done
        case fenced
        case lost
        case away
        /// A promise of the log does not hold.
        case broken(String)
    }

    let turnID: TurnID
    /// Whether the store answers at all, and whom it answers.
    var isUp = true
    var links = [true, true, true]
    /// The log as each node remembers it: what it appended itself, and what it has read.
    var mirrors: [TurnLog]
    private(set) var log: TurnLog
    private var leases = LeaseTable<Instant>()
    /// The latest lease that the store knows.
    private var known: Lease?
    /// While the store may have forgotten leases, unknown turns are left alone.
    private var graceUntil: Instant?

    init(turnID: TurnID) {
        self.turnID = turnID
        self.log = TurnLog(turnID: turnID)
        self.mirrors = Array(repeating: self.log, count: 3)
    }

    func reaches(_ node: Int) -> Bool {
        self.isUp && self.links[node]
    }

    // MARK: Leases

    /// Whether the turn must be left alone.
    func isLive(now: Instant) -> Bool {
        guard self.known != nil else { return self.graceUntil.map { now < $0 } ?? false }
        return self.leases.isLive(self.turnID, now: now)
    }

    /// Whether a lease ran out while the turn has not ended.
    func hasExpired(now: Instant) -> Bool {
        !self.log.isFinished && self.leases.hasExpired(now: now)
    }

    mutating func acquire(_ node: Int, afterEpoch: Int, now: Instant) -> Lease? {
        guard self.reaches(node) else { return nil }
        let lease = self.leases.acquire(
            turn: self.turnID, node: NodeID("\(node)"), afterEpoch: afterEpoch, now: now)
        self.known = lease ?? self.known
        return lease
    }

    mutating func renew(_ lease: Lease, _ node: Int, now: Instant) -> Answer {
        guard self.reaches(node) else { return .away }
        guard let known, known.epoch >= lease.epoch else { return .lost }
        return self.leases.renew(lease, now: now) ? .done : .fenced
    }

    mutating func release(_ lease: Lease, _ node: Int) {
        guard self.reaches(node) else { return }
        self.leases.release(lease)
    }

    /// Of the log only what the owner appended under this lease comes back.
    mutating func restore(_ lease: Lease, _ node: Int, now: Instant) -> Answer {
        guard self.reaches(node) else { return .away }
        if let known, known != lease, known.epoch >= lease.epoch { return .fenced }
        if known != lease {
            self.leases = LeaseTable()
            _ = self.leases.acquire(
                turn: self.turnID, node: lease.node, afterEpoch: lease.epoch - 1, now: now)
            self.known = lease
        }
        return self.send(from: node, under: lease)
    }

    // MARK: The log

    mutating func append(
        _ kinds: [TurnEvent.Kind], firstSequence: Int, _ lease: Lease, _ node: Int
    ) -> Answer {
        guard self.reaches(node) else { return self.keep(kinds, firstSequence, lease, node) }
        guard let known, known.epoch >= lease.epoch else {
            let kept = self.keep(kinds, firstSequence, lease, node)
            guard case .done = kept else { return kept }
            return .lost
        }
        guard self.leases.holds(lease) else { return .fenced }
        let kept = self.keep(kinds, firstSequence, lease, node)
        guard case .done = kept else { return kept }
        return self.send(from: node, under: lease)
    }

    private mutating func keep(
        _ kinds: [TurnEvent.Kind], _ firstSequence: Int, _ lease: Lease, _ node: Int
    ) -> Answer {
        switch self.mirrors[node].append(kinds, firstSequence: firstSequence, epoch: lease.epoch) {
        case .appended: .done
        case .fenced: .fenced
        case .gap: .broken("the owner left a hole at \(lease.epoch)-\(firstSequence)")
        case .full: .broken("the log is full")
        }
    }

    /// Appends to the store what the node kept under this lease and the store does not have.
    private mutating func send(from node: Int, under lease: Lease) -> Answer {
        for event in self.mirrors[node].events where event.id.epoch == lease.epoch && event.id > self.log.last {
            let result = self.log.append([event.kind], firstSequence: event.id.sequence, epoch: event.id.epoch)
            guard case .appended = result else { return .broken("\(event.id) was refused: \(result)") }
        }
        return self.log.last.epoch > lease.epoch ? .fenced : .done
    }

    /// A node reads on in the store's log, up to `count` events.
    mutating func tail(_ node: Int, count: Int = .max) {
        guard self.reaches(node) else { return }
        for event in self.log.events(after: self.mirrors[node].last, limit: count) {
            // One that is not the next came from a log that was restored in between: read again later.
            _ = self.mirrors[node].append([event.kind], firstSequence: event.id.sequence, epoch: event.id.epoch)
        }
    }

    // MARK: Faults

    mutating func flush(now: Instant) {
        self.leases = LeaseTable()
        self.known = nil
        self.log = TurnLog(turnID: self.turnID)
        self.graceUntil = now.advanced(by: CoreLimits.leaseLife)
    }

    /// The store comes back without what it was told last: events, perhaps the lease.
    mutating func restart(losing count: Int, losesLease: Bool, now: Instant) {
        var log = TurnLog(turnID: self.turnID)
        for event in self.log.events.dropLast(count) {
            _ = log.append([event.kind], firstSequence: event.id.sequence, epoch: event.id.epoch)
        }
        self.log = log
        if losesLease {
            self.leases = LeaseTable()
            self.known = nil
        }
        self.isUp = true
        self.graceUntil = now.advanced(by: CoreLimits.leaseLife)
    }

    /// A node's process ends, and with it all that it remembers.
    mutating func forget(_ node: Int) {
        self.mirrors[node] = TurnLog(turnID: self.turnID)
    }
}
