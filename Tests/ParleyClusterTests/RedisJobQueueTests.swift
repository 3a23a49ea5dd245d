//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Logging
import ParleyCluster
import ParleyCore
import RedisClient
import RedisForTest
import Testing

@Suite("The queue of jobs on Redis keeps the contract", .timeLimit(.minutes(1)))
struct RedisJobQueueTests {
    private static let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    private static func withQueue(
        _ persistence: RedisServer.Persistence = .nothing,
        _ body: @escaping @Sendable (RedisJobQueue, RedisServer, RedisClient) async throws -> Void
    ) async throws {
        try await RedisServer.with(persistence) { server in
            let client = RedisClient(try RedisConfiguration(url: server.url), logger: Self.silent)
            let queue = RedisJobQueue(
                client: client, prefix: "test:", limit: JobQueueContract.room, leaseLife: JobQueueContract.life,
                logger: Self.silent)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await client.run() }
                group.addTask { try await queue.run() }
                try await client.waitUntilReady(atMost: .seconds(10))
                try await body(queue, server, client)
                group.cancelAll()
            }
        }
    }

    private func check(_ body: @escaping @Sendable (JobQueueContract) async throws -> Void) async throws {
        try await Self.withQueue { queue, _, _ in try await body(JobQueueContract(queue: queue)) }
    }

    @Test("tickets are taken once, the longest due first, of the kinds asked for")
    func order() async throws { try await self.check { try await $0.ticketsAreTakenOnceTheLongestDueFirst() } }

    @Test("a ticket is there once, waiting or taken")
    func once() async throws { try await self.check { try await $0.aTicketIsThereOnce() } }

    @Test("a ticket that is never given back comes again")
    func lapses() async throws { try await self.check { try await $0.aTicketThatIsNeverGivenBackComesAgain() } }

    @Test("an extended ticket stays taken")
    func extends() async throws { try await self.check { try await $0.anExtendedTicketStaysTaken() } }

    @Test("a ticket is put off")
    func putsOff() async throws { try await self.check { try await $0.aTicketIsPutOff() } }

    @Test("a wait ends with news of its kind")
    func news() async throws { try await self.check { try await $0.aWaitEndsWithNewsOfItsKind() } }

    @Test("a wait ends at its time and when it is cancelled")
    func waits() async throws { try await self.check { try await $0.aWaitEndsAtItsTimeAndWhenCancelled() } }

    @Test("a full queue refuses")
    func full() async throws { try await self.check { try await $0.aFullQueueRefuses() } }

    @Test("figures tell of each kind")
    func figures() async throws { try await self.check { try await $0.figuresTellOfEachKind() } }

    @Test("many takers get each ticket once")
    func many() async throws { try await self.check { try await $0.manyTakersGetEachTicketOnce() } }

    @Test("a round of a name is one node's")
    func rounds() async throws {
        try await Self.withQueue { queue, _, _ in
            #expect(try await queue.claimRound("a", for: .seconds(60)))
            #expect(try await !queue.claimRound("a", for: .seconds(60)))
            #expect(try await queue.claimRound("b", for: .milliseconds(1)))
            while try await !queue.claimRound("b", for: .seconds(60)) {}
        }
    }

    @Test("a queue that was emptied is noticed at the next look, and works on")
    func flush() async throws {
        try await Self.withQueue { queue, _, client in
            var losses = queue.losses().makeAsyncIterator()
            let ticket = JobTicket(id: .generate(), kind: .summarise, dueAt: .now())
            try await queue.add([ticket], now: .now())
            #expect(try await queue.take([.summarise: 1], now: .now()).tickets.count == 1)
            _ = try await client.send(RedisCommand("FLUSHALL"))
            #expect(try await queue.take([.summarise: 1], now: .now()).tickets.isEmpty)
            #expect(await losses.next() != nil)
            // A worker that goes on with what was lost makes it known again.
            try await queue.extend([ticket], now: .now())
            try await queue.add([ticket], now: .now())
            #expect(try await queue.take([.summarise: 1], now: .now()).tickets.isEmpty)
        }
    }

    @Test("while Redis is away calls fail, and its return is told as a loss", .timeLimit(.minutes(1)))
    func restart() async throws {
        try await Self.withQueue { queue, server, client in
            var losses = queue.losses().makeAsyncIterator()
            #expect(try await queue.take([.summarise: 1], now: .now()).tickets.isEmpty)
            try await server.kill()
            await #expect(throws: ClusterError.self) { _ = try await queue.take([.summarise: 1], now: .now()) }
            try await server.start()
            #expect(await losses.next() != nil)
            try await client.waitUntilReady(atMost: .seconds(10))
            let empty = try await queue.take([.summarise: 1], now: .now())
            try await queue.add([JobTicket(id: .generate(), kind: .summarise, dueAt: .now())], now: .now())
            // News are heard again.
            await queue.wait(after: empty, atMost: .seconds(3600))
            #expect(try await queue.take([.summarise: 1], now: .now()).tickets.count == 1)
        }
    }
}
