//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import RedisClient
import RedisForTest
import ServiceLifecycle
import Testing

/// A real Redis with the clients of some nodes.
struct SharedRedis: Sendable {
    let server: RedisServer
    let clients: [RedisClient]

    /// Runs the body with a server and connected clients.
    static func run(
        _ count: Int = 1, _ persistence: RedisServer.Persistence = .nothing,
        _ body: (SharedRedis) async throws -> Void
    ) async throws {
        try await RedisServer.with(persistence) { server in
            let clients = try (0..<count).map { _ in
                var configuration = try RedisConfiguration(url: server.url)
                configuration.longestPause = .milliseconds(100)
                return RedisClient(configuration, logger: quiet)
            }
            let redis = SharedRedis(server: server, clients: clients)
            try await redis.running(clients) {
                for client in clients { try await client.waitUntilReady(atMost: .seconds(10)) }
                try await body(redis)
            }
        }
    }

    /// Runs services while the body runs.
    func running(_ services: [any Service], _ body: () async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for service in services { group.addTask { try await service.run() } }
            defer { group.cancelAll() }
            try await body()
        }
    }

    /// Waits until so many clients listen to a channel.
    func listeners(_ count: Int, of channel: String) async throws {
        while try self.server.command("PUBSUB", "NUMSUB", channel) != "\(channel)\n\(count)" {
            try await Task.sleep(for: .milliseconds(2))
        }
    }
}

/// Waits until something is so: a test that waits for what another process does has no event of its own to wait for.
func until(_ condition: () async throws -> Bool) async throws {
    while try await !condition() { try await Task.sleep(for: .milliseconds(2)) }
}
