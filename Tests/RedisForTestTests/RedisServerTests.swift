//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import RedisForTest
import Testing

@Suite("A redis-server of a test", .timeLimit(.minutes(1)))
struct RedisServerTests {
    @Test("answers, forgets when killed without a file, and is gone after the test")
    func forgets() async throws {
        let port = try await RedisServer.with { server in
            #expect(try server.command("SET", "key", "value") == "OK")
            try await server.kill()
            #expect(throws: RedisForTestError.self) { try server.command("PING") }
            try await server.start()
            #expect(try server.command("GET", "key") == "(nil)")
            return server.port
        }
        await #expect(throws: (any Error).self) {
            let other = try await RedisServer.start(arguments: ["--no-such-setting", "1"])
            other.stop()
        }
        #expect(port > 0)
    }

    @Test("knows what it knew when killed with a file that is always written")
    func remembers() async throws {
        try await RedisServer.with(.always) { server in
            try server.command("SET", "key", "value")
            try await server.kill()
            try await server.start()
            #expect(try server.command("GET", "key") == "value")
            try server.command("RPUSH", "list", "a", "b")
            #expect(try server.command("LRANGE", "list", "0", "-1") == "a\nb")
        }
    }

    @Test("is paused and goes on")
    func pauses() async throws {
        try await RedisServer.with { server in
            server.pause()
            server.resume()
            let answer = try server.command("PING")
            #expect(answer == "PONG")
        }
    }
}
