//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// A member of a sorted set.
public struct RedisScoredMember: Hashable, Sendable {
    public var member: String
    public var score: Double

    public init(_ member: String, score: Double) {
        self.member = member
        self.score = score
    }
}

/// The end of a range of scores.
public enum RedisScoreBound: Hashable, Sendable {
    /// With the score itself.
    case inclusive(Double)
    /// Without the score itself.
    case exclusive(Double)
    case unlimited

    /// As ZRANGE takes it, at the lower or the upper end.
    func argument(isLower: Bool) -> RedisArgument {
        switch self {
        case .inclusive(let score): .double(score)
        case .exclusive(let score): .string("(" + RedisArgument.text(of: score))
        case .unlimited: isLower ? "-inf" : "+inf"
        }
    }
}

extension RedisCommand {
    /// Adds members to a sorted set, or changes their scores.
    public static func zadd(_ key: String, _ members: [RedisScoredMember]) -> RedisCommand {
        RedisCommand(
            "ZADD", arguments: [.string(key)] + members.flatMap { [.double($0.score), .string($0.member)] })
    }
}

extension RedisClient {
    /// Adds members to a sorted set, or changes their scores. Gives how many are new.
    @discardableResult
    public func zadd(_ key: String, _ members: [RedisScoredMember]) async throws(RedisError) -> Int {
        guard !members.isEmpty else { return 0 }
        return try await self.send(.zadd(key, members)).integer()
    }

    /// Takes members out of a sorted set. Gives how many there were.
    @discardableResult
    public func zrem(_ key: String, _ members: [String]) async throws(RedisError) -> Int {
        guard !members.isEmpty else { return 0 }
        return try await self.send(
            RedisCommand("ZREM", arguments: [.string(key)] + members.map { .string($0) })
        ).integer()
    }

    /// Members by their places, lowest score first; -1 is the last place.
    public func zrange(_ key: String, _ first: Int, _ last: Int) async throws(RedisError) -> [RedisScoredMember] {
        try await self.send(
            RedisCommand("ZRANGE", .string(key), .integer(first), .integer(last), "WITHSCORES")
        ).scoredMembers()
    }

    /// Members by their scores, lowest first.
    ///
    /// - Parameter limit: At most as many; nil for all.
    public func zrangeByScore(
        _ key: String, from lower: RedisScoreBound, to upper: RedisScoreBound, limit: Int? = nil
    ) async throws(RedisError) -> [RedisScoredMember] {
        var arguments: [RedisArgument] = [
            .string(key), lower.argument(isLower: true), upper.argument(isLower: false), "BYSCORE",
        ]
        if let limit { arguments += ["LIMIT", 0, .integer(limit)] }
        return try await self.send(RedisCommand("ZRANGE", arguments: arguments + ["WITHSCORES"])).scoredMembers()
    }

    /// The score of a member; nil when there is no such key or member.
    public func zscore(_ key: String, _ member: String) async throws(RedisError) -> Double? {
        try await self.send(RedisCommand("ZSCORE", .string(key), .string(member)))
            .optional { value throws(RedisError) in try value.double() }
    }

    /// How many members there are.
    public func zcard(_ key: String) async throws(RedisError) -> Int {
        try await self.send(RedisCommand("ZCARD", .string(key))).integer()
    }
}

extension RedisValue {
    /// Members with scores: pairs in RESP3, members and scores in turn in RESP2.
    public func scoredMembers() throws(RedisError) -> [RedisScoredMember] {
        let elements = try self.array()
        var result: [RedisScoredMember] = []
        if case .array = elements.first {
            for element in elements {
                let pair = try element.array()
                guard pair.count == 2 else { throw element.mismatch("a member and its score") }
                result.append(RedisScoredMember(try pair[0].string(), score: try pair[1].double()))
            }
        } else {
            for entry in try self.map() {
                result.append(RedisScoredMember(try entry.key.string(), score: try entry.value.double()))
            }
        }
        return result
    }
}
