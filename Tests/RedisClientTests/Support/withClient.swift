//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Logging
import NIOCore
import Testing

@testable import RedisClient

/// Runs a client around a test, and waits until it is ready.
func withClient<T: Sendable>(
    _ configuration: RedisConfiguration, waitUntilReady: Bool = true,
    _ body: @Sendable (RedisClient) async throws -> T
) async throws -> T {
    let client = RedisClient(configuration, logger: .silent)
    return try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await client.run() }
        if waitUntilReady { try await client.waitUntilReady(atMost: .seconds(10)) }
        let result = try await body(client)
        group.cancelAll()
        return result
    }
}

extension Logger {
    static let silent = Logger(label: "redis") { _ in SwiftLogNoOpLogHandler() }
}

/// A configuration for a server of the test.
func configuration(_ port: Int, _ version: RedisConfiguration.ProtocolVersion = .newest) -> RedisConfiguration {
    var configuration = RedisConfiguration(host: "127.0.0.1", port: port)
    configuration.protocolVersion = version
    return configuration
}

/// Waits for a state; fails when it does not come.
func wait(
    _ client: RedisClient, until isRight: @escaping @Sendable (RedisClient.State) -> Bool,
    at location: SourceLocation = #_sourceLocation
) async {
    for await state in client.states() where isRight(state) { return }
    Issue.record("the client ended before the state came", sourceLocation: location)
}

extension RedisClient.State {
    var isReady: Bool { if case .ready = self { true } else { false } }
    var isDown: Bool { if case .down = self { true } else { false } }
}

extension RedisValue {
    static func bulk(_ text: String) -> RedisValue { .bulk(ByteBuffer(string: text)) }
}

/// The error of something that must fail.
func failure<T>(_ body: () async throws(RedisError) -> T) async -> RedisError? {
    do throws(RedisError) {
        _ = try await body()
        return nil
    } catch {
        return error
    }
}
