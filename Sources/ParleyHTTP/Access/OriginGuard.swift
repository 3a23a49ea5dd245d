//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation
import HTTPTypes
import Hummingbird

/// Keeps other web sites out: a browser must not be used against its own user.
///
/// - A request that changes something, and every WebSocket upgrade, must come from our own origin when it names one.
/// - In open mode the `Host` must be this machine, so that a name that is made to point here (DNS rebinding) is
///   refused.
struct OriginGuard: RouterMiddleware {
    typealias Context = AppContext

    let settings: HTTPSettings

    func handle(
        _ request: Request, context: AppContext, next: (Request, AppContext) async throws -> Response
    ) async throws -> Response {
        let host = request.head.authority ?? ""
        if self.settings.mode == .open, !self.isAllowed(host: host) {
            throw Problem(
                .misdirectedRequest, "unknown-host", title: "Unknown host",
                detail: "In open mode Parley answers to localhost only. For another name, set a public origin.")
        }
        let isSafe = [.get, .head, .options].contains(request.method) && request.headers[.upgrade] == nil
        if !isSafe {
            guard self.isOwnOrigin(of: request, host: host) else {
                throw Problem(
                    .forbidden, "foreign-origin", title: "Another web site asked",
                    detail: "This request came from a page of another origin.")
            }
        }
        return try await next(request, context)
    }

    private func isOwnOrigin(of request: Request, host: String) -> Bool {
        guard let origin = request.headers[.origin] else {
            // Browsers that say where a request comes from say it here too; other clients say neither.
            let site = request.headers[.secFetchSite]
            return site == nil || site == "same-origin" || site == "none"
        }
        if origin == self.settings.publicOrigin { return true }
        return origin == "http://\(host)" || origin == "https://\(host)"
    }

    private func isAllowed(host: String) -> Bool {
        var name = host.lowercased()
        if let colon = name.lastIndex(of: ":"), !name.hasSuffix("]") {
            name = String(name[..<colon])
        }
        if ["localhost", "127.0.0.1", "[::1]", ""].contains(name) || name.hasSuffix(".localhost") { return true }
        return self.settings.publicOrigin.flatMap { URL(string: $0)?.host }?.lowercased() == name
    }
}

extension HTTPField.Name {
    static let secFetchSite = HTTPField.Name("Sec-Fetch-Site")!  // safe: a valid token
}
