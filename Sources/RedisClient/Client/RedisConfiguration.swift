//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// Where the server is, who we are there, and how long is waited.
public struct RedisConfiguration: Sendable {
    /// How the server is found.
    public enum Server: Hashable, Sendable {
        /// One server, always under this address.
        case fixed(RedisEndpoint)
        /// The master that Sentinels name.
        case sentinel(Sentinel)
    }

    /// Sentinels and what they are asked for.
    public struct Sentinel: Hashable, Sendable {
        /// Those that are asked first; the others that these know of are learned.
        public var seeds: [RedisEndpoint]
        /// The name of the master in the Sentinels' configuration.
        public var masterName: String
        /// Who we are to the Sentinels, which have users of their own; both nil for nobody.
        public var user: String?
        public var password: String?

        public init(seeds: [RedisEndpoint], masterName: String, user: String? = nil, password: String? = nil) {
            self.seeds = seeds
            self.masterName = masterName
            self.user = user
            self.password = password
        }
    }

    /// The version of RESP.
    public enum ProtocolVersion: Hashable, Sendable {
        /// RESP3 where the server knows it, otherwise RESP2.
        case newest
        case resp2
    }

    public var server: Server
    /// The ACL user; nil for `default`.
    public var user: String?
    public var password: String?
    /// The number of the database.
    public var database = 0
    /// Nil for connections in the clear.
    public var tls: RedisTLS?
    /// By which `CLIENT LIST` shows our connections.
    public var clientName = "parley"
    public var protocolVersion = ProtocolVersion.newest
    /// Whether a server that is a replica is refused.
    public var requiresMaster = true
    /// Connections that all commands share, at least one.
    public var commandConnections = RedisClientLimits.commandConnections
    /// Blocking reads that are under way at once.
    public var blockingConnections = RedisClientLimits.blockingConnections
    /// From the start of a connection, name resolution and sign-in included, until it can be used.
    public var connectDeadline = RedisClientLimits.connectDeadline
    /// From the call until the reply, unless the call says otherwise.
    public var commandDeadline = RedisClientLimits.commandDeadline
    /// How long a command waits for a connection while there is none; with zero it fails at once.
    public var waitWhileDown = Duration.zero
    /// An idle connection is tested as often.
    public var keepAlive = RedisClientLimits.keepAlive
    /// How long commands that are on their way may take at a graceful shutdown or a failover.
    public var drainDeadline = RedisClientLimits.drainDeadline
    /// The pauses between attempts to connect.
    public var shortestPause = RedisClientLimits.shortestPause
    public var longestPause = RedisClientLimits.longestPause

    public init(server: Server) {
        self.server = server
    }

    /// One server under an address.
    public init(host: String, port: Int = 6379) {
        self.init(server: .fixed(RedisEndpoint(host: host, port: port)))
    }
}

extension RedisConfiguration: CustomStringConvertible, CustomReflectable {
    /// Where the server is, without who we are there.
    public var description: String {
        let scheme = self.tls == nil ? "redis" : "rediss"
        switch self.server {
        case .fixed(let endpoint): return "\(scheme)://\(endpoint)/\(self.database)"
        case .sentinel(let sentinel):
            let seeds = sentinel.seeds.map(\.description).joined(separator: ",")
            return "\(scheme)-sentinel://\(seeds)/\(sentinel.masterName)/\(self.database)"
        }
    }

    /// So that `dump` shows no password.
    public var customMirror: Mirror { Mirror(self, children: ["address": self.description]) }
}

extension RedisConfiguration.Sentinel: CustomStringConvertible, CustomReflectable {
    public var description: String {
        self.seeds.map(\.description).joined(separator: ",") + "/" + self.masterName
    }

    /// So that `dump` shows no password.
    public var customMirror: Mirror { Mirror(self, children: ["address": self.description]) }
}
