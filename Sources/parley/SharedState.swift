//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Logging
import ParleyCluster
import ParleyCore
import ParleyHTTP
import ParleyStore
import RedisClient
import ServiceLifecycle

/// The short-lived state of a node: in this process, or on the Redis that all nodes share.
struct SharedState: Sendable {
    let leases: any LeaseStore
    let log: any AnswerLog
    let commands: any TurnCommands
    let sessions: any SessionStore
    /// `nil` when no other node shares the sessions.
    let sessionSignals: (any SessionSignals)?
    let nodes: any NodeRegistry
    let jobs: any JobQueue
    /// What must run before a node does and until it has ended, in this order.
    let services: [any Service]
    private let redis: SharedRedis?

    /// Builds it. Nothing runs yet.
    ///
    /// - Throws: `StartError` when the address of Redis cannot be read.
    init(settings: Settings, store: SQLiteStore, logger: Logger) throws {
        guard let redis = try SharedRedis(settings: settings, logger: logger) else {
            let cluster = InProcessCluster()
            self.leases = cluster
            self.log = cluster
            self.commands = cluster
            self.sessions = store
            self.sessionSignals = nil
            self.nodes = InProcessNodeRegistry()
            self.jobs = InProcessJobQueue()
            self.services = [cluster]
            self.redis = nil
            return
        }
        let prefix = settings.cluster.redisPrefix
        let cluster = RedisCluster(client: redis.client, configuration: .init(prefix: prefix), logger: logger)
        let jobs = RedisJobQueue(client: redis.client, prefix: prefix, logger: logger)
        let sessions = RedisSessionStore(client: redis.client, prefix: prefix, logger: logger)
        let nodes = RedisNodeRegistry(client: redis.client, prefix: prefix, logger: logger)
        self.leases = cluster
        self.log = cluster
        self.commands = cluster
        self.sessions = sessions
        self.sessionSignals = sessions
        self.nodes = nodes
        self.jobs = jobs
        self.services = [redis.client, cluster, jobs, sessions, nodes]
        self.redis = redis
    }

    /// Waits for the shared Redis, says so, and looks whether it may be used.
    ///
    /// - Throws: `StartError` when it may evict what nodes rely on, or refuses us; `CancellationError`.
    func waitUntilReady() async throws {
        try await self.redis?.waitUntilReady()
    }

    /// How the shared Redis is; `nil` when this node is alone.
    var condition: ComponentCondition? {
        self.redis?.condition
    }
}
