//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Hummingbird
import ParleyChat
import ParleyCore

/// `/api/conversations/{id}/messages` and `/api/messages/{id}/regenerate`.
struct MessageRoutes {
    /// What a client sends, over REST and WebSocket alike.
    struct New: Decodable {
        var id: MessageID?
        var parentID: Member<MessageID>
        var content: String
        var model: String?
        /// Ids or names of collections to look in.
        var collections: [String]?

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            self.id = try container.decodeIfPresent(MessageID.self, forKey: .id)
            self.parentID = try container.member(forKey: .parentID)
            self.content = try container.decode(String.self, forKey: .content)
            self.model = try container.decodeIfPresent(String.self, forKey: .model)
            self.collections = try container.decodeIfPresent([String].self, forKey: .collections)
        }

        enum CodingKeys: CodingKey {
            case id, parentID, content, model, collections
        }

        /// - Throws: a 404 or 422 `Problem` for collections that cannot be looked in.
        func message(user: UserID, names: CollectionNames) async throws -> Chat.NewMessage {
            let parent: Chat.Parent =
                switch self.parentID {
                case .absent: .latest
                case .null: .root
                case .value(let id): .message(id)
                }
            return Chat.NewMessage(
                id: self.id ?? .generate(), parent: parent, content: self.content, model: self.model,
                collections: try await names.readable(self.collections, user: user))
        }
    }

    private struct Regenerate: Decodable {
        var model: String?
        /// Ids or names of collections to look in; absent looks where the answer before it looked.
        var collections: [String]?
    }

    let names: CollectionNames
    let chat: Chat
    let store: any ConversationStore

    func add(to table: inout RouteTable) {
        table.get("/api/conversations/{id}/messages") { try await self.list($0, $1) }
        table.on(.post, "/api/conversations/{id}/messages") { request, context in
            let user = try context.user()
            let id: ConversationID = try context.id()
            let body: New = try await request.json()
            let message = try await body.message(user: user.id, names: self.names)
            let turn = try await self.chat.send(message, to: id, user: user.id)
            return try Reply.json(TurnReply(turn: TurnRecord(turn: turn)), status: .accepted)
        }
        table.on(.post, "/api/messages/{id}/regenerate") { request, context in
            let user = try context.user()
            let id: MessageID = try context.id()
            let data = try await request.body(limitBytes: HTTPLimits.bodyBytes)
            let body = data.isEmpty ? Regenerate() : try JSONBody.decode(Regenerate.self, from: data)
            let collections = try await self.names.readable(body.collections, user: user.id)
            let turn = try await self.chat.regenerate(
                id, model: body.model, collections: collections, user: user.id)
            return try Reply.json(TurnReply(turn: TurnRecord(turn: turn)), status: .accepted)
        }
    }

    private func list(_ request: Request, _ context: AppContext) async throws -> Response {
        let user = try context.user()
        let id: ConversationID = try context.id()
        let before = request.query("before")
        guard let branch = request.query("branch") else {
            let page = try await self.store.messages(
                in: id, owner: user.id, before: before, limit: request.limit())
            let records = page.elements.map { MessageRecord(message: $0) }
            return try Reply.json(ListReply(name: "messages", elements: records, next: page.next))
        }
        var through: MessageID?
        if branch != "latest" {
            guard let message = MessageID(branch) else {
                throw Problem.invalid("branch", "must be `latest` or a message's id")
            }
            through = message
        }
        let page = try await self.store.branch(
            of: id, owner: user.id, through: through, before: before, limit: request.limit())
        let records = page.elements.map { MessageRecord(message: $0.message, siblings: $0.siblings) }
        return try Reply.json(ListReply(name: "messages", elements: records, next: page.next))
    }
}
