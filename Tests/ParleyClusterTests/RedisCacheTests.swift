//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCluster
import ParleyCore
import RedisClient
import RedisForTest
import Testing

@Suite("The cache on Redis", .timeLimit(.minutes(1)))
struct RedisCacheTests {
    private let key = CacheKey("k", tags: ["t"])

    @Test("while Redis is away values are made, none is kept, and an invalidation is refused")
    func away() async throws {
        try await SharedRedis.run(1, .always) { redis in
            let cache = SharedCache(RedisCache(client: redis.clients[0]))
            await cache.set([1], for: self.key, life: .seconds(60))
            try await redis.server.kill()
            #expect(await cache.value(for: self.key, life: .seconds(60)) { [2] } == [2])
            #expect(await cache.get(self.key) == nil)
            await #expect(throws: ClusterError.self) { try await cache.invalidate(tag: "t") }
            try await redis.server.start()
            try await redis.clients[0].waitUntilReady(atMost: .seconds(10))
            try await until { await cache.get(self.key) == [1] }
        }
    }

    @Test("a tag that Redis forgot makes its values void rather than live again")
    func forgottenTag() async throws {
        try await SharedRedis.run { redis in
            let cache = SharedCache(RedisCache(client: redis.clients[0]))
            await cache.set([1], for: self.key, life: .seconds(60))
            try await cache.invalidate(tag: "t")
            try redis.server.command("DEL", "parley:{cache}:tag:t")
            #expect(await cache.get(self.key) == nil)
            await cache.set([2], for: self.key, life: .seconds(60))
            #expect(await cache.get(self.key) == [2])
            try redis.server.command("DEL", "parley:{cache}:tag:t")
            #expect(await cache.get(self.key) == nil)
        }
    }

    @Test("everything in Redis has an end")
    func expires() async throws {
        try await SharedRedis.run { redis in
            let store = RedisCache(client: redis.clients[0])
            await SharedCache(store).set([1], for: self.key, life: .seconds(60))
            _ = await store.look(CacheKey("other", tags: ["u"]), toMake: true)
            let keys = try redis.server.command("KEYS", "*").split(separator: "\n").map(String.init)
            #expect(keys.count == 4)
            for key in keys { #expect(Int(try redis.server.command("PTTL", key)) ?? -1 > 0, "\(key)") }
        }
    }

    @Test("when a maker dies, another makes the value after a short while")
    func deadMaker() async throws {
        try await SharedRedis.run(2) { redis in
            let (dead, alive) = (RedisCache(client: redis.clients[0]), RedisCache(client: redis.clients[1]))
            guard case .absent(let ticket?) = await dead.look(self.key, toMake: true) else {
                Issue.record("nobody else makes it")
                return
            }
            #expect(await alive.look(self.key, toMake: true) == .busy)
            try redis.server.command("PEXPIRE", "parley:{cache}:maker:k", "50")
            #expect(await SharedCache(alive).value(for: self.key, life: .seconds(60)) { [2] } == [2])
            // The dead one's late value is as good as the other; its hold was not the other's.
            #expect(await dead.put([1], for: self.key, life: .seconds(60), ticket: ticket))
            try await SharedCache(alive).invalidate(tag: "t")
            #expect(await !dead.put([1], for: self.key, life: .seconds(60), ticket: ticket))
        }
    }
}
