//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// What part a server plays.
public struct RedisRole: Hashable, Sendable {
    public enum Kind: String, Hashable, Sendable {
        case master
        case replica = "slave"
        case sentinel
    }

    public var kind: Kind
}

extension RedisCommand {
    /// Sends a message to all who listen to the channel at this moment.
    public static func publish(_ channel: String, _ payload: RedisArgument) -> RedisCommand {
        RedisCommand("PUBLISH", .string(channel), payload)
    }
}

extension RedisClient {
    /// Sends a message to all who listen to the channel at this moment. Gives how many these are on this server.
    @discardableResult
    public func publish(_ channel: String, _ payload: RedisArgument) async throws(RedisError) -> Int {
        try await self.send(.publish(channel, payload)).integer()
    }

    /// One step through all keys, in no order; keys that come and go meanwhile may be missed or come twice.
    ///
    /// - Parameters:
    ///   - cursor: `0` to begin, then what the step before gave.
    ///   - pattern: Only keys that match, such as `session:*`.
    ///   - count: About as many keys are looked at.
    /// - Returns: The cursor of the next step, `0` at the end, and keys, often none.
    public func scan(
        cursor: String = "0", matching pattern: String? = nil, count: Int = 256
    ) async throws(RedisError) -> (cursor: String, keys: [String]) {
        var arguments: [RedisArgument] = [.string(cursor), "COUNT", .integer(count)]
        if let pattern { arguments += ["MATCH", .string(pattern)] }
        let reply = try await self.send(RedisCommand("SCAN", arguments: arguments))
        let pair = try reply.array()
        guard pair.count == 2 else { throw reply.mismatch("a cursor and keys") }
        return (try pair[0].string(), try pair[1].strings())
    }

    /// The server's clock, since 1970, to the microsecond.
    public func time() async throws(RedisError) -> Duration {
        let reply = try await self.send(RedisCommand("TIME"))
        let pair = try reply.array()
        guard pair.count == 2 else { throw reply.mismatch("seconds and microseconds") }
        return .seconds(try pair[0].integer()) + .microseconds(try pair[1].integer())
    }

    /// Goes to the server and back.
    public func ping() async throws(RedisError) {
        _ = try await self.send(.ping)
    }

    /// What the server tells of itself.
    ///
    /// - Parameter section: Such as `memory`; nil for the usual ones.
    public func info(_ section: String? = nil) async throws(RedisError) -> RedisInfo {
        let arguments: [RedisArgument] = section.map { [.string($0)] } ?? []
        return RedisInfo(try await self.send(RedisCommand("INFO", arguments: arguments)).string())
    }

    /// What part the server plays.
    public func role() async throws(RedisError) -> RedisRole {
        let reply = try await self.send(RedisCommand("ROLE"))
        guard let name = try reply.array().first?.string(), let kind = RedisRole.Kind(rawValue: name) else {
            throw reply.mismatch("a role")
        }
        return RedisRole(kind: kind)
    }

    /// Settings of the server whose names match, such as `maxmemory-policy` or `*`.
    public func config(_ pattern: String) async throws(RedisError) -> [String: String] {
        var settings: [String: String] = [:]
        for entry in try await self.send(RedisCommand("CONFIG", "GET", .string(pattern))).map() {
            settings[try entry.key.string()] = try entry.value.string()
        }
        return settings
    }
}
