//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
public import NIOCore

extension RedisCommand {
    /// Reads a string.
    public static func get(_ key: String) -> RedisCommand { RedisCommand("GET", .string(key)) }

    /// Writes a string. An expiry is counted in whole milliseconds, at least one.
    public static func set(
        _ key: String, _ value: RedisArgument, expiresIn life: Duration? = nil, when condition: RedisSetCondition? = nil
    ) -> RedisCommand {
        var arguments: [RedisArgument] = [.string(key), value]
        if let life { arguments += ["PX", .integer(life.redisMilliseconds)] }
        switch condition {
        case .isAbsent: arguments.append("NX")
        case .isPresent: arguments.append("XX")
        case nil: break
        }
        return RedisCommand("SET", arguments: arguments)
    }

    /// Deletes keys of any type.
    public static func del(_ keys: [String]) -> RedisCommand {
        RedisCommand("DEL", arguments: keys.map { .string($0) })
    }

    /// Lets a key expire.
    public static func pexpire(_ key: String, in life: Duration) -> RedisCommand {
        RedisCommand("PEXPIRE", .string(key), .integer(life.redisMilliseconds))
    }
}

/// When SET writes.
public enum RedisSetCondition: Hashable, Sendable {
    /// `NX`: only a key that does not exist.
    case isAbsent
    /// `XX`: only a key that exists.
    case isPresent
}

/// How long a key has to live.
public enum RedisLife: Hashable, Sendable {
    /// There is no such key.
    case absent
    /// It does not expire.
    case unlimited
    case remaining(Duration)
}

extension RedisClient {
    /// The bytes of a string; nil when there is no such key.
    public func get(_ key: String) async throws(RedisError) -> ByteBuffer? {
        try await self.send(.get(key)).optional { value throws(RedisError) in try value.bytes() }
    }

    /// The bytes of each string, in the order of the keys; nil where there is none, or another type.
    public func mget(_ keys: [String]) async throws(RedisError) -> [ByteBuffer?] {
        guard !keys.isEmpty else { return [] }
        var result: [ByteBuffer?] = []
        for value in try await self.send(RedisCommand("MGET", arguments: keys.map { .string($0) })).array() {
            result.append(try value.optional { value throws(RedisError) in try value.bytes() })
        }
        return result
    }

    /// Writes a string.
    ///
    /// - Returns: Whether it was written, which a condition may have prevented.
    @discardableResult
    public func set(
        _ key: String, _ value: RedisArgument, expiresIn life: Duration? = nil, when condition: RedisSetCondition? = nil
    ) async throws(RedisError) -> Bool {
        !(try await self.send(.set(key, value, expiresIn: life, when: condition))).isNull
    }

    /// Deletes keys. Gives how many there were.
    @discardableResult
    public func del(_ keys: [String]) async throws(RedisError) -> Int {
        guard !keys.isEmpty else { return 0 }
        return try await self.send(.del(keys)).integer()
    }

    /// How many of the keys exist; one that is named twice counts twice.
    public func exists(_ keys: [String]) async throws(RedisError) -> Int {
        guard !keys.isEmpty else { return 0 }
        return try await self.send(RedisCommand("EXISTS", arguments: keys.map { .string($0) })).integer()
    }

    /// Lets a key expire. Gives whether there is such a key.
    @discardableResult
    public func pexpire(_ key: String, in life: Duration) async throws(RedisError) -> Bool {
        try await self.send(.pexpire(key, in: life)).bool()
    }

    /// How long a key has to live.
    public func pttl(_ key: String) async throws(RedisError) -> RedisLife {
        switch try await self.send(RedisCommand("PTTL", .string(key))).integer() {
        case -2: .absent
        case -1: .unlimited
        case let milliseconds: .remaining(.milliseconds(milliseconds))
        }
    }

    /// Adds to a number, which is zero when there is no such key. Gives the sum.
    @discardableResult
    public func incrby(_ key: String, _ amount: Int = 1) async throws(RedisError) -> Int {
        try await self.send(RedisCommand("INCRBY", .string(key), .integer(amount))).integer()
    }
}

extension Duration {
    /// Whole milliseconds, at least one, since Redis takes no shorter time.
    var redisMilliseconds: Int {
        let (seconds, attoseconds) = self.components
        return max(1, Int(seconds) * 1000 + Int(attoseconds / 1_000_000_000_000_000))
    }
}
