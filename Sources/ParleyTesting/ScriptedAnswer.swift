//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import NIOCore
import ParleyCore

/// The bytes of one scripted answer, made once and kept.
struct ScriptedAnswer: Sendable {
    struct Key: Hashable, Sendable {
        var script: ModelScript
        var model: String
        var text: String
        var streams: Bool
        var includesUsage: Bool
    }

    /// What is written at one time.
    var parts: [ByteBuffer] = []
    /// A byte order mark, if one is sent.
    var preamble = ByteBuffer()
    /// After the last part: the end of the body, the end of the connection, or nothing.
    var ending = Ending.endOfBody

    /// The parts in one, for an answer without pace.
    var joined = ByteBuffer()

    enum Ending: Hashable, Sendable {
        case endOfBody
        case close
        case reset
        case nothing
    }

    init(_ key: Key) {
        if !key.streams || key.script.ignoresStream {
            self.joined = ByteBuffer(bytes: Self.whole(key))
            self.parts = [self.joined]
            return
        }
        let script = key.script
        if script.sendsByteOrderMark { self.preamble.writeBytes([0xEF, 0xBB, 0xBF]) }
        var parts: [ByteBuffer] = []
        for index in 0..<script.reasoningDeltas {
            parts.append(
                Self.event(
                    Self.chunk(key) {
                        $0.key("reasoning_content"); $0.string("step \(index) ")
                    }, script))
        }
        let deltas = Self.pieces(key.text)
        let (count, ending) = Self.extent(script.fault, deltas.count)
        for (index, delta) in deltas.prefix(count).enumerated() {
            var part = ByteBuffer()
            if index == 0 {
                part.writeImmutableBuffer(
                    Self.event(
                        Self.chunk(key) {
                            $0.key("role")
                            $0.string("assistant")
                            $0.key("content")
                            $0.string("")
                        }, script))
            }
            if script.sendsComments {
                part.writeString(": keep-alive" + script.lineEnd.rawValue + script.lineEnd.rawValue)
            }
            part.writeImmutableBuffer(
                Self.event(
                    Self.chunk(key) {
                        $0.key("content"); $0.string(delta)
                    }, script))
            parts.append(part)
        }
        if let last = Self.last(key, deltas: deltas.count) { parts.append(last) }
        self.parts = parts
        self.ending = script.staysOpen ? .nothing : ending
        self.joined = self.preamble
        for part in parts { self.joined.writeImmutableBuffer(part) }
    }

    /// How many deltas come and what follows them.
    private static func extent(_ fault: ModelScript.Fault?, _ all: Int) -> (Int, Ending) {
        switch fault {
        case .cut(let count): (min(count, all), .close)
        case .reset(let count): (min(count, all), .reset)
        case .hang(let count): (min(count, all), .nothing)
        case .end(let count), .badJSON(let count), .errorEvent(let count): (min(count, all), .endOfBody)
        case .hangBeforeHead, .closeBeforeHead, .redirect, .garbage, nil: (all, .endOfBody)
        }
    }

