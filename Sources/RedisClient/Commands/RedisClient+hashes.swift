//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
public import NIOCore

extension RedisCommand {
    /// Writes fields of a hash.
    public static func hset(_ key: String, _ fields: [(name: String, value: RedisArgument)]) -> RedisCommand {
        RedisCommand("HSET", arguments: [.string(key)] + fields.flatMap { [.string($0.name), $0.value] })
    }
}

extension RedisClient {
    /// Writes fields of a hash. Gives how many of them are new.
    @discardableResult
    public func hset(_ key: String, _ fields: [(name: String, value: RedisArgument)]) async throws(RedisError) -> Int {
        guard !fields.isEmpty else { return 0 }
        return try await self.send(.hset(key, fields)).integer()
    }

    /// One field; nil when there is no such key or field.
    public func hget(_ key: String, _ field: String) async throws(RedisError) -> ByteBuffer? {
        try await self.send(RedisCommand("HGET", .string(key), .string(field)))
            .optional { value throws(RedisError) in try value.bytes() }
    }

    /// All fields; none when there is no such key.
    public func hgetall(_ key: String) async throws(RedisError) -> [String: ByteBuffer] {
        try await self.send(RedisCommand("HGETALL", .string(key))).dictionary()
    }

    /// Deletes fields. Gives how many there were.
    @discardableResult
    public func hdel(_ key: String, _ fields: [String]) async throws(RedisError) -> Int {
        guard !fields.isEmpty else { return 0 }
        return try await self.send(
            RedisCommand("HDEL", arguments: [.string(key)] + fields.map { .string($0) })
        ).integer()
    }
}
