//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import HTTPTypes
import Hummingbird
import OpenSSLCrypto
import ParleyCore

/// Finds out who asks: by the session's cookie, or on `/v1` by a bearer key.
struct Authentication: RouterMiddleware {
    typealias Context = AppContext

    let sessions: Sessions
    let accounts: any AccountStore
    let mode: HTTPSettings.Mode

    func handle(
        _ request: Request, context: AppContext, next: (Request, AppContext) async throws -> Response
    ) async throws -> Response {
        var context = context
        if request.uri.path.hasPrefix("/v1/") {
            context.identity = try await self.bearer(of: request)
        } else if request.uri.path.hasPrefix("/api/") {
            context.identity = try await self.sessions.identity(of: request)
        }
        return try await next(request, context)
    }

    private func bearer(of request: Request) async throws -> Identity? {
        if let header = request.headers[.authorization], header.lowercased().hasPrefix("bearer ") {
            let secret = header.dropFirst("bearer ".count)
            if let found = try await self.accounts.key(secretHash: sha256(Array(secret.utf8))) {
                return Identity(user: found.user, proof: .key(found.key.id))
            }
        }
        return self.mode == .open ? Identity(user: .local, proof: .open) : nil
    }
}
