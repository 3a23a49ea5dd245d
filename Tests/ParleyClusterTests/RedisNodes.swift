//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Logging
import ParleyCluster
import ParleyCore
import RedisClient
import RedisForTest
import Testing

/// Some nodes that share a real Redis, each with a client of its own.
struct RedisNodes {
    let server: RedisServer
    let nodes: [RedisCluster]

    var a: RedisCluster { self.nodes[0] }
    var b: RedisCluster { self.nodes[1] }

    static let quickLease = Duration.milliseconds(300)

    /// Leases live for ``quickLease``, unless said otherwise, and there is no grace.
    static func run(
        _ count: Int, _ persistence: RedisServer.Persistence = .nothing, lease: Duration = CoreLimits.leaseLife,
        grace: Duration = .zero, url: @escaping @Sendable (Int, RedisServer) throws -> String = { $1.url },
        _ body: @escaping @Sendable (RedisNodes) async throws -> Void
    ) async throws {
        try await RedisServer.with(persistence) { server in
            var logger = Logger(label: "test")
            logger.logLevel = .critical
            let clients = try (0..<count).map { index in
                RedisClient(try RedisConfiguration(url: url(index, server)), logger: logger)
            }
            let nodes = clients.map { client in
                RedisCluster(
                    client: client, configuration: .init(leaseLife: lease, grace: grace), logger: logger)
            }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for client in clients { group.addTask { try await client.run() } }
                for node in nodes { group.addTask { try await node.run() } }
                for client in clients { try await client.waitUntilReady(atMost: .seconds(10)) }
                // Whoever announces before others listen is not heard.
                while try server.command("PUBSUB", "NUMSUB", "parley:free") != "parley:free\n\(count)" {
                    try await Task.sleep(for: .milliseconds(2))
                }
                defer { group.cancelAll() }
                try await body(RedisNodes(server: server, nodes: nodes))
            }
        }
    }
}

extension RedisCluster {
    /// Reads as a reader does, from the beginning to the terminal event.
    func readToTheEnd(_ turn: TurnID) async throws -> [TurnEvent] {
        var events: [TurnEvent] = []
        while events.last?.kind.isTerminal != true {
            let position = events.last?.id ?? .start
            let page = try await self.read(turn: turn, after: position, limit: 100)
            events += page.events
            if page.events.isEmpty {
                try await self.waitForEvents(turn: turn, after: position, atMost: .seconds(5))
            }
        }
        return events
    }

    /// Waits until a reader here has the event.
    func waitToSee(_ id: EventID, of turn: TurnID) async throws {
        while try await self.read(turn: turn, after: .start, limit: 10_000).events.last?.id ?? .start < id {
            try await self.waitForEvents(
                turn: turn, after: EventID(epoch: id.epoch, sequence: id.sequence - 1), atMost: .seconds(5))
        }
    }

    func say(_ texts: [String], from sequence: Int, _ lease: Lease) async throws {
        try await self.append(texts.map { .delta($0) }, firstSequence: sequence, lease: lease)
    }

    func end(_ sequence: Int, _ lease: Lease) async throws {
        try await self.append([.stopped(messageID: .generate())], firstSequence: sequence, lease: lease)
    }

    func begin(_ turn: TurnID, node: String = "a", afterEpoch: Int = 0) async throws -> Lease {
        try #require(await self.acquire(turn: turn, node: NodeID(node), afterEpoch: afterEpoch))
    }

    func seen(_ turn: TurnID) async throws -> [String] {
        try await self.read(turn: turn, after: .start, limit: 10_000).events.map(\.id.description)
    }
}

extension [TurnEvent] {
    var ids: [String] { self.map(\.id.description) }
}

/// Whether an operation fails for this reason.
func fails(_ code: ClusterError.Code, _ body: () async throws -> Void) async -> Bool {
    do {
        try await body()
        return false
    } catch {
        return (error as? ClusterError)?.code == code
    }
}
