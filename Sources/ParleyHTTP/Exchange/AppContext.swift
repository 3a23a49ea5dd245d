//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
public import Hummingbird
public import Logging
public import NIOCore
public import ParleyCore

/// What is known about one request while it is answered.
public struct AppContext: RequestContext, RemoteAddressRequestContext {
    public var coreContext: CoreRequestContextStorage
    public let remoteAddress: SocketAddress?
    /// The id that the log, the response header and a problem carry.
    public var requestID = ""
    /// The logger whose entries carry ``requestID``.
    public var requestLogger: Logger?
    /// Who asks; set by ``Authentication``.
    public var identity: Identity?

    public init(source: ApplicationRequestContextSource) {
        self.coreContext = .init(source: source)
        self.remoteAddress = source.channel.remoteAddress
    }

    /// The signed-in user.
    ///
    /// - Throws: a 401 `Problem`.
    func user() throws -> User {
        guard let identity else { throw Problem.signInRequired }
        return identity.user
    }

    /// The signed-in user, who is an administrator.
    ///
    /// - Throws: a 401 or 403 `Problem`.
    func administrator() throws -> User {
        let user = try self.user()
        guard user.role == .administrator else { throw Problem.forbidden }
        return user
    }
}

/// Who asks, and by what proof.
public struct Identity: Sendable {
    public enum Proof: Sendable {
        case session(idHash: [UInt8])
        case key(KeyID)
        /// Open mode on `/v1`, where no proof is needed.
        case open
    }

    public var user: User
    public var proof: Proof

    public init(user: User, proof: Proof) {
        self.user = user
        self.proof = proof
    }
}
