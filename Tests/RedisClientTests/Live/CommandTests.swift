//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import NIOCore
import Testing

@testable import RedisClient

/// Every typed command against a real server, in both protocols.
@Suite(.enabled(if: RedisServer.isInstalled), .timeLimit(.minutes(1)))
struct CommandTests {
    static let versions: [RedisConfiguration.ProtocolVersion] = [.newest, .resp2]

    private func text(_ buffer: ByteBuffer?) -> String? { buffer.map { String(buffer: $0) } }

    @Test("strings", arguments: versions)
    func strings(version: RedisConfiguration.ProtocolVersion) async throws {
        let server = try await RedisServer()
        try await withClient(configuration(server.port, version)) { client in
            #expect(try await client.get("a") == nil)
            #expect(try await client.set("a", "1"))
            #expect(try await self.text(client.get("a")) == "1")
            #expect(try await !client.set("a", "2", when: .isAbsent))
            #expect(try await !client.set("b", "2", when: .isPresent))
            #expect(try await client.set("b", "2", expiresIn: .seconds(60), when: .isAbsent))
            guard case .remaining(let life) = try await client.pttl("b") else {
                Issue.record("no expiry")
                return
            }
            #expect(life > .seconds(50) && life <= .seconds(60))
            #expect(try await client.pttl("a") == .unlimited)
            #expect(try await client.pttl("c") == .absent)
            #expect(try await client.pexpire("a", in: .seconds(9)))
            #expect(try await !client.pexpire("c", in: .seconds(9)))
            #expect(try await client.exists(["a", "b", "c"]) == 2)
            #expect(try await client.mget(["a", "c", "b"]).map(self.text) == ["1", nil, "2"])
            #expect(try await client.incrby("n") == 1)
            #expect(try await client.incrby("n", -5) == -4)
            #expect(try await client.del(["a", "b", "c"]) == 2)
            #expect(try await client.del([]) == 0)
            let bytes = ByteBuffer(bytes: (0...255).map { UInt8($0) })
            try await client.set("bytes", .bytes(bytes))
            #expect(try await client.get("bytes") == bytes)
        }
        server.kill()
    }

    @Test("hashes and sets", arguments: versions)
    func hashesAndSets(version: RedisConfiguration.ProtocolVersion) async throws {
        let server = try await RedisServer()
        try await withClient(configuration(server.port, version)) { client in
            // A closure in which only macros throw is not seen to throw.
            try await client.ping()
            #expect(try await client.hset("h", [("a", "1"), ("b", 2)]) == 2)
            #expect(try await client.hset("h", [("a", "3")]) == 0)
            #expect(try await self.text(client.hget("h", "a")) == "3")
            #expect(try await client.hget("h", "z") == nil)
            #expect(try await client.hgetall("h").mapValues { String(buffer: $0) } == ["a": "3", "b": "2"])
            #expect(try await client.hgetall("none").isEmpty)
            #expect(try await client.hdel("h", ["a", "z"]) == 1)
            #expect(try await client.sadd("s", ["x", "y", "x"]) == 2)
            #expect(try await Set(client.smembers("s")) == ["x", "y"])
            #expect(try await client.srem("s", ["x", "q"]) == 1)
            #expect(try await client.smembers("none").isEmpty)
        }
        server.kill()
    }

    @Test("sorted sets", arguments: versions)
    func sortedSets(version: RedisConfiguration.ProtocolVersion) async throws {
        let server = try await RedisServer()
        try await withClient(configuration(server.port, version)) { client in
            let members = [
                RedisScoredMember("a", score: -.infinity), RedisScoredMember("b", score: 0.1 + 0.2),
                RedisScoredMember("c", score: 1.7e18),
            ]
            try await client.ping()
            #expect(try await client.zadd("z", members) == 3)
            #expect(try await client.zrange("z", 0, -1) == members)
            #expect(try await client.zrange("none", 0, -1).isEmpty)
            #expect(try await client.zrangeByScore("z", from: .exclusive(0.1 + 0.2), to: .unlimited) == [members[2]])
            #expect(try await client.zrangeByScore("z", from: .unlimited, to: .inclusive(1), limit: 1) == [members[0]])
            #expect(try await client.zscore("z", "b") == 0.1 + 0.2)
            #expect(try await client.zscore("z", "q") == nil)
            #expect(try await client.zcard("z") == 3)
            #expect(try await client.zrem("z", ["a", "q"]) == 1)
        }
        server.kill()
    }

