//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Hummingbird
import ParleyChat
import ParleyCore

/// `/api/presets`: a user's saved system prompts.
struct PresetRoutes {
    private struct Body: Decodable {
        var name: String
        var systemPrompt: String
    }

    let accounts: any AccountStore

    func add(to table: inout RouteTable) {
        table.get("/api/presets") { _, context in
            let presets = try await self.accounts.presets(of: context.user().id)
            return try Reply.json(ListReply(name: "presets", elements: presets, next: nil))
        }
        table.on(.put, "/api/presets/{id}") { request, context in
            let user = try context.user()
            let id: PresetID = try context.id()
            let body: Body = try await request.json()
            try Problem.check(name: body.name)
            try Chat.check(systemPrompt: body.systemPrompt)
            let preset = Preset(id: id, name: body.name, systemPrompt: body.systemPrompt, createdAt: .now())
            try await self.accounts.save(preset, user: user.id)
            return try Reply.json(preset)
        }
        table.on(.delete, "/api/presets/{id}") { _, context in
            try await self.accounts.deletePreset(context.id(), user: context.user().id)
            return Reply.noContent
        }
    }
}
