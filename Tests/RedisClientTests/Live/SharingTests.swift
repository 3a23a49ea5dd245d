//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import NIOCore
import Testing

@testable import RedisClient

/// Many tasks on few connections.
@Suite(.enabled(if: RedisServer.isInstalled), .timeLimit(.minutes(1)))
struct SharingTests {
    @Test(
        "each of 100 tasks gets its own replies, 10,000 in all, alone and in pipelines",
        arguments: CommandTests.versions)
    func manyTasks(version: RedisConfiguration.ProtocolVersion) async throws {
        let server = try await RedisServer()
        try await withClient(configuration(server.port, version)) { client in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for task in 0..<100 {
                    group.addTask {
                        for step in 0..<50 {
                            let text = "\(task):\(step)"
                            #expect(try await client.send(RedisCommand("ECHO", .string(text))) == .bulk(text))
                        }
                        let commands = (0..<50).map { RedisCommand("ECHO", .string("\(task)-\($0)")) }
                        for (step, reply) in try await client.pipeline(commands).enumerated() {
                            #expect(try reply.get() == .bulk("\(task)-\(step)"))
                        }
                    }
                }
                try await group.waitForAll()
            }
            // Two for all of them.
            #expect(try await client.connections() == client.configuration.commandConnections)
        }
        server.kill()
    }

    @Test("tasks that are cancelled in between take nothing from the others")
    func cancelledTasks() async throws {
        let server = try await RedisServer()
        try await withClient(configuration(server.port)) { client in
            let before = try await client.connectionNumbers()
            await withTaskGroup(of: Void.self) { group in
                for task in 0..<200 {
                    group.addTask {
                        for step in 0..<50 {
                            let text = "\(task):\(step)"
                            let reply = try? await client.send(RedisCommand("ECHO", .string(text)))
                            #expect(reply == nil || reply == .bulk(text))
                        }
                    }
                    if task.isMultiple(of: 2) {
                        group.addTask {
                            // Not a child that is waited for: cancelled while its command is on the way.
                            await withTaskGroup(of: Void.self) { inner in
                                inner.addTask { _ = try? await client.send(RedisCommand("ECHO", "cancelled")) }
                                inner.cancelAll()
                            }
                        }
                    }
                }
            }
            #expect(try await client.connectionNumbers() == before)
        }
        server.kill()
    }

    @Test("a blocking read holds up nobody, and each has a connection of its own")
    func blocking() async throws {
        let server = try await RedisServer()
        try await withClient(configuration(server.port)) { client in
            async let first = client.bpop(.left, of: ["first"], waitAtMost: .seconds(30))
            async let second = client.bpop(.left, of: ["second"], waitAtMost: .seconds(30))
            try await client.waitForBlocked(2)
            for number in 0..<500 { try await client.set("a", .integer(number)) }
            try await client.lpush("second", ["b"])
            #expect(try await second?.key == "second")
            // The connection that is free now is used again.
            async let third = client.bpop(.left, of: ["third"], waitAtMost: .seconds(30))
            try await client.waitForBlocked(2)
            #expect(try await client.connections() == client.configuration.commandConnections + 2)
            try await client.lpush("third", ["c"])
            try await client.lpush("first", ["a"])
            #expect(try await third?.key == "third")
            #expect(try await first?.key == "first")
        }
        server.kill()
    }

    @Test("a blocking read that is cancelled takes nothing from the next one")
    func cancelledBlocking() async throws {
        let server = try await RedisServer()
        try await withClient(configuration(server.port)) { client in
            for round in 0..<20 {
                await withTaskGroup(of: Void.self) { group in
                    group.addTask { _ = try? await client.bpop(.left, of: ["l"], waitAtMost: .seconds(30)) }
                    try? await client.waitForBlocked(1)
                    group.cancelAll()
                }
                try await client.waitForBlocked(0)
                try await client.lpush("l", [.integer(round)])
                let taken = try await client.bpop(.left, of: ["l"], waitAtMost: .seconds(5))
                #expect(taken.map { String(buffer: $0.element) } == "\(round)")
            }
        }
        server.kill()
    }

    @Test("more blocking reads than are allowed are refused, unsent")
    func tooManyBlocking() async throws {
        let server = try await RedisServer()
        var configuration = configuration(server.port)
        configuration.blockingConnections = 2
        try await withClient(configuration) { client in
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<2 {
                    group.addTask { _ = try? await client.bpop(.left, of: ["l"], waitAtMost: .seconds(30)) }
                }
                try? await client.waitForBlocked(2)
                let error = await failure { () throws(RedisError) in
                    _ = try await client.bpop(.left, of: ["l"], waitAtMost: .seconds(30))
                }
                #expect(error?.code == .poolExhausted && error?.wasSent == false)
                group.cancelAll()
            }
            // And when these have ended there is room again.
            try await client.waitForBlocked(0)
            #expect(try await client.bpop(.left, of: ["l"], waitAtMost: .milliseconds(10)) == nil)
        }
        server.kill()
    }

    @Test("a caller with a short deadline is let go, and the others keep their connection and their replies")
    func shortDeadline() async throws {
        let server = try await RedisServer(["--enable-debug-command", "yes"])
        var configuration = configuration(server.port)
        configuration.commandConnections = 1
        try await withClient(configuration) { client in
            let before = try await client.connectionNumbers()
            async let sleep = client.send(RedisCommand("DEBUG", "SLEEP", "0.3"))
            async let error = failure { () throws(RedisError) in
                try await client.send(RedisCommand("ECHO", "hasty"), deadline: .milliseconds(50))
            }
            async let patient = client.send(RedisCommand("ECHO", "patient"))
            #expect(await error?.code == .timedOut)
            #expect(try await patient == .bulk("patient"))
            _ = try await sleep
            #expect(try await client.connectionNumbers() == before)
        }
        server.kill()
    }

    @Test("large values go both ways")
    func largeValues() async throws {
        let server = try await RedisServer()
        try await withClient(configuration(server.port)) { client in
            let large = ByteBuffer(repeating: 0x61, count: 20_000_000)
            async let small = client.set("small", "x")
            try await client.set("large", .bytes(large))
            #expect(try await small)
            async let first = client.get("large")
            async let second = client.get("large")
            #expect(try await first == large)
            #expect(try await second == large)
        }
        server.kill()
    }

    @Test("commands that are under way at the shutdown get their replies, and those after it are refused")
    func shutdown() async throws {
        let server = try await RedisServer(["--enable-debug-command", "yes"])
        let client = RedisClient(configuration(server.port), logger: .silent)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await client.run() }
            try await client.waitUntilReady(atMost: .seconds(5))
            async let sleep = client.send(RedisCommand("DEBUG", "SLEEP", "0.2"))
            let subscription = try await client.subscribe(["c"], capacity: 8)
            while try await client.send(RedisCommand("ECHO", "a")) != .bulk("a") {}
            group.cancelAll()
            #expect(try await sleep == .simple("OK"))
            for await _ in subscription {}
            try await group.waitForAll()
        }
        let error = await failure { () throws(RedisError) in try await client.ping() }
        #expect(error?.code == .closed && error?.wasSent == false)
        let blocked = await failure { () throws(RedisError) in
            _ = try await client.bpop(.left, of: ["l"], waitAtMost: .seconds(1))
        }
        #expect(blocked?.code == .closed)
        let late = await failure { () throws(RedisError) in try await client.subscribe(["c"], capacity: 8) }
        #expect(late?.code == .closed)
        for await state in client.states() { #expect(state.isDown) }
        server.kill()
    }
}

extension RedisClient {
    /// How many connections the server has.
    func connections() async throws -> Int { try await self.connectionNumbers().count }

    /// The server's numbers of its connections.
    func connectionNumbers() async throws -> Set<Substring> {
        let list = try await self.send(RedisCommand("CLIENT", "LIST")).string()
        return Set(list.split(separator: "\n").compactMap { $0.split(separator: " ").first })
    }
}
