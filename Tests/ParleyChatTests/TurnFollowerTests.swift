//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCluster
import ParleyCore
import Synchronization
import Testing

@testable import ParleyChat

@Suite("A follower", .timeLimit(.minutes(1)))
struct TurnFollowerTests {
    @Test("of an answer that streams asks the database for nothing")
    func asksNothing() async throws {
        let cluster = InProcessCluster()
        let store = CountingTurnStore()
        let turn = Turn(
            id: .generate(), conversationID: .generate(), ownerID: User.local.id, userMessageID: .generate(),
            assistantMessageID: .generate(), state: .running, epoch: 1, createdAt: .now())
        let lease = try #require(await cluster.acquire(turn: turn.id, node: NodeID("n"), afterEpoch: 0))
        var follower = TurnFollower(store: store, log: cluster, turn: turn)
        var reader = ReaderPosition()
        try await cluster.append([.started(model: "m")], firstSequence: 1, lease: lease)
        for sequence in 2..<100 {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    try await cluster.append([.delta("x")], firstSequence: sequence, lease: lease)
                }
                while reader.scalars.count < sequence - 1 {
                    for event in try await follower.next(atMost: .seconds(30)) ?? [] { _ = reader.apply(event) }
                }
                try await group.waitForAll()
            }
        }
        try await cluster.append(
            [.stopped(messageID: turn.assistantMessageID)], firstSequence: 100, lease: lease)
        while let events = try await follower.next(atMost: .seconds(30)) {
            for event in events { _ = reader.apply(event) }
        }
        #expect(reader.isFinished)
        #expect(store.reads.withLock { $0 } == 0)
    }
}

/// Counts reads; nothing else is called.
private final class CountingTurnStore: TurnStore {
    let reads = Mutex(0)
    private static let unused = StoreError(.internal, "not for this test")

    func turn(_ id: TurnID, owner: UserID) async throws(StoreError) -> Turn {
        self.reads.withLock { $0 += 1 }
        throw Self.unused
    }

    func begin(_ new: NewTurn) async throws(StoreError) -> (turn: Turn, isNew: Bool) { throw Self.unused }
    func unfinishedTurns(after: TurnID?, limit: Int) async throws(StoreError) -> [UnfinishedTurn] {
        throw Self.unused
    }
    func unfinishedTurn(_ id: TurnID) async throws(StoreError) -> UnfinishedTurn? { throw Self.unused }
    func claim(_ id: TurnID, epoch: Int) async throws(StoreError) -> Turn? { throw Self.unused }
    func handBack(_ id: TurnID, epoch: Int) async throws(StoreError) { throw Self.unused }
    func save(_ snapshots: [TurnSnapshot]) async throws(StoreError) { throw Self.unused }
    func finish(_ result: TurnResult) async throws(StoreError) -> Bool { throw Self.unused }
    func requestStop(_ id: TurnID, owner: UserID) async throws(StoreError) -> Turn { throw Self.unused }
}
