//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
extension TurnEvent {
    /// The event as one JSON object in UTF-8, the same over SSE and WebSocket:
    /// `{"type","turnID","id", …}` with the members of its kind.
    public var json: [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("type")
        writer.string(self.kind.name)
        writer.key("turnID")
        writer.string(self.turnID.description)
        writer.key("id")
        writer.string(self.id.description)
        self.kind.writeMembers(to: &writer)
        writer.endObject()
        return writer.bytes
    }
}

extension TurnEvent.Kind {
    fileprivate func writeMembers(to writer: inout JSONWriter) {
        switch self {
        case .started(let model):
            writer.key("model")
            writer.string(model)
        case .sources(let passages):
            writer.key("passages")
            writer.beginArray()
            for passage in passages {
                passage.write(to: &writer)
            }
            writer.endArray()
        case .delta(let text):
            writer.key("text")
            writer.string(text)
        case .replace(let from, let text):
            writer.key("from")
            writer.int(from)
            writer.key("text")
            writer.string(text)
        case .completed(let messageID, let textLength, let usage, let finishReason):
            writer.key("messageID")
            writer.string(messageID.description)
            writer.key("textLength")
            writer.int(textLength)
            writer.key("usage")
            usage.write(to: &writer)
            writer.key("finishReason")
            writer.string(finishReason.name)
        case .stopped(let messageID):
            writer.key("messageID")
            writer.string(messageID.description)
        case .failed(let failure):
            writer.key("code")
            writer.string(failure.code)
            writer.key("message")
            writer.string(failure.message)
            writer.key("retryable")
            writer.bool(failure.retryable)
        }
    }
}

extension Citation {
    fileprivate func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.key("n")
        writer.int(self.n)
        writer.key("documentID")
        writer.string(self.documentID)
        writer.key("title")
        writer.string(self.title)
        if let page = self.page {
            writer.key("page")
            writer.int(page)
        }
        writer.key("text")
        writer.string(self.text)
        writer.key("score")
        writer.double(self.score)
        writer.endObject()
    }
}

extension TokenUsage? {
    fileprivate func write(to writer: inout JSONWriter) {
        guard let usage = self else { return writer.null() }
        writer.beginObject()
        writer.key("promptTokens")
        writer.int(usage.promptTokens)
        writer.key("completionTokens")
        writer.int(usage.completionTokens)
        writer.endObject()
    }
}
