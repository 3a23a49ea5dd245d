//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import NIOCore
import ParleyCore

/// Makes text out of the bytes of a chat completion's response: a stream of chunks, or one whole answer as JSON from a
/// server that overlooks `stream`. Does no I/O.
struct CompletionStream: ~Copyable {
    /// How the body is read.
    private enum Form {
        /// Decided by the first byte that is no white space, because servers err in `Content-Type`: an event stream
        /// never begins with `{`.
        case unknown
        case events
        case whole
    }

    /// Text that came since it was last taken.
    private var text = ""
    private(set) var deltas = 0
    /// Signs that the server works on the answer: text, reasoning or tool calls.
    private(set) var tokens = 0
    /// Whether the answer passed the longest that is kept.
    private(set) var wasCut = false
    private var form = Form.unknown
    private var sse: SSEParser
    private var chunks = ChunkParser()
    private var whole: [UInt8] = []
    private var finishReason: String?
    private var usage: TokenUsage?
    private var isDone = false
    private var sawNoEvent = true
    private var length = 0
    private let endpoint: String
    private let words: ServerWords
    private let maximumBytes: Int

    /// - Parameters:
    ///   - endpoint: the server, for the words of an error.
    ///   - maximumBytes: the longest answer; what goes on is cut with finish reason `length`.
    init(
        endpoint: ModelEndpoint, maximumBytes: Int = CoreLimits.answerBytes,
        limits: SSEParser.Limits = SSEParser.Limits()
    ) {
        self.sse = SSEParser(limits: limits)
        self.endpoint = endpoint.name
        self.words = ServerWords(key: endpoint.apiKey)
        self.maximumBytes = maximumBytes
    }

    /// Whether nothing that matters can follow.
    var isComplete: Bool { self.isDone }
    /// Whether the answer is there; its usage may follow.
    var hasFinished: Bool { self.finishReason != nil || self.isDone }

    /// Takes the text that came since the last call.
    mutating func takeText() -> String {
        defer { self.text = "" }
        return self.text
    }

    /// Reads bytes of the body.
    mutating func feed(_ buffer: ByteBuffer) throws(ModelError) {
        if self.form == .unknown {
            guard let first = buffer.readableBytesView.first(where: { !Self.isSpace($0) }) else { return }
            self.form = first == UInt8(ascii: "{") ? .whole : .events
        }
        if self.form == .whole {
            guard self.whole.count + buffer.readableBytes <= ModelsLimits.wholeAnswerBytes else {
                throw ModelError(.malformed, "\(self.endpoint) gave an answer that is too long.")
            }
            self.whole.append(contentsOf: buffer.readableBytesView)
            return
        }
        let bytes = buffer.readableBytesUInt8Span
        var position = 0
        while !self.isDone, let found = try self.nextEvent(in: bytes, from: &position) {
            switch found.place {
            case .input(let range): try self.takeEvent(found.name, bytes.extracting(range))
            case .held:
                let held = self.sse.held
                try self.takeEvent(found.name, held.span)
            }
        }
    }

    private mutating func nextEvent(
        in bytes: Span<UInt8>, from position: inout Int
    ) throws(ModelError) -> SSEParser.Found? {
        do throws(SSEParser.Failure) {
            return try self.sse.next(in: bytes, from: &position)
        } catch {
            throw ModelError(.malformed, "\(self.endpoint) sent a line that is too long.")
        }
    }

    /// Ends the answer at the end of the body.
    mutating func finish() throws(ModelError) -> ModelCompletion {
        if self.form == .whole {
            try self.takeWhole()
        } else if !self.isDone {
            // A broken last chunk is the mark of a broken stream, not of a server that cannot write JSON.
            if let last = try? self.sse.finish() { try? self.takeEvent(last.name, last.data.span) }
        }
        guard self.hasFinished else {
            if self.form == .events, self.sawNoEvent {
                throw ModelError(
                    .malformed,
                    "\(self.endpoint) sent no answer. Does its address end in /v1?")
            }
            throw ModelError(.truncated, "\(self.endpoint) broke off its answer.")
        }
        return self.completion
    }

