//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
public import ParleyCore

/// Who may write which turn: the rules of a lease as a pure value.
///
/// A turn's epoch only ever rises, also after its lease has expired or was released; that is what fences a writer
/// which slept while another took over.
public struct LeaseTable<Instant: InstantProtocol & Sendable>: Sendable where Instant.Duration == Duration {
    private struct Entry {
        var lease: Lease
        /// `nil` once released.
        var expiresAt: Instant?
    }

    private var entries: [TurnID: Entry] = [:]
    private let life: Duration

    public init(life: Duration = CoreLimits.leaseLife) {
        self.life = life
    }

    /// Takes the lease if none is live at `now`; its epoch is above every earlier one and above `afterEpoch`.
    public mutating func acquire(turn: TurnID, node: NodeID, afterEpoch: Int, now: Instant) -> Lease? {
        let entry = self.entries[turn]
        if let expiresAt = entry?.expiresAt, expiresAt > now {
            return nil
        }
        let epoch = max(entry?.lease.epoch ?? 0, afterEpoch) + 1
        let lease = Lease(turnID: turn, node: node, epoch: epoch)
        self.entries[turn] = Entry(lease: lease, expiresAt: now.advanced(by: self.life))
        return lease
    }

    /// - Returns: false when the lease is not ours any more. One that ran out untaken is ours again.
    public mutating func renew(_ lease: Lease, now: Instant) -> Bool {
        guard self.holds(lease) else { return false }
        self.entries[lease.turnID]?.expiresAt = now.advanced(by: self.life)
        return true
    }

    public mutating func release(_ lease: Lease) {
        guard self.entries[lease.turnID]?.lease == lease else { return }
        self.entries[lease.turnID]?.expiresAt = nil
    }

    /// Whether a writer with this lease may append: until it is released or a later epoch exists. The expiry only says
    /// when others may take over.
    public func holds(_ lease: Lease) -> Bool {
        guard let entry = self.entries[lease.turnID], entry.expiresAt != nil else { return false }
        return entry.lease == lease
    }

    /// Whether a lease ran out that was not released.
    public func hasExpired(now: Instant) -> Bool {
        self.entries.values.contains { entry in entry.expiresAt.map { $0 <= now } ?? false }
    }

    public func isLive(_ turn: TurnID, now: Instant) -> Bool {
        self.entries[turn]?.expiresAt.map { $0 > now } ?? false
    }

    /// Forgets a finished turn. Its epoch is then known to the database only.
    public mutating func forget(_ turn: TurnID) {
        self.entries[turn] = nil
    }
}
