//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import HTTPTypes
import Hummingbird
import ParleyCore

/// `/api/memories`: the facts that are kept about a user, for the user alone.
struct MemoryRoutes {
    private struct Body: Decodable {
        var text: String
    }

    private struct SettingsPatch: Decodable {
        var usesMemories: Bool?
        var learnsMemories: Bool?
        var recallsMessages: Bool?
    }

    private struct One: Encodable {
        var memory: MemoryRecord
    }

    let memories: any MemoryStore

    func add(to table: inout RouteTable) {
        table.get("/api/memories") { _, context in
            let memories = try await self.memories.memories(of: context.user().id)
            let records = memories.map(MemoryRecord.init)
            return try Reply.json(ListReply(name: "memories", elements: records, next: nil))
        }
        table.on(.post, "/api/memories") { try await self.create($0, $1) }
        table.on(.delete, "/api/memories") { _, context in
            try await self.memories.deleteMemories(of: context.user().id)
            return Reply.noContent
        }
        table.on(.patch, "/api/memories/{id}") { try await self.edit($0, $1) }
        table.on(.delete, "/api/memories/{id}") { _, context in
            try await self.memories.deleteMemory(context.id(), owner: context.user().id)
            return Reply.noContent
        }
        table.get("/api/memories/settings") { _, context in
            try await Reply.json(self.memories.memorySettings(of: context.user().id))
        }
        table.on(.patch, "/api/memories/settings") { try await self.change($0, $1) }
    }

    private func create(_ request: Request, _ context: AppContext) async throws -> Response {
        let user = try context.user()
        let body: Body = try await request.json()
        let now = Timestamp.now()
        let memory = Memory(
            id: .generate(at: now), ownerID: user.id, text: try Self.checked(body.text), origin: .user,
            createdAt: now, updatedAt: now)
        try await self.memories.add(memory)
        return try Reply.json(
            One(memory: MemoryRecord(memory: memory)), status: .created,
            headers: [.location: "/api/memories/\(memory.id)"])
    }

    private func edit(_ request: Request, _ context: AppContext) async throws -> Response {
        let user = try context.user()
        let id: MemoryID = try context.id()
        let body: Body = try await request.json()
        let memory = try await self.memories.changeMemory(
            id, owner: user.id, text: Self.checked(body.text), at: .now())
        return try Reply.json(One(memory: MemoryRecord(memory: memory)))
    }

    private func change(_ request: Request, _ context: AppContext) async throws -> Response {
        let user = try context.user()
        let patch: SettingsPatch = try await request.json()
        var settings = try await self.memories.memorySettings(of: user.id)
        settings.usesMemories = patch.usesMemories ?? settings.usesMemories
        settings.learnsMemories = patch.learnsMemories ?? settings.learnsMemories
        settings.recallsMessages = patch.recallsMessages ?? settings.recallsMessages
        try await self.memories.save(settings, owner: user.id)
        return try Reply.json(settings)
    }

    /// - Throws: a 422 `Problem` for an empty or too long text, or one with NUL.
    private static func checked(_ text: String) throws -> String {
        guard text.contains(where: { !$0.isWhitespace }) else { throw Problem.invalid("text", "must not be empty") }
        guard text.utf8.count <= CoreLimits.memoryBytes else {
            throw Problem.invalid("text", "must be at most \(CoreLimits.memoryBytes) bytes of UTF-8")
        }
        guard !text.utf8.contains(0) else { throw Problem.invalid("text", "must not contain NUL") }
        return text
    }
}