    /// What follows the deltas: finish reason, usage and `[DONE]`, or a fault.
    private static func last(_ key: Key, deltas: Int) -> ByteBuffer? {
        let script = key.script
        var part = ByteBuffer()
        switch script.fault {
        case .cut, .reset, .hang, .end: return nil
        case .badJSON:
            return Self.event(Array(#"{"choices":[{"delta":{"content":"broken""#.utf8), script)
        case .errorEvent:
            var writer = JSONWriter()
            Self.writeError(script.errorMessage, code: script.errorCode, to: &writer)
            return Self.event(writer.bytes, script)
        case .hangBeforeHead, .closeBeforeHead, .redirect, .garbage, nil: break
        }
        if script.sendsFinishReason {
            part.writeImmutableBuffer(Self.event(Self.chunk(key, finishReason: script.finishReason) { _ in }, script))
        }
        if key.includesUsage && script.sendsUsage {
            var writer = JSONWriter()
            Self.writeHead("chat.completion.chunk", key, to: &writer)
            writer.key("choices")
            writer.beginArray()
            writer.endArray()
            Self.writeUsage(deltas: deltas, to: &writer)
            writer.endObject()
            part.writeImmutableBuffer(Self.event(writer.bytes, script))
        }
        if script.sendsDone { part.writeImmutableBuffer(Self.event(Array("[DONE]".utf8), script)) }
        return part.readableBytes == 0 ? nil : part
    }

    private static func event(_ data: [UInt8], _ script: ModelScript) -> ByteBuffer {
        var event = ByteBuffer()
        event.writeString("data: ")
        event.writeBytes(data)
        event.writeString(script.lineEnd.rawValue + script.lineEnd.rawValue)
        return event
    }

    private static func chunk(
        _ key: Key, finishReason: String? = nil, delta: (inout JSONWriter) -> Void
    ) -> [UInt8] {
        var writer = JSONWriter()
        Self.writeHead("chat.completion.chunk", key, to: &writer)
        writer.key("choices")
        writer.beginArray()
        writer.beginObject()
        writer.key("index")
        writer.int(0)
        writer.key("delta")
        writer.beginObject()
        delta(&writer)
        writer.endObject()
        writer.key("logprobs")
        writer.null()
        writer.key("finish_reason")
        if let finishReason { writer.string(finishReason) } else { writer.null() }
        writer.endObject()
        writer.endArray()
        writer.endObject()
        return writer.bytes
    }

    private static func whole(_ key: Key) -> [UInt8] {
        var writer = JSONWriter()
        Self.writeHead("chat.completion", key, to: &writer)
        writer.key("choices")
        writer.beginArray()
        writer.beginObject()
        writer.key("index")
        writer.int(0)
        writer.key("message")
        writer.beginObject()
        writer.key("role")
        writer.string("assistant")
        writer.key("content")
        writer.string(key.text)
        writer.key("refusal")
        writer.null()
        writer.endObject()
        writer.key("logprobs")
        writer.null()
        writer.key("finish_reason")
        writer.string(key.script.finishReason)
        writer.endObject()
        writer.endArray()
        Self.writeUsage(deltas: Self.pieces(key.text).count, to: &writer)
        writer.endObject()
        return writer.bytes
    }

    private static func writeHead(_ object: String, _ key: Key, to writer: inout JSONWriter) {
        writer.beginObject()
        writer.key("id")
        writer.string("chatcmpl-scripted")
        writer.key("object")
        writer.string(object)
        writer.key("created")
        writer.int(1_700_000_000)
        writer.key("model")
        writer.string(key.model)
        writer.key("system_fingerprint")
        writer.string("fp_scripted")
    }

    private static func writeUsage(deltas: Int, to writer: inout JSONWriter) {
        writer.key("usage")
        writer.beginObject()
        writer.key("prompt_tokens")
        writer.int(7)
        writer.key("completion_tokens")
        writer.int(deltas)
        writer.key("total_tokens")
        writer.int(7 + deltas)
        writer.endObject()
    }

    static func writeError(_ message: String, code: String?, to writer: inout JSONWriter) {
        writer.beginObject()
        writer.key("error")
        writer.beginObject()
        writer.key("message")
        writer.string(message)
        writer.key("type")
        writer.string("scripted_error")
        writer.key("param")
        writer.null()
        writer.key("code")
        if let code { writer.string(code) } else { writer.null() }
        writer.endObject()
        writer.endObject()
    }

    // MARK: Text

    private static let words = [
        "water", "stone", "river", "cloud", "amber", "field", "north", "quiet", "light", "paper", "grain", "hollow",
        "maple", "copper", "window", "garden", "silver", "winter", "lantern", "meadow",
    ]

    /// So many words, the same for every call.
    static func words(_ count: Int) -> String {
        var text = ""
        for index in 0..<count {
            if index > 0 { text += " " }
            text += Self.words[(index * 7 + index / 20) % Self.words.count]
        }
        return text
    }

    /// The text cut before each run of white space; joined they are the text.
    static func pieces(_ text: String) -> [String] {
        var pieces: [String] = []
        var piece = ""
        var endsInSpace = true
        for character in text {
            if character.isWhitespace, !endsInSpace {
                pieces.append(piece)
                piece = ""
            }
            endsInSpace = character.isWhitespace
            piece.append(character)
        }
        if !piece.isEmpty { pieces.append(piece) }
        return pieces
    }
}
