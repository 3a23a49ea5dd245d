//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import ParleyCore

/// The part of OpenAI's chat completion request that the local model understands.
struct ChatCompletionRequest: Decodable {
    struct Message: Decodable {
        var role: String
        var content: Content?
    }

    /// A text, or parts of which the texts count.
    enum Content: Decodable {
        case text(String)

        private struct Part: Decodable {
            var text: String?
        }

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let text = try? container.decode(String.self) {
                self = .text(text)
            } else {
                let parts = try container.decode([Part].self)
                self = .text(parts.compactMap(\.text).joined(separator: "\n"))
            }
        }
    }

    var model: String?
    var messages: [Message]
    var stream: Bool?

    var chatRequest: ChatRequest {
        let messages = self.messages.compactMap { message -> ChatRequest.Message? in
            guard case .text(let text)? = message.content else { return nil }
            let role = ParleyCore.Message.Role(rawValue: message.role) ?? .user
            return .init(role: role, content: text)
        }
        return ChatRequest(messages: messages, model: self.model)
    }
}

/// An answer of the local model in OpenAI's form.
struct LocalCompletion: Sendable {
    private let model: any ChatModel
    private let chatRequest: ChatRequest
    private let streams: Bool
    private let id = "chatcmpl-" + ID<Self>.generate().description
    private let created = Int(Timestamp.now().milliseconds / 1000)

    init(model: any ChatModel, request: ChatCompletionRequest) throws {
        guard !request.messages.isEmpty else { throw Problem.invalid("messages", "must not be empty") }
        self.model = model
        self.chatRequest = request.chatRequest
        self.streams = request.stream ?? false
    }

    func response() async throws -> Response {
        guard self.streams else { return try await self.whole() }
        let headers: HTTPFields = [
            .contentType: "text/event-stream; charset=utf-8", .cacheControl: "no-cache, no-transform",
            .accelBuffering: "no",
        ]
        let body = ResponseBody { writer in
            var output = writer
            try await output.write(Self.frame(self.chunk(content: "", finishReason: nil, role: true)))
            let completion = try await self.model.answer(self.chatRequest) { event in
                guard case .delta(let text) = event else { return }
                try await output.write(Self.frame(self.chunk(content: text, finishReason: nil)))
            }
            let reason = completion.finishReason.name
            try await output.write(Self.frame(self.chunk(content: nil, finishReason: reason)))
            try await output.write(ByteBuffer(string: "data: [DONE]\n\n"))
            writer = output
            try await writer.finish(nil)
        }
        return Response(status: .ok, headers: headers, body: body)
    }

    private func whole() async throws -> Response {
        var text = ""
        let completion = try await self.model.answer(self.chatRequest) { event in
            if case .delta(let delta) = event { text += delta }
        }
        var writer = self.opening(object: "chat.completion")
        writer.key("message")
        writer.beginObject()
        writer.key("role")
        writer.string("assistant")
        writer.key("content")
        writer.string(text)
        writer.endObject()
        self.close(&writer, finishReason: completion.finishReason.name)
        return Response(
            status: .ok, headers: [.contentType: "application/json", .cacheControl: "no-store"],
            body: .init(byteBuffer: ByteBuffer(bytes: writer.bytes)))
    }

    private func chunk(content: String?, finishReason: String?, role: Bool = false) -> [UInt8] {
        var writer = self.opening(object: "chat.completion.chunk")
        writer.key("delta")
        writer.beginObject()
        if role {
            writer.key("role")
            writer.string("assistant")
        }
        if let content {
            writer.key("content")
            writer.string(content)
        }
        writer.endObject()
        self.close(&writer, finishReason: finishReason)
        return writer.bytes
    }

    private func opening(object: String) -> JSONWriter {
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("id")
        writer.string(self.id)
        writer.key("object")
        writer.string(object)
        writer.key("created")
        writer.int(self.created)
        writer.key("model")
        writer.string(self.chatRequest.model ?? "local")
        writer.key("choices")
        writer.beginArray()
        writer.beginObject()
        writer.key("index")
        writer.int(0)
        return writer
    }

    private func close(_ writer: inout JSONWriter, finishReason: String?) {
        writer.key("finish_reason")
        if let finishReason {
            writer.string(finishReason)
        } else {
            writer.null()
        }
        writer.endObject()
        writer.endArray()
        writer.endObject()
    }

    private static func frame(_ json: [UInt8]) -> ByteBuffer {
        var buffer = ByteBuffer(string: "data: ")
        buffer.writeBytes(json)
        buffer.writeString("\n\n")
        return buffer
    }
}
