//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import NIOCore

/// What is said first on a connection: which protocol, who we are, which database, and whether the server is the one.
struct RedisLogin: Sendable {
    var user: String?
    var password: String?
    var clientName: String
    var database = 0
    var version = RedisConfiguration.ProtocolVersion.newest
    /// Whether a replica is refused.
    var requiresMaster = false

    /// What the server says of itself.
    struct Server: Hashable, Sendable {
        var version: String
        /// 2 or 3.
        var protocolVersion: Int
        /// `master`, `replica` or `sentinel`; empty when we may not know.
        var role: String
    }

    /// Signs in.
    ///
    /// - Throws: `authentication`; `unreachable` when the server is loading, or is not the master that is wanted; what
    ///   keeps a reply from coming.
    func run(on connection: RedisConnection, patience: TimeAmount) async throws(RedisError) -> Server {
        var server: Server
        if self.version == .newest, let known = try await self.hello(connection, patience) {
            server = known
        } else {
            server = try await self.introduce(connection, patience)
        }
        var commands: [RedisCommand] = [RedisCommand("ROLE"), .ping]
        if self.database != 0 { commands.append(RedisCommand("SELECT", .integer(self.database))) }
        let replies = try await self.send(commands, connection, patience)
        // Without the right to ask, what HELLO said counts.
        if case .array(let role) = replies[0], let name = try role.first?.string() {
            server.role = name == "slave" ? "replica" : name
        }
        guard !self.requiresMaster || server.role != "replica" else {
            throw RedisError(.unreachable, "the server is a replica")
        }
        for case .error(let error) in replies.dropFirst() where error.serverPrefix != "NOPERM" {
            throw Self.refusal(error)
        }
        return server
    }

    /// RESP3; nil when the server does not know it.
    private func hello(_ connection: RedisConnection, _ patience: TimeAmount) async throws(RedisError) -> Server? {
        var arguments: [RedisArgument] = [3]
        if let password = self.password {
            arguments += ["AUTH", .string(self.user ?? "default"), .string(password)]
        }
        arguments += ["SETNAME", .string(self.safeName)]
        let reply = try await self.send([RedisCommand("HELLO", arguments: arguments)], connection, patience)[0]
        if case .error(let error) = reply {
            switch error.serverPrefix {
            case "NOPROTO", "NOPERM": return nil
            case "ERR" where error.message.hasPrefix("unknown command"): return nil
            default: throw Self.refusal(error)
            }
        }
        var server = Server(version: "", protocolVersion: 3, role: "")
        for entry in try reply.map() {
            switch try entry.key.string() {
            case "version": server.version = try entry.value.string()
            case "role": server.role = try entry.value.string()
            default: break
            }
        }
        return server
    }

    /// RESP2.
    private func introduce(_ connection: RedisConnection, _ patience: TimeAmount) async throws(RedisError) -> Server {
        var commands: [RedisCommand] = []
        if let password = self.password {
            let arguments: [RedisArgument] = self.user.map { [.string($0)] } ?? []
            commands.append(RedisCommand("AUTH", arguments: arguments + [.string(password)]))
        }
        commands.append(RedisCommand("CLIENT", "SETNAME", .string(self.safeName)))
        commands.append(RedisCommand("INFO", "server"))
        let replies = try await self.send(commands, connection, patience)
        if self.password != nil, case .error(let error) = replies[0] { throw Self.refusal(error) }
        if case .error(let error) = replies[replies.count - 1], error.serverPrefix == "NOAUTH" {
            throw Self.refusal(error)
        }
        // Without the right to ask, the version stays unknown.
        let info = (try? replies[replies.count - 1].string()) ?? ""
        return Server(version: RedisInfo(info)["redis_version"] ?? "", protocolVersion: 2, role: "")
    }

    private func send(
        _ commands: [RedisCommand], _ connection: RedisConnection, _ patience: TimeAmount
    ) async throws(RedisError) -> [RedisValue] {
        let reply = try await connection.perform(
            commands.joined(), replies: commands.count, patience: patience)
        return commands.count == 1 ? [reply] : try reply.array()
    }

    private static func refusal(_ error: RedisError) -> RedisError {
        switch error.serverPrefix {
        case "WRONGPASS", "NOAUTH": RedisError(.authentication, "the server refuses user and password")
        case "ERR" where error.message.contains("AUTH"):
            RedisError(.authentication, "the server refuses user and password: \(error)")
        case "LOADING", "MASTERDOWN", "BUSY": RedisError(.unreachable, "the server answers \(error)")
        default: RedisError(.configuration, "the server refuses to be used: \(error)")
        }
    }

    /// A name that CLIENT SETNAME takes.
    private var safeName: String {
        String(
            decoding: self.clientName.utf8.map { (0x21...0x7E).contains($0) ? $0 : UInt8(ascii: "-") }, as: UTF8.self)
    }
}
