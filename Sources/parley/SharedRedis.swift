//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Logging
import ParleyHTTP
import RedisClient

/// The Redis that nodes share: how it is reached, and whether it may be used.
struct SharedRedis: Sendable {
    /// How long a start waits before it says again that it waits.
    private static let patience = Duration.seconds(5)

    let client: RedisClient
    /// Without the password.
    private let address: String
    private let logger: Logger

    /// `nil` when none is configured.
    ///
    /// - Throws: `StartError` when the address cannot be read.
    init?(settings: Settings, logger: Logger) throws {
        guard let url = settings.cluster.redisURL else { return nil }
        var configuration: RedisConfiguration
        do throws(RedisError) {
            configuration = try RedisConfiguration(url: url)
        } catch {
            throw StartError("REDIS_URL: \(error.message)")
        }
        if let password = settings.cluster.redisPassword { configuration.password = password }
        if let file = settings.cluster.redisCAFile {
            guard configuration.tls != nil else {
                throw StartError("REDIS_CA_FILE needs a REDIS_URL that begins with rediss:// or rediss-sentinel://")
            }
            configuration.tls?.authoritiesFile = file
        }
        self.client = RedisClient(configuration, logger: logger)
        self.address = "\(configuration)"
        self.logger = logger
    }

    /// Waits until Redis answers, for as long as it takes.
    ///
    /// - Throws: `StartError` when it may evict keys or refuses us; `CancellationError`.
    func waitUntilReady() async throws {
        while true {
            let memory: RedisInfo
            do throws(RedisError) {
                memory = try await self.memory(atMost: Self.patience)
            } catch {
                try await self.waited(because: error)
                continue
            }
            return try self.checkEviction(memory)
        }
    }

    /// Looks once whether Redis answers and may be used.
    ///
    /// - Throws: `StartError` with the reason, for people.
    func check(atMost patience: Duration) async throws {
        let memory: RedisInfo
        do throws(RedisError) {
            memory = try await self.memory(atMost: patience)
        } catch {
            throw StartError("\(self.title): \(error.message)")
        }
        try self.checkEviction(memory)
    }

    /// What Redis says of its memory, once it answers.
    private func memory(atMost patience: Duration) async throws(RedisError) -> RedisInfo {
        try await self.client.waitUntilReady(atMost: patience)
        return try await self.client.info("memory")
    }

    /// For people.
    var title: String { "Redis at \(self.address)" }

    private func waited(because error: RedisError) async throws {
        try Task.checkCancellation()
        if error.code == .authentication {
            throw StartError("\(self.title) refuses us: \(error.message)")
        }
        self.logger.notice(
            "waiting for Redis", metadata: ["address": "\(self.address)", "reason": "\(error.message)"])
        try await Task.sleep(for: .milliseconds(200))
    }

    /// A Redis that throws keys away when it is full would lose leases and answers of turns that run.
    private func checkEviction(_ memory: RedisInfo) throws {
        guard let policy = memory["maxmemory_policy"], policy != "noeviction", memory["maxmemory"] != "0"
        else { return }
        throw StartError(
            "\(self.title) has maxmemory-policy \(policy): it could throw away what running answers need. "
                + "Set maxmemory-policy to noeviction.")
    }

    var condition: ComponentCondition {
        switch self.client.state {
        case .ready: ComponentCondition(name: "ready")
        case .connecting: ComponentCondition(name: "degraded", detail: "\(self.title) is being connected.")
        case .down(let reason, _):
            ComponentCondition(
                name: "degraded",
                detail: "\(self.title) is away (\(reason.message)): this node goes on alone.")
        }
    }
}
