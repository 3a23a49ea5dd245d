//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Hummingbird
import ParleyChat
import ParleyCore

/// `/api/conversations`: list, create, read, change, delete, restore; and `/api/history`.
struct ConversationRoutes {
    private struct New: Decodable {
        var id: ConversationID?
        var title: String?
        var systemPrompt: String?
        var model: String?
        var temporary: Bool?
    }

    private struct Patch: Decodable {
        var title: String?
        var systemPrompt: Member<String>
        var model: Member<String>
        var pinned: Bool?
        var archived: Bool?

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            self.title = try container.decodeIfPresent(String.self, forKey: .title)
            self.systemPrompt = try container.member(forKey: .systemPrompt)
            self.model = try container.member(forKey: .model)
            self.pinned = try container.decodeIfPresent(Bool.self, forKey: .pinned)
            self.archived = try container.decodeIfPresent(Bool.self, forKey: .archived)
        }

        enum CodingKeys: CodingKey {
            case title, systemPrompt, model, pinned, archived
        }
    }

    private struct Hit: Encodable {
        var conversationID: ConversationID
        var conversationTitle: String
        var messageID: MessageID?
        var snippet: String
        var createdAt: Timestamp

        init(_ hit: SearchHit) {
            self.conversationID = hit.conversationID
            self.conversationTitle = hit.conversationTitle
            self.messageID = hit.messageID
            self.snippet = hit.snippet
            self.createdAt = hit.createdAt
        }
    }

    let store: any ConversationStore

    func add(to table: inout RouteTable) {
        table.get("/api/conversations") { try await self.list($0, $1) }
        table.on(.post, "/api/conversations") { try await self.create($0, $1) }
        table.get("/api/conversations/{id}") { _, context in
            let conversation = try await self.store.conversation(context.id(), owner: context.user().id)
            return try Reply.json(ConversationRecord(conversation: conversation))
        }
        table.on(.patch, "/api/conversations/{id}") { try await self.patch($0, $1) }
        table.on(.delete, "/api/conversations/{id}") { _, context in
            try await self.store.delete(context.id(), owner: context.user().id, at: .now())
            return Reply.noContent
        }
        table.on(.post, "/api/conversations/{id}/restore") { _, context in
            let conversation = try await self.store.restore(context.id(), owner: context.user().id)
            return try Reply.json(ConversationRecord(conversation: conversation))
        }
        table.get("/api/history") { try await self.search($0, $1) }
    }

    private func list(_ request: Request, _ context: AppContext) async throws -> Response {
        let user = try context.user()
        let page = try await self.store.conversations(
            owner: user.id, archived: request.query("archived") == "true", query: request.searchQuery(),
            before: request.query("before"), limit: request.limit())
        let records = page.elements.map(ConversationRecord.init)
        return try Reply.json(ListReply(name: "conversations", elements: records, next: page.next))
    }

    private func create(_ request: Request, _ context: AppContext) async throws -> Response {
        let user = try context.user()
        let body: New = try await request.json()
        if let title = body.title { try Chat.check(title: title) }
        if let prompt = body.systemPrompt { try Chat.check(systemPrompt: prompt) }
        try Chat.check(model: body.model)
        let now = Timestamp.now()
        let conversation = Conversation(
            id: body.id ?? .generate(at: now), ownerID: user.id, title: body.title ?? "New conversation",
            titleIsAutomatic: body.title == nil, systemPrompt: body.systemPrompt, model: body.model,
            temporary: body.temporary ?? false, createdAt: now, updatedAt: now)
        try await self.store.create(conversation)
        return try Reply.json(
            ConversationRecord(conversation: conversation), status: .created,
            headers: [.location: "/api/conversations/\(conversation.id)"])
    }

    private func patch(_ request: Request, _ context: AppContext) async throws -> Response {
        let user = try context.user()
        let id: ConversationID = try context.id()
        let body: Patch = try await request.json()
        if let title = body.title { try Chat.check(title: title) }
        if case .value(let prompt) = body.systemPrompt { try Chat.check(systemPrompt: prompt) }
        if case .value(let model) = body.model { try Chat.check(model: model) }
        let patch = ConversationPatch(
            title: body.title, systemPrompt: body.systemPrompt.change, model: body.model.change,
            pinned: body.pinned, archived: body.archived)
        let conversation = try await self.store.update(id, owner: user.id, patch: patch, at: .now())
        return try Reply.json(ConversationRecord(conversation: conversation))
    }

    private func search(_ request: Request, _ context: AppContext) async throws -> Response {
        let user = try context.user()
        var hits: [SearchHit] = []
        if let query = try request.searchQuery() {
            hits = try await self.store.search(owner: user.id, query: query, limit: request.limit())
        }
        return try Reply.json(ListReply(name: "hits", elements: hits.map(Hit.init), next: nil))
    }
}
