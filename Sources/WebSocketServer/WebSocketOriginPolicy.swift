//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import HTTPTypes
public import HummingbirdCore

/// Whose pages may open a WebSocket here. Cookies are sent with the handshake whatever page opens it, and no other rule
/// of the browser protects it (RFC 6455 section 10.2).
///
/// A request without an `Origin` comes from no page and passes each of them but ``custom(_:)``.
public enum WebSocketOriginPolicy: Sendable {
    /// Pages whose host and port are those that the request was sent to (`Host`).
    case sameHost
    /// As ``sameHost``, and pages of these origins (`https://chat.example`), for a proxy that changes `Host`.
    case sameHostOr([String])
    /// Pages of any origin: for services that know their users by other means than cookies.
    case any
    case custom(@Sendable (Request) -> Bool)

    /// Whether the request may be upgraded.
    public func allows(_ request: Request) -> Bool {
        let origins = request.headers[values: .origin]
        guard origins.count <= 1 else { return false }
        switch self {
        case .any:
            return true
        case .custom(let check):
            return check(request)
        case .sameHost:
            guard let origin = origins.first else { return true }
            return Self.isSameHost(origin, request.head.authority)
        case .sameHostOr(let others):
            guard let origin = origins.first else { return true }
            return Self.isSameHost(origin, request.head.authority)
                || others.contains { $0.lowercased() == origin.lowercased() }
        }
    }

    /// `http://host:port` against `host:port`; a port that is the scheme's own may be left out on either side.
    private static func isSameHost(_ origin: String, _ host: String?) -> Bool {
        guard let host, !host.isEmpty else { return false }
        let origin = origin.lowercased()
        for (scheme, port) in [("http://", ":80"), ("https://", ":443")] where origin.hasPrefix(scheme) {
            func bare(_ text: some StringProtocol) -> String {
                String(text.hasSuffix(port) ? text.dropLast(port.utf8.count) : text.dropLast(0))
            }
            return bare(origin.dropFirst(scheme.utf8.count)) == bare(host.lowercased())
        }
        return false
    }
}