    @Test("streams", arguments: versions)
    func streams(version: RedisConfiguration.ProtocolVersion) async throws {
        let server = try await RedisServer()
        try await withClient(configuration(server.port, version)) { client in
            #expect(try await client.xadd("s", id: "1-0", [("f", "a"), ("f", "b")]) == "1-0")
            try await client.xadd("s", id: "2-0", [("f", "c")])
            let entries = try await client.xrange("s")
            #expect(entries.map(\.id) == ["1-0", "2-0"])
            #expect(try entries[0].fields.map { try $0.value.string() } == ["a", "b"])
            #expect(try await client.xrange("s", from: "(1-0", limit: 5).map(\.id) == ["2-0"])
            let read = try await client.xread([("s", "1-0"), ("none", "0")], limit: 10)
            #expect(read.map(\.key) == ["s"])
            #expect(read.first?.entries.map { self.text($0["f"]) } == ["c"])
            #expect(try await client.xread([("s", "2-0")], waitAtMost: .milliseconds(20)).isEmpty)
            async let waiting = client.xread([("s", "$")], waitAtMost: .seconds(10))
            try await client.waitForBlocked()
            try await client.xadd("s", id: "3-0", [("f", "d")])
            #expect(try await waiting.first?.entries.map(\.id) == ["3-0"])
            #expect(try await client.xlen("s") == 3)
            #expect(try await client.xtrim("s", .count(1, isExact: true)) == 2)
            try await client.xadd("s", id: "4-0", [("f", "e")], trim: .from(id: "4-0", isExact: true))
            #expect(try await client.xrange("s").map(\.id) == ["4-0"])
        }
        server.kill()
    }

