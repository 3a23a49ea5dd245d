//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// A Lua script that runs on the server as one step.
///
/// Its SHA-1 is computed once, here: the name by which the server knows a script that it has seen.
public struct RedisScript: Hashable, Sendable {
    /// The source.
    public let lua: String
    /// The SHA-1 of the source, in 40 lower-case hexadecimal digits.
    public let sha1: String

    public init(_ lua: String) {
        self.lua = lua
        self.sha1 = SHA1.hexadecimal(of: lua)
    }

    /// The command that runs a script which the server knows; it answers `NOSCRIPT` when it does not.
    public func byDigest(keys: [String], arguments: [RedisArgument]) -> RedisCommand {
        self.command("EVALSHA", self.sha1, keys, arguments)
    }

    /// The command that brings the source along.
    public func bySource(keys: [String], arguments: [RedisArgument]) -> RedisCommand {
        self.command("EVAL", self.lua, keys, arguments)
    }

    private func command(
        _ name: String, _ body: String, _ keys: [String], _ arguments: [RedisArgument]
    ) -> RedisCommand {
        var all: [RedisArgument] = [.string(body), .integer(keys.count)]
        all.reserveCapacity(2 + keys.count + arguments.count)
        for key in keys { all.append(.string(key)) }
        all += arguments
        return RedisCommand(name, arguments: all)
    }
}
