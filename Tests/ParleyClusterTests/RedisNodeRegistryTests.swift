//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCluster
import ParleyCore
import RedisForTest
import Testing

@Suite("The registry on Redis", .timeLimit(.minutes(1)))
struct RedisNodeRegistryTests {
    private func node(_ name: String, epoch: Int = 0) -> NodeRecord {
        NodeRecord(
            id: NodeID(name), address: "http://\(name)", version: "1", epoch: epoch,
            startedAt: Timestamp(milliseconds: 5))
    }

    private func names(_ registry: RedisNodeRegistry) async -> String {
        await registry.list().nodes.map(\.record.id.name).joined()
    }

    /// Registries of nodes `a`, `b`, …, and a heart for each.
    private func withNodes(
        _ count: Int, _ persistence: RedisServer.Persistence = .nothing,
        _ body: (SharedRedis, [RedisNodeRegistry], [RegistryHeart]) async throws -> Void
    ) async throws {
        try await SharedRedis.run(count, persistence) { redis in
            let registries = redis.clients.map { RedisNodeRegistry(client: $0, logger: quiet) }
            let hearts = zip(registries, ["a", "b", "c", "d"]).map { registry, name in
                RegistryHeart(registry: registry, interval: .milliseconds(200), logger: quiet) { self.node(name) }
            }
            try await redis.running(registries + hearts) {
                for registry in registries {
                    try await until { await registry.list().nodes.count == count }
                }
                try await redis.listeners(count, of: "parley:{nodes}:news")
                try await body(redis, registries, hearts)
            }
        }
    }

    @Test("nodes know of each other, and of one that goes at once")
    func knowEachOther() async throws {
        try await self.withNodes(3) { _, registries, hearts in
            for registry in registries { #expect(await self.names(registry) == "abc") }
            let start = ContinuousClock.now
            await hearts[1].end()
            for registry in registries { try await until { await self.names(registry) == "ac" } }
            // Well before the next reading: the hint did it.
            #expect(start.duration(to: .now) < .seconds(2))
            #expect(await !registries[0].list().isFrozen)
        }
    }

    @Test("all but one may go at once if they say so")
    func withdraws() async throws {
        try await self.withNodes(4) { _, registries, hearts in
            for heart in hearts.dropFirst() { await heart.end() }
            try await until { await self.names(registries[0]) == "a" }
            #expect(await !registries[0].list().isFrozen)
        }
    }

    @Test("a node that falls silent is suspect, then gone; when most do, the list stands")
    func silence() async throws {
        try await SharedRedis.run { redis in
            let registry = RedisNodeRegistry(client: redis.clients[0], logger: quiet)
            for name in ["a", "b", "c", "d"] { _ = try await registry.announce(self.node(name)) }
            let reader = RedisNodeRegistry(client: redis.clients[0], logger: quiet)
            func silence(_ name: String, _ seconds: Int) async throws -> NodeList {
                let time = try #require(Int(try redis.server.command("TIME").split(separator: "\n")[0]))
                try redis.server.command("ZADD", "parley:{nodes}:seen", "\((time - seconds) * 1000)", name)
                return try await reader.refresh()
            }
            #expect(try await silence("d", 3).nodes.allSatisfy { !$0.isSuspect })
            #expect(try await silence("d", 9).nodes.filter(\.isSuspect).map(\.record.id.name) == ["d"])
            #expect(try await silence("d", 13).nodes.map(\.record.id.name) == ["a", "b", "c"])
            _ = try redis.server.command("ZREM", "parley:{nodes}:seen", "b")
            let frozen = try await silence("c", 13)
            #expect(frozen.isFrozen && frozen.nodes.map(\.record.id.name) == ["a", "b", "c"])
        }
    }

    @Test("a flush empties no list, and nodes announce themselves again")
    func flush() async throws {
        try await self.withNodes(2) { redis, registries, _ in
            var changes = await registries[0].changes().makeAsyncIterator()
            try redis.server.command("FLUSHALL")
            let list = try await registries[0].refresh()
            #expect(list.nodes.map(\.record.id.name) == ["a", "b"])
            try await until { try redis.server.command("ZCARD", "parley:{nodes}:seen") == "2" }
            let after = try await registries[0].refresh()
            #expect(!after.isFrozen && after.nodes.count == 2 && after.nodes.allSatisfy { !$0.isSuspect })
            // Whatever was told meanwhile, at no time was a node missing.
            if list.isFrozen { #expect(try #require(await changes.next()).nodes.count == 2) }
        }
    }

    @Test("while Redis is away the last list stands, and afterwards all is well again")
    func away() async throws {
        try await self.withNodes(3) { redis, registries, _ in
            try await redis.server.kill()
            try await until { await registries[0].list().isFrozen }
            #expect(await self.names(registries[0]) == "abc")
            await #expect(throws: ClusterError.self) { try await registries[0].refresh() }
            try await redis.server.start()
            try await until {
                let list = await registries[0].list()
                #expect(list.nodes.count == 3)
                return !list.isFrozen && list.nodes.allSatisfy { !$0.isSuspect }
            }
        }
    }

    @Test("a later start has a higher epoch also in a Redis that was emptied")
    func epochs() async throws {
        try await SharedRedis.run { redis in
            let registry = RedisNodeRegistry(client: redis.clients[0], logger: quiet)
            let first = try await registry.announce(self.node("a"))
            try redis.server.command("FLUSHALL")
            let second = try await registry.announce(self.node("a"))
            #expect(second > first)
            await #expect {
                _ = try await registry.announce(self.node("a", epoch: first))
            } throws: {
                ($0 as? ClusterError)?.code == .fenced
            }
            try redis.server.command("FLUSHALL")
            #expect(try await registry.announce(self.node("a", epoch: second)) == second)
        }
    }

    @Test("a state of a later release counts as one that takes nothing new; what is no record is not listed")
    func laterRelease() async throws {
        try await SharedRedis.run { redis in
            let registry = RedisNodeRegistry(client: redis.clients[0], logger: quiet)
            for name in ["a", "b"] { _ = try await registry.announce(self.node(name)) }
            let json =
                #"{"address":"x","version":"9","weight":1,"state":"new","runningTurns":0,"startedAt":1,"more":[]}"#
            try redis.server.command("HSET", "parley:{nodes}:records", "a", json)
            try redis.server.command("HSET", "parley:{nodes}:records", "b", "no JSON")
            let reader = RedisNodeRegistry(client: redis.clients[0], logger: quiet)
            let list = try await reader.refresh()
            #expect(list.nodes.map(\.record.state) == [.serving])
        }
    }
}
