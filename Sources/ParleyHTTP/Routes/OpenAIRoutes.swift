//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import ParleyChat
import ParleyCore

/// `/v1`: OpenAI's chat completions, embeddings and models, for every client that speaks them.
///
/// With a model server the bytes pass through as they are, so unknown options keep working. Without one the local
/// model answers in the same form.
struct OpenAIRoutes {
    private struct Model: Encodable {
        var id: String
        var object = "model"
        var created = 0
        var ownedBy = "parley"

        private enum CodingKeys: String, CodingKey {
            case id, object, created
            case ownedBy = "owned_by"
        }
    }

    private struct ModelsReply: Encodable {
        var object = "list"
        var data: [Model]
    }

    let model: any ChatModel
    let forwarder: (any CompletionForwarder)?
    let embedder: (any Embedder)?
    let embeddingForwarder: (any EmbeddingForwarder)?

    func add(to table: inout RouteTable) {
        table.get("/v1/models") { _, context in
            try Self.checkKey(context)
            let models = await self.model.models()
            return try Reply.json(ModelsReply(data: models.map { Model(id: $0.name) }))
        }
        table.on(.post, "/v1/chat/completions") { try await self.complete($0, $1) }
        table.on(.post, "/v1/embeddings") { try await self.embed($0, $1) }
    }

    private static func checkKey(_ context: AppContext) throws {
        guard context.identity != nil else {
            throw Problem(
                .unauthorized, "invalid-api-key", title: "No valid key",
                detail: "Send a key of this Parley as `Authorization: Bearer …`.")
        }
    }

    private func complete(_ request: Request, _ context: AppContext) async throws -> Response {
        try Self.checkKey(context)
        let data = try await request.body(limitBytes: HTTPLimits.bodyBytes)
        guard let forwarder else {
            let body = try JSONBody.decode(ChatCompletionRequest.self, from: data)
            return try await LocalCompletion(model: self.model, request: body).response()
        }
        guard data.contains(where: { $0 == UInt8(ascii: "{") }) else {
            throw Problem.malformed("The body must be a JSON object.")
        }
        return Self.response(try await forwarder.forwardChatCompletion([UInt8](data)))
    }

    /// A model server's answer as it comes.
    private static func response(_ answer: ForwardedAnswer) -> Response {
        var headers: HTTPFields = [.contentType: answer.contentType, .cacheControl: "no-cache, no-transform"]
        headers[.retryAfter] = answer.retryAfter
        headers[.accelBuffering] = "no"
        let body = ResponseBody { writer in
            for try await piece in answer.body {
                try await writer.write(ByteBuffer(bytes: piece))
            }
            try await writer.finish(nil)
        }
        return Response(status: .init(code: answer.status), headers: headers, body: body)
    }

    private func embed(_ request: Request, _ context: AppContext) async throws -> Response {
        try Self.checkKey(context)
        let data = try await request.body(limitBytes: HTTPLimits.bodyBytes)
        let body = try JSONBody.decode(EmbeddingsRequest.self, from: data)
        if let embeddingForwarder {
            return Self.response(try await embeddingForwarder.forwardEmbeddings([UInt8](data)))
        }
        guard let embedder else {
            throw EmbedderError(
                .unavailable, "This server has no embedding model: see the manual's page on documents.")
        }
        let name = try await embedder.model.name
        guard body.model == nil || body.model == name else {
            throw Problem(
                .notFound, "model-not-found", title: "No such model",
                detail: "The embedding model of this server is \(name).", fields: [.init("model", "must be \(name)")])
        }
        return try await LocalEmbeddings(embedder: embedder, request: body).response()
    }
}
