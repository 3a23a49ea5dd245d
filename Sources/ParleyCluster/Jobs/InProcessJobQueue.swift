//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
public import ParleyCore
import Synchronization

/// The queue of jobs' ids of a single process, in memory.
public final class InProcessJobQueue: JobQueue {
    private let limit: Int
    private let leaseLife: Duration
    private let news = JobNews()
    private let tables = Mutex<[JobKind: TicketTable]>([:])

    /// - Parameters:
    ///   - limit: tickets of one kind that it holds.
    ///   - leaseLife: how long a taken ticket is kept from other workers.
    public init(limit: Int = CoreLimits.queuedJobs, leaseLife: Duration = CoreLimits.jobLeaseLife) {
        self.limit = limit
        self.leaseLife = leaseLife
    }

    public var isShared: Bool { false }

    @discardableResult
    public func add(_ tickets: [JobTicket], now: Timestamp) async throws(ClusterError) -> Int {
        let (refused, kinds) = self.tables.withLock { tables in
            var refused = 0
            var kinds: Set<JobKind> = []
            for ticket in tickets {
                guard tables[ticket.kind, default: TicketTable()].count < self.limit else {
                    refused += 1
                    continue
                }
                if tables[ticket.kind, default: TicketTable()]
                    .add(ticket.id, dueAt: ticket.dueAt.milliseconds)
                {
                    kinds.insert(ticket.kind)
                }
            }
            return (refused, kinds)
        }
        self.news.tell(of: kinds)
        return refused
    }

    public func take(_ wanted: [JobKind: Int], now: Timestamp) async throws(ClusterError) -> JobTake {
        let heard = self.news.heard(of: wanted.keys)
        let end = now.advanced(by: self.leaseLife).milliseconds
        return self.tables.withLock { tables in
            var take = JobTake(tickets: [], lapsed: 0, nextDue: nil, heard: heard)
            for (kind, count) in wanted {
                let found = tables[kind, default: TicketTable()]
                    .take(limit: count, now: now.milliseconds, until: end)
                take.lapsed += found.lapsed
                take.tickets += found.tickets.map { ticket in
                    JobTicket(id: ticket.id, kind: kind, dueAt: Timestamp(milliseconds: ticket.dueAt))
                }
                if let next = tables[kind]?.nextDue() {
                    let wait = Duration.milliseconds(max(next - now.milliseconds, 0))
                    take.nextDue = min(take.nextDue ?? wait, wait)
                }
            }
            return take
        }
    }

    public func wait(after take: JobTake, atMost: Duration) async {
        await self.news.wait(beyond: take.heard, atMost: min(atMost, take.nextDue ?? atMost))
    }

    public func extend(_ tickets: [JobTicket], now: Timestamp) async throws(ClusterError) {
        let end = now.advanced(by: self.leaseLife).milliseconds
        self.change(tickets) { $0.extend($1.id, dueAt: $1.dueAt.milliseconds, until: end) }
    }

    public func putOff(_ tickets: [JobTicket], now: Timestamp) async throws(ClusterError) {
        self.change(tickets) { $0.putOff($1.id, dueAt: $1.dueAt.milliseconds) }
        self.news.tell(of: tickets.map(\.kind))
    }

    public func remove(_ tickets: [JobTicket]) async throws(ClusterError) {
        self.change(tickets) { $0.remove($1.id) }
    }

    private func change(_ tickets: [JobTicket], _ body: (inout TicketTable, JobTicket) -> Void) {
        self.tables.withLock { tables in
            for ticket in tickets {
                body(&tables[ticket.kind, default: TicketTable()], ticket)
            }
        }
    }

    /// There is no other node.
    public func claimRound(_ name: String, for duration: Duration) async throws(ClusterError) -> Bool { true }

    /// Nothing is ever lost here but together with this process: the sequence ends at once.
    public func losses() -> AsyncStream<Void> {
        AsyncStream { $0.finish() }
    }

    public func figures(now: Timestamp) async throws(ClusterError) -> JobQueueFigures {
        self.tables.withLock { tables in
            var figures = JobQueueFigures(depths: [:])
            for kind in tables.keys {
                figures.depths[kind] = tables[kind]?.depth(now: now.milliseconds)
            }
            return figures
        }
    }
}
