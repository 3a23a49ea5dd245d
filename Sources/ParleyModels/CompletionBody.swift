//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCore

/// Writes the body of `POST /chat/completions`.
enum CompletionBody {
    /// - Parameters:
    ///   - model: the server's own name of the model.
    ///   - stream: whether the answer is to come in chunks.
    static func bytes(for request: ChatRequest, model: String, endpoint: ModelEndpoint, stream: Bool = true) -> [UInt8]
    {
        let size = request.messages.reduce(256) { $0 + $1.content.utf8.count + 40 }
        var writer = JSONWriter(capacity: size)
        writer.beginObject()
        writer.key("model")
        writer.string(model)
        writer.key("messages")
        writer.beginArray()
        for message in request.messages {
            Self.write(role: message.role.rawValue, message.content, to: &writer)
        }
        if let beginning = request.continuing, !beginning.isEmpty {
            Self.write(role: ParleyCore.Message.Role.assistant.rawValue, beginning, to: &writer)
        }
        writer.endArray()
        writer.key("stream")
        writer.bool(stream)
        if stream, endpoint.asksForUsage {
            writer.key("stream_options")
            writer.beginObject()
            writer.key("include_usage")
            writer.bool(true)
            writer.endObject()
        }
        if let maximum = request.maximumTokens {
            writer.key(endpoint.usesMaxCompletionTokens ? "max_completion_tokens" : "max_tokens")
            writer.int(maximum)
        }
        if endpoint.continuation == .continueFinalMessage, request.continuing?.isEmpty == false {
            writer.key("continue_final_message")
            writer.bool(true)
            writer.key("add_generation_prompt")
            writer.bool(false)
        }
        writer.endObject()
        return writer.bytes
    }

    private static func write(role: String, _ content: String, to writer: inout JSONWriter) {
        writer.beginObject()
        writer.key("role")
        writer.string(role)
        writer.key("content")
        writer.string(content)
        writer.endObject()
    }
}
