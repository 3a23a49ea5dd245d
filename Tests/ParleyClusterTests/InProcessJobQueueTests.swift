//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCore
import Testing

@testable import ParleyCluster

@Suite("The queue of jobs in this process keeps the contract", .timeLimit(.minutes(1)))
struct InProcessJobQueueTests {
    private let contract = JobQueueContract(
        queue: InProcessJobQueue(limit: JobQueueContract.room, leaseLife: JobQueueContract.life))

    @Test("tickets are taken once, the longest due first, of the kinds asked for")
    func order() async throws { try await self.contract.ticketsAreTakenOnceTheLongestDueFirst() }

    @Test("a ticket is there once, waiting or taken")
    func once() async throws { try await self.contract.aTicketIsThereOnce() }

    @Test("a ticket that is never given back comes again")
    func lapses() async throws { try await self.contract.aTicketThatIsNeverGivenBackComesAgain() }

    @Test("an extended ticket stays taken")
    func extends() async throws { try await self.contract.anExtendedTicketStaysTaken() }

    @Test("a ticket is put off")
    func putsOff() async throws { try await self.contract.aTicketIsPutOff() }

    @Test("a wait ends with news of its kind")
    func news() async throws { try await self.contract.aWaitEndsWithNewsOfItsKind() }

    @Test("a wait ends at its time and when it is cancelled")
    func waits() async throws { try await self.contract.aWaitEndsAtItsTimeAndWhenCancelled() }

    @Test("a full queue refuses")
    func full() async throws { try await self.contract.aFullQueueRefuses() }

    @Test("figures tell of each kind")
    func figures() async throws { try await self.contract.figuresTellOfEachKind() }

    @Test("many takers get each ticket once")
    func many() async throws { try await self.contract.manyTakersGetEachTicketOnce() }
}

@Suite("A table of tickets")
struct TicketTableTests {
    @Test("does what a plain list does, whatever happens to its tickets")
    func plain() {
        var random = SystemRandomNumberGenerator()
        let ids = (0..<40).map { _ in JobID.generate() }
        var table = TicketTable()
        // What a ticket waits for: its due time, or the end of its lease.
        var plain: [JobID: (at: Int64, isTaken: Bool)] = [:]
        for now in 0..<Int64(20_000) {
            let id = ids.randomElement(using: &random) ?? ids[0]
            let time = now + Int64.random(in: -5...20, using: &random)
            switch Int.random(in: 0..<6, using: &random) {
            case 0:
                #expect(table.add(id, dueAt: time) == (plain[id] == nil))
                if plain[id] == nil { plain[id] = (time, false) }
            case 1:
                table.putOff(id, dueAt: time)
                plain[id] = (time, false)
            case 2:
                table.extend(id, dueAt: time, until: now + 10)
                plain[id] = (now + 10, true)
            case 3:
                table.remove(id)
                plain[id] = nil
            default:
                let limit = Int.random(in: 1...3, using: &random)
                let taken = table.take(limit: limit, now: now, until: now + 10)
                let due = plain.filter { $0.value.at <= now }
                #expect(taken.tickets.count == min(limit, due.count))
                #expect(taken.lapsed == min(limit, due.count { $0.value.isTaken }))
                #expect(taken.tickets.allSatisfy { due[$0.id] != nil })
                for ticket in taken.tickets { plain[ticket.id] = (now + 10, true) }
            }
            #expect(table.nextDue() == plain.values.map(\.at).min())
            let depth = table.depth(now: now)
            #expect(depth.taken == plain.values.count(where: \.isTaken) && depth.waiting + depth.taken == plain.count)
        }
    }
}
