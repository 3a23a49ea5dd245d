//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Logging
import Metrics
import ParleyCore

/// Taking over turns that nobody owns.
extension TurnEngine {
    /// A look for turns without an owner, which one node at a time does: claimed by name for a while. A node that dies
    /// in it delays the next by no more than that.
    struct ReaperRound: Sendable {
        var name: String
        var duration: Duration

        /// A lease has run out.
        static let urgent = ReaperRound(name: "reaper-urgent", duration: ChatLimits.urgentRound)
        /// Also for turns that never had a lease, or whose lease the shared store has forgotten.
        static let routine = ReaperRound(name: "reaper", duration: ChatLimits.routineRound)
    }

    /// Looks for turns without an owner: at once, soon after a lease has run out, and every two seconds or so.
    func reap() async {
        let clock = ContinuousClock()
        var routineDue = clock.now
        repeat {
            guard self.hasRoom else { continue }
            if clock.now >= routineDue {
                routineDue = clock.now.advanced(by: ChatLimits.reaperInterval * Double.random(in: 0.8...1.2))
                await self.reapAll(.routine)
            } else if (try? await self.dependencies.leases.hasExpired()) == true {
                await self.reapAll(.urgent)
            }
        } while (try? await Task.sleep(for: ChatLimits.leaseGlance * Double.random(in: 0.8...1.2))) != nil
    }

    /// Rounds until nothing is left. Between two of them other nodes have the chance to claim the next.
    private func reapAll(_ first: ReaperRound) async {
        var round = first
        while await self.reapOnce(round), self.hasRoom {
            round = .urgent
            let pause = ChatLimits.urgentRound * Double.random(in: 0.8...1.2)
            guard (try? await Task.sleep(for: pause)) != nil else { return }
        }
    }

    /// One round.
    ///
    /// - Returns: whether it ended because it had taken its share.
    func reapOnce(_ round: ReaperRound = .routine) async -> Bool {
        do {
            let leases = self.dependencies.leases
            guard self.hasRoom, try await leases.claimRound(round.name, for: round.duration) else { return false }
            var taken = 0
            var after: TurnID?
            for _ in 0..<ChatLimits.pagesPerReap {
                let page = try await self.dependencies.store.unfinishedTurns(
                    after: after, limit: CoreLimits.pageElements)
                guard let last = page.last else { return false }
                let live = try await leases.live(among: page.map(\.id))
                for turn in page where !live.contains(turn.id) {
                    guard taken < ChatLimits.turnsPerReap else { return true }
                    if try await self.takeOver(turn) { taken += 1 }
                }
                after = last.id
            }
        } catch {
            self.logger.warning("turns without an owner not looked for", metadata: ["error": "\(error)"])
        }
        return false
    }

    /// Takes the turns that draining nodes let go of.
    func takeFreeTurns() async {
        await withTaskGroup(of: Void.self) { group in
            var begun = 0
            for await turn in await self.dependencies.commands.freeTurns() where self.hasRoom {
                if begun >= ChatLimits.freeTurnsAtOnce { await group.next() }
                begun += 1
                group.addTask { await self.takeFree(turn) }
            }
        }
    }

    private func takeFree(_ turn: TurnID) async {
        guard (try? await Task.sleep(for: ChatLimits.freeTurnJitter * Double.random(in: 0...1))) != nil else { return }
        do {
            guard let unfinished = try await self.dependencies.store.unfinishedTurn(turn) else { return }
            _ = try await self.takeOver(unfinished)
        } catch {
            // The reaper finds it.
            self.logger.debug("free turn not taken", metadata: ["turn": "\(turn)", "error": "\(error)"])
        }
    }

    /// - Returns: whether this node has the turn now.
    private func takeOver(_ turn: UnfinishedTurn) async throws -> Bool {
        guard self.hasRoom, self.running(turn.id) == nil,
            let lease = try await self.dependencies.leases.acquire(
                turn: turn.id, node: self.node, afterEpoch: turn.epoch)
        else { return false }
        let claimed: Turn?
        do {
            claimed = try await self.dependencies.store.claim(turn.id, epoch: lease.epoch)
        } catch {
            await self.abandon(lease)
            throw error
        }
        guard let claimed else {
            await self.abandon(lease)
            return false
        }
        self.logger.notice("answer taken over", metadata: ["turn": "\(turn.id)", "epoch": "\(lease.epoch)"])
        Counter(label: "parley_turns_taken_over").increment()
        await self.start(claimed, lease: lease)
        return true
    }
}
