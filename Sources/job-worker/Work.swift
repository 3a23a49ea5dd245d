//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ArgumentParser
import Foundation
import Logging
import ParleyChat
import ParleyCluster
import ParleyCore
import ParleyStore
import RedisClient
import ServiceLifecycle

/// Works on jobs until none is left or it is ended.
struct Work: AsyncParsableCommand {
    @Option(help: "The database file.")
    var database: String

    @Option(help: "The shared queue's Redis; without it the queue is this process's own.")
    var redisURL: String?

    @Option(help: "Jobs that are done at once.")
    var concurrency = 512

    @Option(help: "How long each job takes at most, in milliseconds; the time is random.")
    var workMs = 0

    @Option(help: "Enqueue so many jobs while working.")
    var feed = 0

    @Flag(help: "Go on when there is no job left.")
    var stay = false

    @Flag(help: "Survive the death of the process only, not the loss of power.")
    var fast = false

    func run() async throws {
        LoggingSystem.bootstrap { StreamLogHandler.standardError(label: $0) }
        var logger = Logger(label: "job-worker")
        logger.logLevel = .warning
        let store = try SQLiteStore(path: self.database, durability: self.fast ? .processCrash : .powerLoss)
        let (queue, services) = try self.queue(logger)
        let runner = JobRunner(
            store: store, queue: queue, handlers: [NoWork(concurrency: self.concurrency, mostMs: self.workMs)],
            node: NodeID("worker-\(getpid())"), logger: logger)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for service in services { group.addTask { try await service.run() } }
            group.addTask { try await runner.run() }
            let start = ContinuousClock.now
            print("begun \(Date().timeIntervalSince1970)")
            fflush(nil)
            if self.feed > 0 { try await store.fill(self.feed) }
            try await self.waitForTheEnd(store)
            print("ended \(Date().timeIntervalSince1970) after \((ContinuousClock.now - start).inSeconds) s")
            fflush(nil)
            group.cancelAll()
        }
    }

    private func queue(_ logger: Logger) throws -> (any JobQueue, [any Service]) {
        guard let redisURL = self.redisURL else { return (InProcessJobQueue(), []) }
        let client = RedisClient(try RedisConfiguration(url: redisURL), logger: logger)
        let queue = RedisJobQueue(client: client, prefix: "parley:", logger: logger)
        return (queue, [client, queue])
    }

    private func waitForTheEnd(_ store: SQLiteStore) async throws {
        while true {
            try await Task.sleep(for: .milliseconds(self.stay ? 1000 : 50))
            let figures = try await store.jobFigures(now: .now())
            if !self.stay, figures.waiting + figures.running == 0 { return }
        }
    }
}

/// Does nothing for a while.
private struct NoWork: JobHandler {
    let kind = JobKind.remember
    let concurrency: Int
    let mostMs: Int
    let patience = Duration.seconds(60)

    func run(_ job: Job, progress: JobProgress) async throws(JobError) {
        guard self.mostMs > 0 else { return }
        try? await Task.sleep(for: .milliseconds(Int.random(in: 0...self.mostMs)))
    }
}
