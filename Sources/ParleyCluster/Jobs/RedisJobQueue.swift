//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
public import Logging
import NIOCore
public import ParleyCore
public import RedisClient
public import ServiceLifecycle
import Synchronization

/// The queue of jobs' ids that all nodes share, in Redis. ``run()`` must be running for news to be heard at once.
///
/// Each kind has two sorted sets, `<prefix>{jobs}:due:<kind>` by the time from which the job may be taken and
/// `<prefix>{jobs}:taken:<kind>` by the end of the lease, in milliseconds of Redis' own clock. A look takes what is due
/// in one script. Whoever adds something publishes the kind on `<prefix>{jobs}:news`; that is a hint, and a look every
/// few seconds makes up for one that was lost. `<prefix>{jobs}:born` holds a random word by which it is noticed that
/// everything was removed.
///
/// After the design of asynq (https://github.com/hibiken/asynq/blob/master/internal/rdb/rdb.go), but that the job
/// itself is in the database.
public final class RedisJobQueue: JobQueue, Service {
    private let client: RedisClient
    private let keys: JobKeys
    private let limit: Int
    private let leaseLife: Duration
    private let logger: Logger
    private let news = JobNews()
    private let lossesTold = Broadcast<Void>(capacity: 1)
    /// The word by which this node knows the queue again.
    private let born = Mutex<String?>(nil)

    /// - Parameters:
    ///   - prefix: what every key begins with.
    ///   - limit: tickets of one kind that it holds.
    ///   - leaseLife: how long a taken ticket is kept from other workers.
    public init(
        client: RedisClient, prefix: String, limit: Int = CoreLimits.queuedJobs,
        leaseLife: Duration = CoreLimits.jobLeaseLife, logger: Logger
    ) {
        self.client = client
        self.keys = JobKeys(prefix: prefix)
        self.limit = limit
        self.leaseLife = leaseLife
        self.logger = logger
    }

    public var isShared: Bool { true }

    // MARK: Tickets

    @discardableResult
    public func add(_ tickets: [JobTicket], now: Timestamp) async throws(ClusterError) -> Int {
        var refused = 0
        for (kind, part) in Self.parts(tickets) {
            let head: [RedisArgument] = [.integer(self.limit), .string(self.keys.news), .string(kind.rawValue)]
            let reply = try await self.run(JobScripts.add, kind, head + Self.delays(part, now))
            refused += try Self.read { () throws(RedisError) in try reply.integer() }
        }
        return refused
    }

    public func take(_ wanted: [JobKind: Int], now: Timestamp) async throws(ClusterError) -> JobTake {
        let kinds = Array(wanted.keys)
        let heard = self.news.heard(of: kinds)
        var arguments: [RedisArgument] = [
            .string("\(UInt64.random(in: .min ... .max))"), .integer(Int(self.leaseLife.milliseconds)),
        ]
        arguments += kinds.map { .integer(min(max(wanted[$0] ?? 0, 0), ClusterLimits.ticketsPerCall)) }
        let reply = try await self.run(
            JobScripts.take, keys: [self.keys.born] + kinds.flatMap(self.keys.pair), arguments)
        let found = try Self.read { () throws(RedisError) in try Taken(reply, kinds: kinds) }
        self.know(found.born)
        return JobTake(
            tickets: found.ids.map { JobTicket(id: $0.id, kind: $0.kind, dueAt: now) }, lapsed: found.lapsed,
            nextDue: found.nextMs.map { .milliseconds($0) }, heard: heard)
    }

    public func wait(after take: JobTake, atMost: Duration) async {
        await self.news.wait(beyond: take.heard, atMost: min(atMost, take.nextDue ?? atMost))
    }

    public func extend(_ tickets: [JobTicket], now: Timestamp) async throws(ClusterError) {
        for (kind, part) in Self.parts(tickets) {
            let life = RedisArgument.integer(Int(self.leaseLife.milliseconds))
            _ = try await self.run(JobScripts.extend, kind, [life] + Self.ids(part))
        }
    }

    public func putOff(_ tickets: [JobTicket], now: Timestamp) async throws(ClusterError) {
        for (kind, part) in Self.parts(tickets) {
            let head: [RedisArgument] = [.string(self.keys.news), .string(kind.rawValue)]
            _ = try await self.run(JobScripts.putOff, kind, head + Self.delays(part, now))
        }
    }

    public func remove(_ tickets: [JobTicket]) async throws(ClusterError) {
        for (kind, part) in Self.parts(tickets) {
            _ = try await self.run(JobScripts.remove, kind, Self.ids(part))
        }
    }

    public func claimRound(_ name: String, for duration: Duration) async throws(ClusterError) -> Bool {
        do {
            return try await self.client.claimRound(self.keys.round(name), for: duration)
        } catch {
            throw ClusterError(error)
        }
    }

