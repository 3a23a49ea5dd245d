//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import HTTPTypes
import Hummingbird
import ParleyCore

/// `/api/collections`: the sets of documents and who finds what is in them.
struct CollectionRoutes {
    private struct New: Decodable {
        var name: String
        var readers: ReadersRecord?
    }

    private struct Patch: Decodable {
        var name: String?
        var readers: ReadersRecord?
    }

    private struct One: Encodable {
        var collection: CollectionRecord
    }

    let documents: any DocumentStore

    func add(to table: inout RouteTable) {
        table.get("/api/collections") { _, context in
            let user = try context.user()
            let collections = try await self.documents.collections(readableBy: user.id)
            let records = collections.map { CollectionRecord(stored: $0, user: user.id) }
            return try Reply.json(ListReply(name: "collections", elements: records, next: nil))
        }
        table.on(.post, "/api/collections") { try await self.create($0, $1) }
        table.get("/api/collections/{id}") { _, context in
            let user = try context.user()
            let stored = try await self.documents.collection(context.id(), readableBy: user.id)
            return try Reply.json(One(collection: CollectionRecord(stored: stored, user: user.id)))
        }
        table.on(.patch, "/api/collections/{id}") { try await self.patch($0, $1) }
        table.on(.delete, "/api/collections/{id}") { _, context in
            let id: CollectionID = try context.id()
            try await self.documents.delete(id, owner: context.user().id)
            return Reply.noContent
        }
    }

    private func create(_ request: Request, _ context: AppContext) async throws -> Response {
        let user = try context.user()
        let body: New = try await request.json()
        let now = Timestamp.now()
        let collection = KnowledgeCollection(
            id: .generate(at: now), ownerID: user.id, name: try CollectionNames.checked(body.name, field: "name"),
            readers: body.readers?.readers ?? .owner, createdAt: now)
        let stored = try await self.documents.create(collection)
        return try Reply.json(
            One(collection: CollectionRecord(stored: stored, user: user.id)), status: .created,
            headers: [.location: "/api/collections/\(collection.id)"])
    }

    private func patch(_ request: Request, _ context: AppContext) async throws -> Response {
        let user = try context.user()
        let id: CollectionID = try context.id()
        let body: Patch = try await request.json()
        let patch = CollectionPatch(
            name: try body.name.map { try CollectionNames.checked($0, field: "name") },
            readers: body.readers?.readers)
        let stored = try await self.documents.update(id, owner: user.id, patch: patch)
        return try Reply.json(One(collection: CollectionRecord(stored: stored, user: user.id)))
    }
}
