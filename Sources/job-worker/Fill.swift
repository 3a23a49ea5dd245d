//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ArgumentParser
import ParleyCore
import ParleyStore

/// Enqueues jobs.
struct Fill: AsyncParsableCommand {
    @Option(help: "The database file; made if it is not there.")
    var database: String

    @Option(help: "How many jobs.")
    var jobs = 10_000

    @Flag(help: "Survive the death of the process only, not the loss of power.")
    var fast = false

    func run() async throws {
        let store = try SQLiteStore(path: self.database, durability: self.fast ? .processCrash : .powerLoss)
        let start = ContinuousClock.now
        try await store.fill(self.jobs)
        try await store.close()
        let seconds = (ContinuousClock.now - start).inSeconds
        print("filled \(self.jobs) in \(seconds) s")
    }
}

extension SQLiteStore {
    /// Enqueues so many jobs from 64 tasks.
    func fill(_ count: Int) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for task in 0..<64 {
                group.addTask {
                    for _ in stride(from: task, to: count, by: 64) {
                        _ = try await self.enqueue(NewJob(kind: .remember, payload: "{}", runAt: .now()))
                    }
                }
            }
            try await group.waitForAll()
        }
    }
}
