//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// A status code of a closing handshake (RFC 6455 section 7.4, and the IANA registry).
public struct WebSocketCloseCode: RawRepresentable, Sendable, Hashable, CustomStringConvertible {
    public var rawValue: UInt16

    public init(rawValue: UInt16) { self.rawValue = rawValue }

    public static let normalClosure = Self(rawValue: 1000)
    public static let goingAway = Self(rawValue: 1001)
    public static let protocolError = Self(rawValue: 1002)
    public static let unacceptableData = Self(rawValue: 1003)
    /// Never on the wire: the peer's Close frame had no code.
    public static let noStatus = Self(rawValue: 1005)
    /// Never on the wire: the connection ended without a Close frame.
    public static let abnormalClosure = Self(rawValue: 1006)
    public static let invalidPayload = Self(rawValue: 1007)
    public static let policyViolation = Self(rawValue: 1008)
    public static let messageTooBig = Self(rawValue: 1009)
    public static let internalError = Self(rawValue: 1011)
    public static let tryAgainLater = Self(rawValue: 1013)

    /// Whether a Close frame may carry it.
    public var isAllowedOnWire: Bool {
        switch self.rawValue {
        case 1000...1003, 1007...1014, 3000...4999: true
        default: false
        }
    }

    public var description: String { String(self.rawValue) }
}

/// How a connection ended.
public struct WebSocketClosure: Sendable, Equatable {
    /// Who ended it.
    public enum Initiator: Sendable {
        /// The application, through ``WebSocketConnection/close(_:reason:)``, or the server's shutdown.
        case server
        /// The server, because the peer broke the protocol or a limit.
        case violation
        case peer
        /// The network, or a peer that fell silent.
        case loss
    }

    public var code: WebSocketCloseCode
    public var reason: String
    public var initiator: Initiator
}
