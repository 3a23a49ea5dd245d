//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// How connections are encrypted. The server's certificate is always verified.
public struct RedisTLS: Hashable, Sendable {
    /// A PEM file of the authorities that are trusted; nil for those of the system.
    public var authoritiesFile: String?
    /// The name that the certificate must have; nil for the host of the address.
    public var serverName: String?
    /// PEM files by which this client shows who it is; nil for none. One without the other is refused.
    public var certificateFile: String?
    public var keyFile: String?

    public init(
        authoritiesFile: String? = nil, serverName: String? = nil, certificateFile: String? = nil,
        keyFile: String? = nil
    ) {
        self.authoritiesFile = authoritiesFile
        self.serverName = serverName
        self.certificateFile = certificateFile
        self.keyFile = keyFile
    }
}
