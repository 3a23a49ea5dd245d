//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ArgumentParser

/// Puts jobs that do nothing into a database and works on them, for `Benchmarks/jobs/run` and for tests that kill it.
@main
struct JobWorker: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "job-worker", abstract: "Fill a queue with jobs that do nothing, and work on them.",
        subcommands: [Fill.self, Work.self])
}
