//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
extension RedisClient {
    /// Adds members to a set. Gives how many are new.
    @discardableResult
    public func sadd(_ key: String, _ members: [String]) async throws(RedisError) -> Int {
        guard !members.isEmpty else { return 0 }
        return try await self.send(
            RedisCommand("SADD", arguments: [.string(key)] + members.map { .string($0) })
        ).integer()
    }

    /// Takes members out of a set. Gives how many there were.
    @discardableResult
    public func srem(_ key: String, _ members: [String]) async throws(RedisError) -> Int {
        guard !members.isEmpty else { return 0 }
        return try await self.send(
            RedisCommand("SREM", arguments: [.string(key)] + members.map { .string($0) })
        ).integer()
    }

    /// All members, in no order; none when there is no such key.
    public func smembers(_ key: String) async throws(RedisError) -> [String] {
        try await self.send(RedisCommand("SMEMBERS", .string(key))).strings()
    }
}
