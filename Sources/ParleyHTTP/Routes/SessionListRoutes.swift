//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation
import Hummingbird
import OpenSSLCrypto
import ParleyCore

/// `/api/sessions`: where the user is signed in, and signing out there.
struct SessionListRoutes {
    private struct SessionRecord: Encodable {
        var id: ID<Session>
        var createdAt: Timestamp
        var lastSeenAt: Timestamp
        var endsAt: Timestamp
        var current: Bool
    }

    let sessions: Sessions

    func add(to table: inout RouteTable) {
        table.get("/api/sessions") { _, context in
            let user = try context.user()
            let current = try Self.current(context)
            let records = try await self.sessions.list(of: user).prefix(HTTPLimits.listedSessions).map { session in
                SessionRecord(
                    id: Self.id(of: session.idHash), createdAt: session.createdAt, lastSeenAt: session.lastSeenAt,
                    endsAt: session.endsAt, current: session.idHash == current)
            }
            return try Reply.json(ListReply(name: "sessions", elements: Array(records), next: nil))
        }
        table.on(.delete, "/api/sessions") { _, context in
            try await self.sessions.endOthers(of: context.user(), than: Self.current(context))
            return Reply.noContent
        }
        table.on(.delete, "/api/sessions/{id}") { try await self.end($0, $1) }
    }

    private func end(_ request: Request, _ context: AppContext) async throws -> Response {
        let user = try context.user()
        let current = try Self.current(context)
        let id: ID<Session> = try context.id()
        guard let session = try await self.sessions.list(of: user).first(where: { Self.id(of: $0.idHash) == id }) else {
            throw Problem.notFound
        }
        let cookie = try await self.sessions.end(idHash: session.idHash)
        var response = Reply.noContent
        if session.idHash == current { response.setCookie(cookie) }
        return response
    }

    private static func current(_ context: AppContext) throws -> [UInt8] {
        guard case .session(let idHash) = context.identity?.proof else { throw Problem.signInRequired }
        return idHash
    }

    /// A name for a session that tells nothing of its secret nor of the hash that the store finds it by: a UUIDv8
    /// (RFC 9562 section 5.8) of a digest of that hash.
    private static func id(of idHash: [UInt8]) -> ID<Session> {
        var bytes = Array(sha256(Array("parley session name".utf8) + idHash).prefix(16))
        bytes[6] = 0x80 | (bytes[6] & 0x0F)
        bytes[8] = 0x80 | (bytes[8] & 0x3F)
        return ID(bytes.withUnsafeBytes { UUID(uuid: $0.loadUnaligned(as: uuid_t.self)) })
    }
}
