//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// How the server is seen from outside and whom it lets in.
public struct HTTPSettings: Sendable {
    /// Who may use it.
    public enum Mode: String, Sendable {
        /// One local user without a password; only ever bound to this machine.
        case open
        /// Users sign in; the first account made is the administrator's.
        case accounts
    }

    public var mode: Mode
    /// The address in the browser's bar, such as `https://chat.example.org`; `nil` when it is the bound address.
    public var publicOrigin: String?
    /// The folder with the browser libraries that set-up fetches; `nil` when there is none.
    public var vendorFolder: String?
    public var nodeID: String
    public var version: String
    public var commit: String
    /// Whether no model server is configured.
    public var usesLocalModel: Bool

    public init(
        mode: Mode, publicOrigin: String? = nil, vendorFolder: String? = nil, nodeID: String,
        version: String, commit: String, usesLocalModel: Bool
    ) {
        self.mode = mode
        self.publicOrigin = publicOrigin
        self.vendorFolder = vendorFolder
        self.nodeID = nodeID
        self.version = version
        self.commit = commit
        self.usesLocalModel = usesLocalModel
    }

    /// Whether cookies may travel over TLS only.
    var secureCookies: Bool {
        self.publicOrigin?.hasPrefix("https://") ?? false
    }
}
