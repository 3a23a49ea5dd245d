//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCluster
import ParleyCore
import Testing

@Suite("The in-process cluster keeps the contract", .timeLimit(.minutes(1)))
struct InProcessClusterTests {
    private func check(_ body: (ClusterContract<InProcessCluster<ContinuousClock>>) async throws -> Void) async throws {
        let cluster = InProcessCluster()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await cluster.run() }
            try await body(ClusterContract(cluster: cluster))
            group.cancelAll()
        }
    }

    @Test("a lease is exclusive and fences older writers")
    func leases() async throws {
        try await self.check { try await $0.leaseIsExclusiveAndFences() }
    }

    @Test("an append is idempotent and contiguous")
    func appends() async throws {
        try await self.check { try await $0.appendIsIdempotentAndContiguous() }
    }

    @Test("a waiting reader is woken by an event")
    func wakes() async throws {
        try await self.check { try await $0.waitingEndsWithAnEvent() }
    }

    @Test("a wait ends at its deadline and when it is cancelled")
    func deadlines() async throws {
        try await self.check { try await $0.waitingEndsAtItsDeadlineAndWhenCancelled() }
    }

    @Test("a stop reaches those who listen")
    func stops() async throws {
        try await self.check { try await $0.stopReachesListeners() }
    }

    @Test("a lease is restored unless another node has the turn")
    func restores() async throws {
        try await self.check { try await $0.aLeaseIsRestoredUnlessAnotherHasTheTurn() }
    }

    @Test("a turn that is free is told of")
    func frees() async throws {
        try await self.check { try await $0.freeTurnsAreToldOf() }
    }

    @Test("a round of upkeep is claimed")
    func rounds() async throws {
        try await self.check { try await $0.aRoundIsClaimed() }
    }

    @Test("nothing follows the end of a turn")
    func ends() async throws {
        try await self.check { try await $0.nothingFollowsTheEnd() }
    }

    @Test("a long log is read in pages")
    func pages() async throws {
        try await self.check { try await $0.aLongLogIsReadInPages() }
    }

    @Test("a lapsed lease is told of until it is taken, and is its owner's until then")
    func lapses() async throws {
        let cluster = InProcessCluster(leaseLife: .milliseconds(150))
        try await ClusterContract(cluster: cluster)
            .aLapsedLeaseIsToldOfUntilItIsTakenOrTheTurnEnds(lease: .milliseconds(150))
    }
}
