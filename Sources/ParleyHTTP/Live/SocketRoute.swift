//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Hummingbird
import ParleyChat
import ParleyCore
import WebSocketServer

/// `/api/ws`: the upgrade, with everything that a request goes through.
struct SocketRoute {
    let chat: Chat
    let names: CollectionNames
    let feeds: TurnFeeds
    let registry: SocketRegistry
    let sessions: Sessions
    let publicOrigin: String?

    func add(to table: inout RouteTable) {
        table.onlyGet("/api/ws") { request, context in
            guard let identity = context.identity else { throw Problem.signInRequired }
            var configuration = WebSocketConfiguration()
            configuration.origins = .sameHostOr(self.publicOrigin.map { [$0] } ?? [])
            configuration.messageBytes = HTTPLimits.socketMessageBytes
            return try await request.webSocketUpgrade(configuration: configuration) { connection in
                ChatSocket(
                    connection: connection, identity: identity, chat: self.chat, names: self.names, feeds: self.feeds,
                    registry: self.registry, sessions: self.sessions)
            }
        }
    }
}