    /// What the answer came to.
    var completion: ModelCompletion {
        ModelCompletion(finishReason: FinishReason(self.finishReason ?? "stop"), usage: self.usage)
    }

    private mutating func takeEvent(_ name: String, _ data: Span<UInt8>) throws(ModelError) {
        self.sawNoEvent = false
        if Self.isDoneMark(data) {
            self.isDone = true
            return
        }
        // Some servers send empty events to keep the connection open.
        if data.isEmpty { return }
        try self.take(try self.parse(data), isError: name == "error")
    }

    private mutating func takeWhole() throws(ModelError) {
        let whole = self.whole
        try self.take(try self.parse(whole.span), isError: false)
        // The answer came whole, so it is finished whether or not it says so.
        if self.finishReason == nil, self.deltas > 0 { self.finishReason = "stop" }
        guard self.hasFinished else {
            throw ModelError(.malformed, "\(self.endpoint) sent JSON that is no answer.")
        }
    }

    private mutating func parse(_ data: Span<UInt8>) throws(ModelError) -> ModelChunk {
        do throws(ChunkParser.Failure) {
            return try self.chunks.parse(data)
        } catch {
            throw ModelError(
                .malformed,
                error == .noMemory
                    ? "A chunk from \(self.endpoint) did not fit into memory."
                    : "\(self.endpoint) sent a chunk that is not JSON.")
        }
    }

    private mutating func take(_ chunk: ModelChunk, isError: Bool) throws(ModelError) {
        if let error = chunk.error {
            throw ModelError(error, endpoint: self.endpoint, words: self.words)
        }
        if isError {
            throw ModelError(.serverError, "\(self.endpoint) reported an error in its answer.")
        }
        if let usage = chunk.usage { self.usage = usage }
        if chunk.hasProgress { self.tokens += 1 }
        if let content = chunk.content, !content.isEmpty {
            self.tokens += 1
            self.deltas += 1
            self.append(content)
        }
        if let reason = chunk.finishReason, !self.isDone { self.finishReason = reason }
    }

    private mutating func append(_ content: String) {
        let room = self.maximumBytes - self.length
        if content.utf8.count <= room {
            self.length += content.utf8.count
            if self.text.isEmpty { self.text = content } else { self.text += content }
            return
        }
        self.text += content.cut(toBytes: room)
        self.length = self.maximumBytes
        self.finishReason = FinishReason.length.name
        self.isDone = true
        self.wasCut = true
    }

    private static func isDoneMark(_ data: Span<UInt8>) -> Bool {
        // "[DONE]", by its second byte first: JSON of a chunk begins with "{".
        guard data.count >= 6, data[1] == UInt8(ascii: "D"), data[0] == UInt8(ascii: "[") else { return false }
        return data.withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
            .trimmingTrailingSpaces() == "[DONE]"
    }

    private static func isSpace(_ byte: UInt8) -> Bool {
        byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09
    }
}

extension String {
    fileprivate func trimmingTrailingSpaces() -> Substring {
        var text = self[...]
        while text.last == " " { text.removeLast() }
        return text
    }
}

extension ModelError {
    /// An error that the server put into its answer, or into the body of a refusal without a telling status.
    init(_ error: ModelChunk.ServerMessage, endpoint: String, words: ServerWords) {
        let said = error.message.map { words.clean($0) } ?? ""
        let code: Code =
            switch (error.status, error.code ?? "") {
            case (429?, _), (_, "rate_limit_exceeded"), (_, "rate_limit_error"), (_, "insufficient_quota"): .rateLimited
            case (401?, _), (403?, _), (_, "invalid_api_key"): .unauthorized
            case (.some(400...499), _), (_, "invalid_request_error"), (_, "context_length_exceeded"): .refused
            default: .serverError
            }
        self.init(code, "\(endpoint) reported an error" + (said.isEmpty ? "." : ": \(said)"), status: error.status)
    }
}
