//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Logging
import ParleyCluster
import ParleyCore
import ParleyStore
import ServiceLifecycle

/// The short-lived state of a node: in this process, or on the Redis that all nodes share.
struct SharedState: Service {
    let leases: any LeaseStore
    let log: any AnswerLog
    let commands: any TurnCommands
    let sessions: any SessionStore
    /// `nil` when no other node shares the sessions.
    let sessionSignals: (any SessionSignals)?
    let nodes: any NodeRegistry
    let jobs: any JobQueue
    private let services: [any Service]

    /// Builds it. Nothing runs yet.
    init(settings: Settings, store: SQLiteStore, logger: Logger) {
        let cluster = InProcessCluster()
        self.leases = cluster
        self.log = cluster
        self.commands = cluster
        self.sessions = store
        self.sessionSignals = nil
        self.nodes = InProcessNodeRegistry()
        self.jobs = InProcessJobQueue()
        self.services = [cluster]
    }

    /// Runs until cancelled.
    func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for service in self.services {
                group.addTask { try await service.run() }
            }
            try await group.waitForAll()
        }
    }
}
