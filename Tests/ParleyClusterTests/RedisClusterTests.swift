//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCluster
import ParleyCore
import Testing

@Suite("The cluster on Redis keeps the contract", .timeLimit(.minutes(1)))
struct RedisClusterContractTests {
    private func check(
        lease: Duration = CoreLimits.leaseLife,
        _ body: @escaping @Sendable (ClusterContract<RedisCluster>) async throws -> Void
    ) async throws {
        try await RedisNodes.run(1, lease: lease) { try await body(ClusterContract(cluster: $0.a)) }
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
        try await self.check(lease: .milliseconds(150)) {
            try await $0.aLapsedLeaseIsToldOfUntilItIsTakenOrTheTurnEnds(lease: .milliseconds(150))
        }
    }
}
