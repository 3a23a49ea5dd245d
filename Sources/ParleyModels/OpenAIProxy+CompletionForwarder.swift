//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import NIOCore
public import ParleyCore

extension OpenAIProxy: CompletionForwarder {
    public func forwardChatCompletion(_ body: [UInt8]) async throws -> ForwardedAnswer {
        let response = try await self.forward(.chatCompletions, body: ByteBuffer(bytes: body))
        func header(_ name: String) -> String? {
            response.headers.first { $0.name.lowercased() == name }?.value
        }
        return ForwardedAnswer(
            status: response.status, contentType: header("content-type") ?? "application/json",
            retryAfter: header("retry-after"), body: response.body.map { [UInt8](buffer: $0) })
    }
}
