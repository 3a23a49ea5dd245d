//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import NIOCore
public import ParleyCore

extension OpenAIProxy: CompletionForwarder, EmbeddingForwarder {
    public func forwardChatCompletion(_ body: [UInt8]) async throws -> ForwardedAnswer {
        try await self.answer(.chatCompletions, body)
    }

    public func forwardEmbeddings(_ body: [UInt8]) async throws -> ForwardedAnswer {
        try await self.answer(.embeddings, body)
    }

    private func answer(_ route: Route, _ body: [UInt8]) async throws -> ForwardedAnswer {
        let response = try await self.forward(route, body: ByteBuffer(bytes: body))
        func header(_ name: String) -> String? {
            response.headers.first { $0.name.lowercased() == name }?.value
        }
        return ForwardedAnswer(
            status: response.status, contentType: header("content-type") ?? "application/json",
            retryAfter: header("retry-after"), body: response.body.map { [UInt8](buffer: $0) })
    }
}
