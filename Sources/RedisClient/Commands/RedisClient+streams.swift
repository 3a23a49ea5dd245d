//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
public import NIOCore

/// An entry of a stream.
public struct RedisStreamEntry: Hashable, Sendable {
    /// Such as `1700000000000-0`; later entries have greater ones.
    public var id: String
    /// Fields in the order in which they were added; a name can occur more than once.
    public var fields: [RedisValue.Entry]

    /// The first field of this name.
    public subscript(_ name: String) -> ByteBuffer? {
        for field in self.fields {
            if (try? field.key.string()) == name { return try? field.value.bytes() }
        }
        return nil
    }
}

/// How much of a stream is kept.
public enum RedisStreamTrim: Hashable, Sendable {
    /// The newest so many entries. About so many when not exact, which costs the server less.
    case count(Int, isExact: Bool = false)
    /// Entries from this one on.
    case from(id: String, isExact: Bool = false)

    var arguments: [RedisArgument] {
        switch self {
        case .count(let count, let isExact): ["MAXLEN", isExact ? "=" : "~", .integer(count)]
        case .from(let id, let isExact): ["MINID", isExact ? "=" : "~", .string(id)]
        }
    }
}

extension RedisCommand {
    /// Adds an entry to a stream.
    public static func xadd(
        _ key: String, id: String = "*", _ fields: [(name: String, value: RedisArgument)], trim: RedisStreamTrim? = nil
    ) -> RedisCommand {
        var arguments: [RedisArgument] = [.string(key)]
        if let trim { arguments += trim.arguments }
        arguments.append(.string(id))
        return RedisCommand("XADD", arguments: arguments + fields.flatMap { [.string($0.name), $0.value] })
    }
}

extension RedisClient {
    /// Adds an entry to a stream.
    ///
    /// - Parameters:
    ///   - id: `*` for the next one.
    ///   - fields: At least one.
    ///   - trim: What is kept of the stream.
    /// - Returns: The entry's id.
    @discardableResult
    public func xadd(
        _ key: String, id: String = "*", _ fields: [(name: String, value: RedisArgument)], trim: RedisStreamTrim? = nil
    ) async throws(RedisError) -> String {
        try await self.send(.xadd(key, id: id, fields, trim: trim)).string()
    }

    /// Entries of a stream in their order.
    ///
    /// - Parameters:
    ///   - first: The least id, `-` for the least there is, `(` before an id for those after it.
    ///   - last: The greatest id, `+` for the greatest there is.
    ///   - limit: At most as many; nil for all.
    public func xrange(
        _ key: String, from first: String = "-", to last: String = "+", limit: Int? = nil
    ) async throws(RedisError) -> [RedisStreamEntry] {
        var arguments: [RedisArgument] = [.string(key), .string(first), .string(last)]
        if let limit { arguments += ["COUNT", .integer(limit)] }
        return try await self.send(RedisCommand("XRANGE", arguments: arguments)).streamEntries()
    }

    /// Entries after the given ids, from several streams; waits for the first one when there is none.
    ///
    /// - Parameters:
    ///   - streams: Keys and the last id that is known of each; `$` for what comes from now on.
    ///   - limit: At most as many of each; nil for all.
    ///   - wait: How long to wait, on a connection of its own; nil for not at all.
    /// - Returns: Streams that have entries; none when the wait was in vain.
    public func xread(
        _ streams: [(key: String, after: String)], limit: Int? = nil, waitAtMost wait: Duration? = nil
    ) async throws(RedisError) -> [(key: String, entries: [RedisStreamEntry])] {
        guard !streams.isEmpty else { return [] }
        var arguments: [RedisArgument] = []
        if let limit { arguments += ["COUNT", .integer(limit)] }
        if let wait { arguments += ["BLOCK", .integer(wait.redisMilliseconds)] }
        arguments.append("STREAMS")
        arguments += streams.map { .string($0.key) }
        arguments += streams.map { .string($0.after) }
        let command = RedisCommand("XREAD", arguments: arguments)
        let reply = if let wait { try await self.block(command, atMost: wait) } else { try await self.send(command) }
        return try reply.streams()
    }

    /// How many entries a stream has.
    public func xlen(_ key: String) async throws(RedisError) -> Int {
        try await self.send(RedisCommand("XLEN", .string(key))).integer()
    }

    /// Drops the oldest entries. Gives how many.
    @discardableResult
    public func xtrim(_ key: String, _ trim: RedisStreamTrim) async throws(RedisError) -> Int {
        try await self.send(RedisCommand("XTRIM", arguments: [.string(key)] + trim.arguments)).integer()
    }
}

extension RedisValue {
    /// The entries that XRANGE answers with.
    public func streamEntries() throws(RedisError) -> [RedisStreamEntry] {
        var entries: [RedisStreamEntry] = []
        for element in try self.array() {
            let pair = try element.array()
            guard pair.count == 2 else { throw element.mismatch("an entry of a stream") }
            // An entry that is gone has no fields.
            let fields = pair[1].isNull ? [] : try pair[1].map()
            entries.append(RedisStreamEntry(id: try pair[0].string(), fields: fields))
        }
        return entries
    }

    /// The streams that XREAD answers with: a map in RESP3, pairs in RESP2, nothing when the wait was in vain.
    public func streams() throws(RedisError) -> [(key: String, entries: [RedisStreamEntry])] {
        var streams: [(key: String, entries: [RedisStreamEntry])] = []
        switch self {
        case .null: break
        case .map(let entries):
            for entry in entries {
                streams.append((try entry.key.string(), try entry.value.streamEntries()))
            }
        default:
            for element in try self.array() {
                let pair = try element.array()
                guard pair.count == 2 else { throw element.mismatch("a stream and its entries") }
                streams.append((try pair[0].string(), try pair[1].streamEntries()))
            }
        }
        return streams
    }
}
