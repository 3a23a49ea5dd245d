//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// Where a server listens.
public struct RedisEndpoint: Hashable, Sendable, CustomStringConvertible {
    /// A name, which is resolved anew for each connection, or an address.
    public var host: String
    public var port: Int

    public init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    public var description: String {
        self.host.contains(":") ? "[\(self.host)]:\(self.port)" : "\(self.host):\(self.port)"
    }
}
