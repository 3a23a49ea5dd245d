//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Logging
import ParleyCluster
import ParleyCore
import RedisClient
import ServiceLifecycle

extension Doctor {
    /// How long Redis may take to answer.
    private static let redisPatience = Duration.seconds(3)

    /// Whether the shared Redis answers and may be used, and which nodes it knows. None when no Redis is configured.
    func clusterChecks(_ settings: Settings) async -> [Check] {
        var logger = Logger(label: "parley")
        logger.logLevel = .critical
        let redis: SharedRedis
        do {
            guard let configured = try SharedRedis(settings: settings, logger: logger) else { return [] }
            redis = configured
        } catch {
            return [Check(mark: .failed, text: "\(error)")]
        }
        let registry = RedisNodeRegistry(
            client: redis.client, prefix: settings.cluster.redisPrefix, logger: logger)
        return await withTaskGroup(of: Void.self) { group in
            group.addTask { try? await redis.client.run() }
            defer { group.cancelAll() }
            do {
                try await redis.check(atMost: Self.redisPatience)
            } catch {
                return [Check(mark: .failed, text: "\(error)")]
            }
            return [Check(mark: .good, text: redis.title)] + (await Self.nodes(of: registry))
        }
    }

    private static func nodes(of registry: RedisNodeRegistry) async -> [Check] {
        let list: NodeList
        do {
            list = try await registry.refresh()
        } catch {
            return [Check(mark: .failed, text: "nodes: \(error.message)")]
        }
        guard !list.nodes.isEmpty else { return [Check(mark: .missing, text: "nodes: none has announced itself")] }
        return list.nodes.map { node in
            let record = node.record
            let state = "\(record.state.rawValue), \(record.runningTurns) answers running, version \(record.version)"
            return Check(
                mark: node.isSuspect ? .missing : .good,
                text: "node \(record.id) at \(record.address), \(state)")
        }
    }
}
