//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Hummingbird
import ParleyChat
import ParleyCore

/// `/api/turns/{id}`: state, stop, and the events as SSE.
struct TurnRoutes {
    let chat: Chat

    func add(to table: inout RouteTable) {
        table.get("/api/turns/{id}") { _, context in
            let turn = try await self.chat.turn(context.id(), user: context.user().id)
            return try Reply.json(TurnReply(turn: TurnRecord(turn: turn)))
        }
        table.on(.post, "/api/turns/{id}/stop") { _, context in
            let turn = try await self.chat.stop(context.id(), user: context.user().id)
            return try Reply.json(TurnReply(turn: TurnRecord(turn: turn)), status: .accepted)
        }
        table.get("/api/turns/{id}/events") { try await self.events($0, $1) }
    }

    private func events(_ request: Request, _ context: AppContext) async throws -> Response {
        let user = try context.user()
        let id: TurnID = try context.id()
        let after = try Self.position(request)
        // The owner is checked before the head goes out, so that a stranger gets a 404 and not an empty stream.
        let turn = try await self.chat.turn(id, user: user.id)
        let follower = self.chat.follow(turn, after: after)
        return EventStream(follower: follower, logger: context.requestLogger ?? context.logger).response
    }

    /// `Last-Event-ID`, which a browser sends when it connects again, wins over `?after=`.
    private static func position(_ request: Request) throws -> EventID {
        guard let text = request.headers[.lastEventID] ?? request.query("after"), !text.isEmpty else { return .start }
        guard let id = EventID(text) else {
            throw Problem.invalid("after", "must be an event id such as 1-17")
        }
        return id
    }
}