    @Test("lists, with waiting", arguments: versions)
    func lists(version: RedisConfiguration.ProtocolVersion) async throws {
        let server = try await RedisServer()
        try await withClient(configuration(server.port, version)) { client in
            #expect(try await client.lpush("l", ["a", "b"]) == 2)
            #expect(try await self.text(client.rpop("l")) == "a")
            #expect(try await client.llen("l") == 1)
            #expect(
                try await self.text(client.bpop(.left, of: ["none", "l"], waitAtMost: .seconds(1))?.element) == "b")
            #expect(try await client.rpop("l") == nil)
            #expect(try await client.bpop(.right, of: ["l"], waitAtMost: .milliseconds(20)) == nil)
            async let moved = client.blmove(from: "l", .right, to: "m", .left, waitAtMost: .seconds(10))
            try await client.waitForBlocked()
            try await client.lpush("l", ["c"])
            #expect(try await self.text(moved) == "c")
            #expect(try await client.llen("m") == 1)
            #expect(try await client.blmove(from: "l", .right, to: "m", .left, waitAtMost: .milliseconds(20)) == nil)
        }
        server.kill()
    }

    @Test("the server tells of itself", arguments: versions)
    func server(version: RedisConfiguration.ProtocolVersion) async throws {
        let server = try await RedisServer(["--maxmemory-policy", "noeviction"])
        var configuration = configuration(server.port, version)
        configuration.database = 3
        configuration.clientName = "node 1\n"
        try await withClient(configuration) { client in
            #expect(client.state == .ready(serverVersion: "7.0.15"))
            try await client.ping()
            #expect(try await client.info("server")["redis_version"] == "7.0.15")
            #expect(try await client.role().kind == .master)
            #expect(try await client.config("maxmemory-policy") == ["maxmemory-policy": "noeviction"])
            #expect(try await client.time() > .seconds(1_600_000_000))
            let list = try await client.send(RedisCommand("CLIENT", "LIST")).string()
            #expect(list.contains("name=node-1-"))
            #expect(list.contains("db=3"))
            for number in 0..<1000 { try await client.set("key:\(number)", "") }
            try await client.set("other", "")
            var (cursor, keys) = try await client.scan(matching: "key:*", count: 100)
            while cursor != "0" {
                let step = try await client.scan(cursor: cursor, matching: "key:*", count: 100)
                cursor = step.cursor
                keys += step.keys
            }
            #expect(Set(keys).count == 1000)
        }
        server.kill()
    }

    @Test("a script is sent by its digest, with its source when the server does not know it", arguments: versions)
    func scripts(version: RedisConfiguration.ProtocolVersion) async throws {
        let server = try await RedisServer()
        try await withClient(configuration(server.port, version)) { client in
            let script = RedisScript("redis.call('INCR', KEYS[1]) return {KEYS[1], ARGV[1], 7, false, {ok='fine'}}")
            for _ in 0..<2 {
                let reply = try await client.run(script, keys: ["k"], arguments: ["é"]).array()
                #expect(reply == [.bulk("k"), .bulk("é"), .integer(7), .null, .simple("fine")])
            }
            #expect(try await client.send(RedisCommand("SCRIPT", "LOAD", .string(script.lua))).string() == script.sha1)
            _ = try await client.send(RedisCommand("SCRIPT", "FLUSH"))
            _ = try await client.run(script, keys: ["k"], arguments: ["a"])
            #expect(try await self.text(client.get("k")) == "3")
            _ = try await client.send(RedisCommand("SCRIPT", "FLUSH"))
            try await client.load([script, RedisScript("return 1")])
            let replies = try await client.pipeline([
                script.byDigest(keys: ["k"], arguments: ["a"]),
                RedisScript("return 1").byDigest(keys: [], arguments: []),
            ])
            #expect(try replies[1].get() == .integer(1))
            let error = await failure { () throws(RedisError) in
                try await client.run(RedisScript("return redis.error_reply('FENCED epoch 3')"), keys: [], arguments: [])
            }
            #expect(error?.serverPrefix == "FENCED")
            #expect(error?.message == "epoch 3")
        }
        server.kill()
    }

    @Test("a pipeline gives each its own, errors among them; a transaction is one step", arguments: versions)
    func pipelines(version: RedisConfiguration.ProtocolVersion) async throws {
        let server = try await RedisServer()
        try await withClient(configuration(server.port, version)) { client in
            let replies = try await client.pipeline([
                .set("a", "x"), RedisCommand("INCR", "a"), .get("a"), RedisCommand("NOSUCH"),
            ])
            #expect(try replies[0].get() == .simple("OK"))
            #expect(throws: RedisError.self) { try replies[1].get() }
            #expect(try replies[2].get() == .bulk("x"))
            #expect(replies.count == 4)
            #expect(try await client.pipeline([]).isEmpty)
            #expect(try await client.pipeline([.get("a")]).count == 1)
            let results = try await client.transaction([
                .set("b", "1"), RedisCommand("INCRBY", "b", 4), RedisCommand("LPUSH", "b", "x"),
            ])
            #expect(try results[1].get() == .integer(5))
            #expect(throws: RedisError.self) { try results[2].get() }
            let error = await failure { () throws(RedisError) in
                try await client.transaction([.set("b", "9"), RedisCommand("NOSUCH")])
            }
            #expect(error?.serverPrefix == "EXECABORT")
            #expect(error?.message.contains("unknown command") == true)
            #expect(try await self.text(client.get("b")) == "5")
            let wrong = await failure { () throws(RedisError) in try await client.hgetall("a") }
            #expect(wrong?.serverPrefix == "WRONGTYPE")
        }
        server.kill()
    }
}

extension RedisClient {
    /// Waits until a blocking read has arrived at the server.
    func waitForBlocked(_ count: Int = 1) async throws {
        while try await self.info("clients")["blocked_clients"] != "\(count)" { await Task.yield() }
    }
}
