//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCore

/// Keeping what the node owns, and obeying stops.
extension TurnEngine {
    func renewLeases() async {
        while (try? await Task.sleep(for: CoreLimits.leaseRenewal)) != nil {
            await self.renewAll()
        }
    }

    /// One round: all leases, many at once, so that a slow store does not let the last ones run out.
    func renewAll() async {
        await withTaskGroup(of: Void.self) { group in
            for (count, held) in self.allRunning().enumerated() {
                if count >= ChatLimits.renewalsAtOnce { await group.next() }
                group.addTask { await self.renew(held.lease, of: held.running) }
            }
        }
    }

    private func renew(_ lease: Lease, of running: Running) async {
        let keeper = LeaseKeeper(store: self.dependencies.store, leases: self.dependencies.leases)
        let standing: LeaseKeeper.Standing
        do {
            return try await self.dependencies.leases.renew(lease)
        } catch {
            switch error.code {
            case .fenced: standing = .notOurs
            case .lost: standing = await keeper.restore(lease, owner: running.owner)
            // Neither a stop nor a takeover can be heard of through the shared store now.
            case .unavailable: standing = await keeper.standing(of: lease, owner: running.owner)
            case .gap, .full: return
            }
        }
        guard self.running(lease.turnID)?.lease == lease else { return }
        switch standing {
        case .notOurs: running.inbox.command(.fenced)
        case .ours(let stopRequested): if stopRequested { running.inbox.command(.stop) }
        case .unknown: break
        }
    }

    func obeyStops() async {
        for await turn in await self.dependencies.commands.stopRequests() {
            self.stop(turn)
        }
    }
}
