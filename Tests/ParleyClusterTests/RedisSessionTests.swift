//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCluster
import ParleyCore
import RedisClient
import RedisForTest
import Testing

@Suite("Sessions on Redis", .timeLimit(.minutes(1)))
struct RedisSessionTests {
    private let user = UserID.generate()

    private func session(_ byte: UInt8) -> Session {
        let now = Timestamp.now()
        return Session(
            idHash: [UInt8](repeating: byte, count: 32), userID: self.user, createdAt: now, lastSeenAt: now,
            expiresAt: now.advanced(by: .seconds(1000)))
    }

    /// Two nodes that share sessions and listen, and what the second hears.
    private func withTwoNodes(
        _ persistence: RedisServer.Persistence = .nothing,
        _ body: (SharedRedis, [RedisSessionStore], inout AsyncStream<SessionSignal>.Iterator) async throws -> Void
    ) async throws {
        try await SharedRedis.run(2, persistence) { redis in
            let stores = redis.clients.map { RedisSessionStore(client: $0, logger: quiet) }
            var heard = await stores[1].signals().makeAsyncIterator()
            try await redis.running(stores) {
                #expect(await heard.next() == .mayHaveMissed, "what was before one listened is not known")
                try await redis.listeners(2, of: "parley:signouts")
                try await body(redis, stores, &heard)
            }
        }
    }

    @Test("the end of a session is told to the other nodes in the step that ends it")
    func told() async throws {
        try await self.withTwoNodes { _, stores, heard in
            for byte in UInt8(1)...4 { try await stores[0].create(self.session(byte)) }
            let start = ContinuousClock.now
            try await stores[0].deleteSession(idHash: self.session(1).idHash)
            #expect(await heard.next() == .ended(idHash: self.session(1).idHash))
            #expect(start.duration(to: .now) < .seconds(1))
            _ = try await stores[0].deleteSessions(of: self.user, except: self.session(2).idHash)
            let both = [await heard.next(), await heard.next()]
            #expect(Set(both) == Set([3, 4].map { .ended(idHash: self.session($0).idHash) }))
            #expect(try await stores[1].sessions(of: self.user, now: .now()).map(\.idHash) == [self.session(2).idHash])
        }
    }

    @Test("many ends at once are all told, in bounded messages")
    func manyTold() async throws {
        try await self.withTwoNodes { _, stores, heard in
            let count = ClusterLimits.signoutsPerMessage * 2 + 1
            var hashes: Set<[UInt8]> = []
            for number in 0..<count {
                var session = self.session(0)
                session.idHash = [UInt8(number / 256), UInt8(number % 256)]
                hashes.insert(session.idHash)
                try await stores[0].create(session)
            }
            #expect(Set(try await stores[0].deleteSessions(of: self.user, except: nil)) == hashes)
            var told: Set<[UInt8]> = []
            while told.count < count, case .ended(let hash) = await heard.next() { told.insert(hash) }
            #expect(told == hashes)
        }
    }

    @Test("a listener that is too slow is told that it missed something")
    func slow() async throws {
        try await self.withTwoNodes { redis, stores, heard in
            for _ in 0..<ClusterLimits.waitingHints + 10 {
                try redis.server.command("PUBLISH", "parley:signouts", "ab")
            }
            // Another listener tells when all have come in.
            try redis.server.command("PUBLISH", "parley:signouts", "cd")
            var signals: [SessionSignal] = []
            while let signal = await heard.next() {
                signals.append(signal)
                if signal == .ended(idHash: [0xCD]) { break }
            }
            #expect(signals.count <= ClusterLimits.waitingHints + 10 || signals.contains(.mayHaveMissed))
        }
    }

    @Test("after a lost connection a listener is told that it may have missed something")
    func reconnects() async throws {
        try await self.withTwoNodes(.always) { redis, stores, heard in
            try await stores[0].create(self.session(1))
            try await redis.server.kill()
            do {
                _ = try await stores[0].session(idHash: self.session(1).idHash, now: .now())
                Issue.record("a Redis that is gone gives no session")
            } catch {
                #expect((error as? StoreError)?.isRetryable == true, "\(error)")
            }
            try await redis.server.start()
            #expect(await heard.next() == .mayHaveMissed)
            for client in redis.clients { try await client.waitUntilReady(atMost: .seconds(10)) }
            #expect(try await stores[0].session(idHash: self.session(1).idHash, now: .now()) != nil)
        }
    }

    @Test("nothing is left in Redis after the end, and a flush signs everybody out")
    func leavesNothing() async throws {
        try await self.withTwoNodes { redis, stores, _ in
            try await stores[0].create(self.session(1))
            let key = "parley:session:" + String(repeating: "01", count: 32)
            for name in [key, "parley:sessions:\(self.user)"] {
                let left = try #require(Int(try redis.server.command("PTTL", name)))
                #expect((990_000...1_000_000).contains(left), "\(name) \(left)")
            }
            try await stores[0].deleteSession(idHash: self.session(1).idHash)
            #expect(try redis.server.command("DBSIZE") == "0")
            try await stores[0].create(self.session(2))
            try redis.server.command("FLUSHALL")
            #expect(try await stores[1].session(idHash: self.session(2).idHash, now: .now()) == nil)
            try await stores[1].touch(sessionIDHash: self.session(2).idHash, at: .now())
            #expect(try redis.server.command("DBSIZE") == "0")
        }
    }

    @Test("what others put under our keys is no session and ends nothing else")
    func damaged() async throws {
        try await self.withTwoNodes { redis, stores, heard in
            let key = "parley:session:" + String(repeating: "01", count: 32)
            for fields in [["user", "x"], ["user", self.user.description, "created", "x"]] {
                try redis.server.command("DEL", key)
                try redis.server.command("HSET", key, fields[0], fields[1])
                #expect(try await stores[0].session(idHash: self.session(1).idHash, now: .now()) == nil)
            }
            try redis.server.command("PUBLISH", "parley:signouts", "xyz \u{0} 0 ü ab")
            #expect(await heard.next() == .ended(idHash: [0xAB]))
            try redis.server.command("DEL", key)
            try redis.server.command("SET", key, "a string")
            await #expect(throws: StoreError.self) {
                _ = try await stores[0].session(idHash: self.session(1).idHash, now: .now())
            }
        }
    }
}
