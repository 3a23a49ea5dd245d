//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCore
import Testing

/// What every queue of jobs' ids must do. One suite, run on each of them.
///
/// A shared queue has its own clock, so times here are far apart or past.
struct JobQueueContract {
    /// Leases of this queue live for ``life``.
    let queue: any JobQueue
    static let life = Duration.milliseconds(300)
    static let room = 20

    private func ticket(_ kind: JobKind = .summarise, dueIn delay: Duration = .zero) -> JobTicket {
        JobTicket(id: .generate(), kind: kind, dueAt: .now().advanced(by: delay))
    }

    private func take(_ count: Int = 9, _ kind: JobKind = .summarise) async throws -> JobTake {
        try await self.queue.take([kind: count], now: .now())
    }

    /// Takes until something is there.
    private func await(_ count: Int = 9, _ kind: JobKind = .summarise) async throws -> JobTake {
        while true {
            let take = try await self.take(count, kind)
            guard take.tickets.isEmpty else { return take }
            await self.queue.wait(after: take, atMost: .seconds(30))
        }
    }

    func ticketsAreTakenOnceTheLongestDueFirst() async throws {
        let tickets = [
            self.ticket(dueIn: .seconds(-1)), self.ticket(dueIn: .seconds(-3)), self.ticket(dueIn: .seconds(-2)),
        ]
        let other = self.ticket(.remember)
        let late = self.ticket(dueIn: .seconds(3600))
        #expect(try await self.queue.add(tickets + [other, late], now: .now()) == 0)
        #expect(try await self.take(2).tickets.map(\.id) == [tickets[1].id, tickets[2].id])
        #expect(try await self.take(2).tickets.map(\.id) == [tickets[0].id])
        let none = try await self.take(2)
        #expect(none.tickets.isEmpty && none.lapsed == 0)
        let both = try await self.queue.take([.summarise: 1, .remember: 5], now: .now())
        #expect(both.tickets.map(\.id) == [other.id] && both.tickets[0].kind == .remember)
        #expect(try await self.queue.take([:], now: .now()).tickets.isEmpty)
    }

    func aTicketIsThereOnce() async throws {
        let ticket = self.ticket()
        for _ in 0..<2 { try await self.queue.add([ticket, ticket], now: .now()) }
        #expect(try await self.take().tickets.map(\.id) == [ticket.id])
        // Taken, it is still there.
        try await self.queue.add([ticket], now: .now())
        #expect(try await self.take().tickets.isEmpty)
        try await self.queue.remove([ticket])
        #expect(try await self.queue.figures(now: .now()).depths[.summarise] ?? .init() == .init())
        try await self.queue.add([ticket], now: .now())
        #expect(try await self.take().tickets.map(\.id) == [ticket.id])
    }

    func aTicketThatIsNeverGivenBackComesAgain() async throws {
        let ticket = self.ticket()
        try await self.queue.add([ticket], now: .now())
        #expect(try await self.take().lapsed == 0)
        let waits = try await self.take().nextDue
        #expect(try #require(waits) <= Self.life)
        let again = try await self.await()
        #expect(again.tickets.map(\.id) == [ticket.id] && again.lapsed == 1)
        #expect(try await self.take().tickets.isEmpty)
    }

    func anExtendedTicketStaysTaken() async throws {
        let (ours, lost) = (self.ticket(), self.ticket())
        try await self.queue.add([ours], now: .now())
        #expect(try await self.take().tickets.count == 1)
        let start = ContinuousClock.now
        // What the queue has lost is extended too, and then known to be taken.
        while ContinuousClock.now - start < Self.life * 2 {
            try await self.queue.extend([ours, lost], now: .now())
            #expect(try await self.take().tickets.isEmpty)
            try await self.queue.add([ours, lost], now: .now())
            try await Task.sleep(for: Self.life / 10)
        }
        #expect(try await self.queue.figures(now: .now()).depths[.summarise]?.taken == 2)
        // Nor does one wait that somebody works on.
        try await self.queue.putOff([ours], now: .now())
        try await self.queue.extend([ours], now: .now())
        #expect(try await self.take().tickets.isEmpty)
    }

    func aTicketIsPutOff() async throws {
        var ticket = self.ticket()
        try await self.queue.add([ticket], now: .now())
        #expect(try await self.take().tickets.count == 1)
        let now = Timestamp.now()
        ticket.dueAt = now.advanced(by: .milliseconds(60))
        try await self.queue.putOff([ticket], now: now)
        let start = ContinuousClock.now
        let early = try await self.take()
        if early.tickets.isEmpty {
            #expect(try #require(early.nextDue) <= .milliseconds(60))
            #expect(try await self.await().tickets.map(\.id) == [ticket.id])
            #expect(ContinuousClock.now - start >= .milliseconds(30))
        }
        // One that the queue has lost is put in.
        try await self.queue.remove([ticket])
        try await self.queue.putOff([ticket], now: .now())
        #expect(try await self.await().tickets.map(\.id) == [ticket.id])
    }

    func aWaitEndsWithNewsOfItsKind() async throws {
        let empty = try await self.take()
        #expect(empty.nextDue == nil)
        async let waited: Void = self.queue.wait(after: empty, atMost: .seconds(3600))
        try await self.queue.add([self.ticket(.remember), self.ticket()], now: .now())
        await waited
        #expect(try await self.await().tickets.count == 1)
        // What came between the look and the wait is not missed.
        let late = try await self.take()
        try await self.queue.add([self.ticket()], now: .now())
        await self.queue.wait(after: late, atMost: .seconds(3600))
        #expect(try await self.await().tickets.count == 1)
    }

    func aWaitEndsAtItsTimeAndWhenCancelled() async throws {
        let take = try await self.take()
        await self.queue.wait(after: take, atMost: .milliseconds(5))
        await self.queue.wait(after: take, atMost: .zero)
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.queue.wait(after: take, atMost: .seconds(3600)) }
            group.cancelAll()
        }
    }

    func aFullQueueRefuses() async throws {
        let tickets = (0..<Self.room + 3).map { _ in self.ticket() }
        #expect(try await self.queue.add(tickets, now: .now()) == 3)
        #expect(try await self.queue.add([self.ticket(.remember)], now: .now()) == 0)
        let taken = try await self.take(5).tickets
        try await self.queue.remove(taken)
        #expect(try await self.queue.add(Array(tickets.suffix(3)), now: .now()) == 0)
        #expect(try await self.take(100).tickets.count == Self.room - 2)
    }

    func figuresTellOfEachKind() async throws {
        try await self.queue.add(
            [self.ticket(dueIn: .seconds(-5)), self.ticket(dueIn: .seconds(-9)), self.ticket(dueIn: .seconds(60))],
            now: .now())
        #expect(try await self.take(1).tickets.count == 1)
        let figures = try await self.queue.figures(now: .now())
        let depth = try #require(figures.depths[.summarise])
        #expect(depth.waiting == 2 && depth.taken == 1 && (5000..<8000).contains(depth.oldestDueMs))
    }

    func manyTakersGetEachTicketOnce() async throws {
        let tickets = (0..<Self.room).map { _ in self.ticket() }
        try await self.queue.add(tickets, now: .now())
        let taken = try await withThrowingTaskGroup(of: [JobID].self) { group in
            for _ in 0..<6 {
                group.addTask {
                    var mine: [JobID] = []
                    while true {
                        let found = try await self.take(2).tickets
                        guard !found.isEmpty else { return mine }
                        mine += found.map(\.id)
                        try await self.queue.remove(found)
                    }
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        #expect(taken.count == Self.room && Set(taken) == Set(tickets.map(\.id)))
    }
}
