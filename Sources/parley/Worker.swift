//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ArgumentParser
import Logging
import ParleyCore

/// `parley worker`: background work alone.
struct Worker: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Do background work only: read documents, sum up conversations, learn facts.",
        discussion: """
            A `parley serve` does this itself unless PARLEY_WORK_IN_SERVE is false. Any number of workers may run \
            beside any number of servers on the same data; with REDIS_URL they share one queue. It listens on no \
            port. SIGTERM lets running jobs come to their end for a moment and hands the others back.
            """)

    @OptionGroup var options: SettingsOptions

    func run() async throws {
        let settings = try await Settings(options: self.options)
        LoggingSetup.bootstrap(settings)
        var logger = Logger(label: "parley")
        logger[metadataKey: "node"] = "\(settings.nodeID)"
        do {
            let node = try await WorkerNode(settings: settings, logger: logger)
            try await NodeGroup.run(node, on: node.services, logger: logger)
        } catch let error as StoreError {
            throw StartError("the data folder \(settings.dataDir) cannot be used: \(error.message)")
        }
    }
}
