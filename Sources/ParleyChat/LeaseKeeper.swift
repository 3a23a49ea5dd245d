//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCore

/// What an owner does when the shared store cannot say whether its lease still holds: it asks the database.
///
/// The database knows the epoch of the latest claim, whether the turn has ended, and whether it is to be stopped.
struct LeaseKeeper: Sendable {
    /// What the database says of a lease.
    enum Standing: Hashable, Sendable {
        /// No later epoch is known and the turn has not ended.
        case ours(stopRequested: Bool)
        /// Another node has the turn, or it has ended or is gone.
        case notOurs
        /// The database, or the shared store, cannot be asked now.
        case unknown
    }

    let store: any TurnStore
    let leases: any LeaseStore

    func standing(of lease: Lease, owner: UserID) async -> Standing {
        do {
            let turn = try await self.store.turn(lease.turnID, owner: owner)
            guard turn.state == .running, turn.epoch == lease.epoch else { return .notOurs }
            return .ours(stopRequested: turn.stopRequested)
        } catch {
            return error.code == .notFound ? .notOurs : .unknown
        }
    }

    /// Tells a shared store that was emptied again of the lease, if the database says that it is still ours.
    ///
    /// - Parameter hasEnded: this lease has ended the turn in the database, which proves that no later one is known;
    ///   only the readers have not been told yet.
    func restore(_ lease: Lease, owner: UserID, hasEnded: Bool = false) async -> Standing {
        let standing = hasEnded ? .ours(stopRequested: false) : await self.standing(of: lease, owner: owner)
        guard case .ours = standing else { return standing }
        do {
            try await self.leases.restore(lease)
            return standing
        } catch {
            return error.code == .fenced ? .notOurs : .unknown
        }
    }
}
