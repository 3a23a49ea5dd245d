//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Logging
import ParleyCore
import Synchronization

/// Sees to it that the queue of ids knows every unfinished job: new ones are told to it after their commit, and rows
/// are gone through again and again for what it missed or lost.
///
/// A round of that is one node's of all that share the queue, and looks at a bounded number of rows, except after a
/// loss: then it goes through all of them.
final class JobFeeder: Sendable {
    private struct State {
        var inbox: [JobTicket] = []
        /// Whether the queue may lack any job.
        var mustWalk = true
        /// Whether the queue had no room for all.
        var isFull = false
        /// The row up to which the last round looked.
        var cursor: Int64 = 0
    }

    private let store: any JobStore
    private let queue: any JobQueue
    private let interval: Duration
    private let now: @Sendable () -> Timestamp
    private let logger: Logger
    private let state = Mutex(State())
    private let arrivals = Signal()
    private let rounds = Signal()

    /// - Parameter interval: between two rounds, give or take a fifth.
    init(
        store: any JobStore, queue: any JobQueue, interval: Duration, now: @escaping @Sendable () -> Timestamp,
        logger: Logger
    ) {
        self.store = store
        self.queue = queue
        self.interval = interval
        self.now = now
        self.logger = logger
    }

    /// Feeds until cancelled.
    func run() async {
        let added = self.store.addedJobs()
        let losses = self.queue.losses()
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                for await tickets in added { self.receive(tickets) }
            }
            group.addTask {
                for await _ in losses { self.lose() }
            }
            group.addTask {
                for await _ in self.arrivals.stream { await self.feed() }
            }
            group.addTask {
                for await _ in self.rounds.stream { await self.round() }
            }
            repeat {
                self.rounds.send()
            } while (try? await Task.sleep(for: self.interval * Double.random(in: 0.8...1.2))) != nil
            group.cancelAll()
        }
    }

    /// The queue may lack jobs: all rows are gone through.
    func lose() {
        self.state.withLock { $0.mustWalk = true }
        self.rounds.send()
    }

    /// A worker found nothing: there may be room for what the queue had none for.
    func hunger() {
        let wasFull = self.state.withLock { state in
            defer { state.isFull = false }
            return state.isFull
        }
        if wasFull { self.rounds.send() }
    }

    // MARK: New jobs

    private func receive(_ tickets: [JobTicket]) {
        self.state.withLock { state in
            if state.inbox.count < ChatLimits.waitingTickets {
                state.inbox += tickets
            } else {
                state.mustWalk = true
            }
        }
        self.arrivals.send()
    }

    private func feed() async {
        while !Task.isCancelled {
            let batch = self.state.withLock { state in
                let batch = Array(state.inbox.prefix(ChatLimits.ticketsPerAdd))
                state.inbox.removeFirst(batch.count)
                return batch
            }
            guard !batch.isEmpty else { return }
            do {
                _ = try await self.add(batch)
            } catch {
                self.logger.debug("jobs not put into the queue", metadata: ["error": "\(error)"])
                self.state.withLock { $0.mustWalk = true }
            }
        }
    }

    /// - Returns: whether there was room for all.
    private func add(_ tickets: [JobTicket]) async throws -> Bool {
        let refused = try await self.queue.add(tickets, now: self.now())
        if refused > 0 { self.state.withLock { $0.isFull = true } }
        return refused == 0
    }

    // MARK: Rounds

    private func round() async {
        do {
            let isWhole = self.state.withLock { $0.mustWalk }
            guard try await self.queue.claimRound(isWhole ? "whole" : "part", for: self.interval / 2) else { return }
            let start = isWhole ? 0 : self.state.withLock { $0.cursor }
            if isWhole { self.state.withLock { $0.mustWalk = false } }
            do {
                try await self.walk(from: start, isWhole: isWhole)
            } catch {
                if isWhole { self.state.withLock { $0.mustWalk = true } }
                throw error
            }
        } catch {
            self.logger.debug("the queue of jobs was not reconciled", metadata: ["error": "\(error)"])
        }
    }

    private func walk(from start: Int64, isWhole: Bool) async throws {
        var cursor: Int64? = start
        var looked = 0
        while let position = cursor, isWhole || looked < ChatLimits.reconciledJobs {
            try Task.checkCancellation()
            let page = try await self.store.unfinishedJobs(after: position, limit: ChatLimits.ticketsPerAdd)
            let hadRoom = page.tickets.isEmpty ? true : try await self.add(page.tickets)
            // What had no room is looked at again first.
            guard hadRoom else { break }
            cursor = page.next
            looked += ChatLimits.ticketsPerAdd
        }
        self.state.withLock { $0.cursor = cursor ?? 0 }
    }
}