    public func figures(now: Timestamp) async throws(ClusterError) -> JobQueueFigures {
        let kinds = JobKind.allCases
        let reply = try await self.run(JobScripts.figures, keys: kinds.flatMap(self.keys.pair), [])
        let numbers = try Self.read { () throws(RedisError) in
            var numbers: [Int] = []
            for value in try reply.array() { numbers.append(try value.integer()) }
            return numbers
        }
        guard numbers.count == 3 * kinds.count else { throw Self.strange }
        var figures = JobQueueFigures(depths: [:])
        for (index, kind) in kinds.enumerated() {
            figures.depths[kind] = .init(
                waiting: numbers[3 * index], taken: numbers[3 * index + 1], oldestDueMs: Int64(numbers[3 * index + 2]))
        }
        return figures
    }

    // MARK: Redis

    private func run(
        _ script: RedisScript, _ kind: JobKind, _ arguments: [RedisArgument]
    ) async throws(ClusterError) -> RedisValue {
        try await self.run(script, keys: self.keys.pair(kind), arguments)
    }

    private func run(
        _ script: RedisScript, keys: [String], _ arguments: [RedisArgument]
    ) async throws(ClusterError) -> RedisValue {
        do {
            return try await self.client.run(script, keys: keys, arguments: arguments)
        } catch {
            throw ClusterError(error)
        }
    }

    private static func read<Value>(_ body: () throws(RedisError) -> Value) throws(ClusterError) -> Value {
        do {
            return try body()
        } catch {
            throw ClusterError(error)
        }
    }

    private static var strange: ClusterError {
        ClusterError(.unavailable, "the queue of jobs answered with something else")
    }

    /// Of one kind each, and no more than one script can take.
    private static func parts(_ tickets: [JobTicket]) -> [(kind: JobKind, tickets: ArraySlice<JobTicket>)] {
        Dictionary(grouping: tickets, by: \.kind).flatMap { kind, tickets in
            stride(from: 0, to: tickets.count, by: ClusterLimits.ticketsPerCall).map { start in
                (kind, tickets[start..<min(start + ClusterLimits.ticketsPerCall, tickets.count)])
            }
        }
    }

    private static func ids(_ tickets: ArraySlice<JobTicket>) -> [RedisArgument] {
        tickets.map { .string($0.id.description) }
    }

    /// Ids, and how far away their times are, in milliseconds.
    private static func delays(_ tickets: ArraySlice<JobTicket>, _ now: Timestamp) -> [RedisArgument] {
        tickets.flatMap { ticket -> [RedisArgument] in
            let delay = ticket.dueAt.milliseconds.subtractingReportingOverflow(now.milliseconds)
            // Never so far that a sorted set could not tell two times apart.
            let bounded = delay.overflow ? 0 : min(max(delay.partialValue, -1 << 50), 1 << 50)
            return [.string(ticket.id.description), .integer(Int(bounded))]
        }
    }
}

// MARK: News and losses

extension RedisJobQueue {
    /// Listens until cancelled or the graceful shutdown.
    public func run() async throws {
        await cancelWhenGracefulShutdown {
            await withTaskGroup(of: Void.self) { group in
                group.addTask { await self.listen() }
                group.addTask { await self.watch() }
                await group.waitForAll()
            }
        }
    }

    private func listen() async {
        let hints = RedisHints(
            client: self.client, channels: [self.keys.news], capacity: ClusterLimits.waitingJobNews,
            logger: self.logger)
        await hints.read {
            self.news.tell(of: JobKind.allCases)
        } onMessage: { _, payload in
            let kind = JobKind(rawValue: String(buffer: payload))
            self.news.tell(of: kind.map { [$0] } ?? JobKind.allCases)
        }
    }

    /// A Redis that was away may be another one, or have lost its last second.
    private func watch() async {
        var wasAway = false
        for await state in self.client.states() {
            switch state {
            case .down: wasAway = true
            case .ready where wasAway:
                wasAway = false
                self.tellOfLoss()
            default: break
            }
        }
    }

    /// - Parameter born: the word by which the queue is known.
    private func know(_ born: String) {
        let isOther = self.born.withLock { known in
            defer { known = born }
            return known != nil && known != born
        }
        if isOther { self.tellOfLoss() }
    }

    private func tellOfLoss() {
        self.lossesTold.tell(())
        self.news.tell(of: JobKind.allCases)
    }

    public func losses() -> AsyncStream<Void> {
        self.lossesTold.listen()
    }
}

/// What a look found, as the script says it.
private struct Taken {
    var born: String
    var nextMs: Int?
    var lapsed = 0
    var ids: [(id: JobID, kind: JobKind)] = []

    init(_ reply: RedisValue, kinds: [JobKind]) throws(RedisError) {
        let parts = try reply.array()
        guard parts.count == 2 + 2 * kinds.count else {
            throw RedisError(.decoding, "a look into the queue of jobs found something else", wasSent: true)
        }
        self.born = try parts[0].string()
        let next = try parts[1].integer()
        self.nextMs = next < 0 ? nil : next
        for (index, kind) in kinds.enumerated() {
            self.lapsed += try parts[2 + 2 * index].integer()
            for value in try parts[3 + 2 * index].array() {
                // What is none of ours is left to lapse again and again, and harms nobody.
                if let id = JobID(try value.string()) { self.ids.append((id, kind)) }
            }
        }
    }
}
