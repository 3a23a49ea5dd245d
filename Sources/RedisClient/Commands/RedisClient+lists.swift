//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
public import NIOCore

/// The end of a list.
public enum RedisListEnd: String, Hashable, Sendable {
    /// The head.
    case left = "LEFT"
    /// The tail.
    case right = "RIGHT"
}

extension RedisClient {
    /// Puts elements before the head of a list, one after the other. Gives how long the list is.
    @discardableResult
    public func lpush(_ key: String, _ elements: [RedisArgument]) async throws(RedisError) -> Int {
        guard !elements.isEmpty else { return try await self.llen(key) }
        return try await self.send(RedisCommand("LPUSH", arguments: [.string(key)] + elements)).integer()
    }

    /// Takes the tail of a list; nil when there is none.
    public func rpop(_ key: String) async throws(RedisError) -> ByteBuffer? {
        try await self.send(RedisCommand("RPOP", .string(key)))
            .optional { value throws(RedisError) in try value.bytes() }
    }

    /// How many elements there are.
    public func llen(_ key: String) async throws(RedisError) -> Int {
        try await self.send(RedisCommand("LLEN", .string(key))).integer()
    }

    /// Takes the head or tail of the first list that has elements, waiting for one on a connection of its own. An
    /// element that was taken for a task that is cancelled just then is lost: where none may be, use
    /// ``blmove(from:_:to:_:waitAtMost:)``.
    ///
    /// - Returns: The list and the element; nil when the wait was in vain.
    public func bpop(
        _ end: RedisListEnd, of keys: [String], waitAtMost wait: Duration
    ) async throws(RedisError) -> (key: String, element: ByteBuffer)? {
        let arguments = keys.map { RedisArgument.string($0) } + [wait.redisSeconds]
        let reply = try await self.block(
            RedisCommand(end == .left ? "BLPOP" : "BRPOP", arguments: arguments), atMost: wait)
        guard !reply.isNull else { return nil }
        let pair = try reply.array()
        guard pair.count == 2 else { throw reply.mismatch("a list and its element") }
        return (try pair[0].string(), try pair[1].bytes())
    }

    /// Moves an element from one list to another, waiting for one on a connection of its own, so that at each moment it
    /// is in one of them.
    ///
    /// - Returns: The element; nil when the wait was in vain.
    public func blmove(
        from source: String, _ from: RedisListEnd, to destination: String, _ to: RedisListEnd, waitAtMost wait: Duration
    ) async throws(RedisError) -> ByteBuffer? {
        let command = RedisCommand(
            "BLMOVE", .string(source), .string(destination), .string(from.rawValue), .string(to.rawValue),
            wait.redisSeconds)
        return try await self.block(command, atMost: wait)
            .optional { value throws(RedisError) in try value.bytes() }
    }
}

extension Duration {
    /// As blocking commands take it. Zero would mean for ever.
    fileprivate var redisSeconds: RedisArgument { .double(Double(self.redisMilliseconds) / 1000) }
}
