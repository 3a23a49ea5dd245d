//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Hummingbird
import ParleyCore

/// `/api/models`: what a user may choose from.
struct ModelRoutes {
    private struct Model: Encodable {
        var name: String
    }

    private struct ModelsReply: Encodable {
        var models: [Model]
        var `default`: String
        var local: Bool
    }

    let model: any ChatModel
    let isLocal: Bool

    func add(to table: inout RouteTable) {
        table.get("/api/models") { _, context in
            _ = try context.user()
            let models = await self.model.models()
            return try Reply.json(
                ModelsReply(
                    models: models.map { Model(name: $0.name) }, default: models.first?.name ?? "",
                    local: self.isLocal))
        }
    }
}
