//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Logging
import RedisClient

/// SET and GET of small values, for a while, by so many callers at once.
struct RedisBenchmark {
    /// Of the server on 127.0.0.1.
    let port: Int
    let callers: Int
    /// Commands of one pipeline; with one, no pipeline is used.
    let depth: Int
    let seconds: Double

    /// Prints `SET <commands per second>` and `GET <commands per second>`.
    func run() async throws {
        let client = RedisClient(
            RedisConfiguration(host: "127.0.0.1", port: self.port), logger: Logger(label: "benchmark"))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await client.run() }
            try await client.waitUntilReady(atMost: .seconds(5))
            for name in ["SET", "GET"] {
                _ = try await self.measure(client, name, seconds: self.seconds / 4)
                print(name, Int(try await self.measure(client, name, seconds: self.seconds)))
            }
            group.cancelAll()
        }
    }

    /// Commands per second.
    private func measure(_ client: RedisClient, _ name: String, seconds: Double) async throws -> Double {
        let clock = ContinuousClock()
        let start = clock.now
        let end = start + .seconds(seconds)
        let count = try await withThrowingTaskGroup(of: Int.self) { group in
            for caller in 0..<self.callers {
                group.addTask { try await self.call(client, name, key: "key:\(caller)", until: end) }
            }
            return try await group.reduce(0, +)
        }
        return Double(count) / (start.duration(to: clock.now) / .seconds(1))
    }

    private func call(
        _ client: RedisClient, _ name: String, key: String, until end: ContinuousClock.Instant
    ) async throws -> Int {
        let clock = ContinuousClock()
        let command = { name == "SET" ? RedisCommand.set(key, "xxx") : RedisCommand.get(key) }
        var count = 0
        while clock.now < end {
            if self.depth == 1 {
                _ = try await client.send(command())
                count += 1
            } else {
                for reply in try await client.pipeline((0..<self.depth).map { _ in command() }) { _ = try reply.get() }
                count += self.depth
            }
        }
        return count
    }
}
