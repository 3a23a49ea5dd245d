//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import CSimdjson
import ParleyCore

/// Reads the JSON of a model server's answer: one chunk of a stream, a whole answer, or an error.
///
/// A thin face on simdjson, because a decoder of Foundation costs more per delta than everything else on the path.
/// One parser serves one stream; its buffers are used again for each chunk.
struct ChunkParser: ~Copyable {
    enum Failure: Error, Hashable, Sendable {
        /// Not JSON, or not an object.
        case malformed
        case noMemory
    }

    private let parser: OpaquePointer?

    init() {
        self.parser = parley_json_parser_create()
    }

    deinit {
        parley_json_parser_destroy(self.parser)
    }

    /// Reads one object. Unknown members and members of an unexpected type are passed over; bytes that are not UTF-8
    /// and halves of surrogate pairs become U+FFFD.
    mutating func parse(_ bytes: Span<UInt8>) throws(Failure) -> ModelChunk {
        var chunk = parley_json_chunk()
        var status = self.read(bytes, into: &chunk)
        if status == PARLEY_JSON_BAD_TEXT {
            let repaired = JSONRepair.repaired(bytes)
            status = self.read(repaired.span, into: &chunk)
        }
        switch status {
        case PARLEY_JSON_OK: return ModelChunk(chunk)
        case PARLEY_JSON_NO_MEMORY: throw .noMemory
        default: throw .malformed
        }
    }

    private func read(_ bytes: Span<UInt8>, into chunk: inout parley_json_chunk) -> Int {
        // A parser that could not be made answers with an error for every call.
        bytes.withUnsafeBufferPointer { Int(parley_json_parse_chunk(self.parser, $0.baseAddress, $0.count, &chunk)) }
    }

    /// Reads what a pass-through must know of a request.
    mutating func parseRequest(_ bytes: Span<UInt8>) throws(Failure) -> RequestOutline {
        var request = parley_json_request()
        let status = bytes.withUnsafeBufferPointer {
            Int(parley_json_parse_request(self.parser, $0.baseAddress, $0.count, &request))
        }
        switch status {
        case PARLEY_JSON_OK: break
        case PARLEY_JSON_NO_MEMORY: throw .noMemory
        default: throw .malformed
        }
        guard let model = String(request.model) else { return RequestOutline(stream: request.stream) }
        return RequestOutline(
            model: model, modelRange: request.model_offset..<(request.model_offset + request.model_length),
            stream: request.stream)
    }
}

/// What one chunk of an answer says.
struct ModelChunk: Hashable, Sendable {
    /// New text; `nil` when the chunk has none.
    var content: String?
    var finishReason: String?
    var usage: TokenUsage?
    var error: ServerMessage?
    /// The model is at work, though there is no text yet: it reasons or calls tools.
    var hasProgress = false

    /// An error in the model server's own words.
    struct ServerMessage: Hashable, Sendable {
        var message: String?
        /// `error.code` or `error.type`.
        var code: String?
        /// `error.code`, where it is a number.
        var status: Int?

        init(message: String? = nil, code: String? = nil, status: Int? = nil) {
            self.message = message
            self.code = code
            self.status = status
        }
    }

    init() {}

    fileprivate init(_ chunk: parley_json_chunk) {
        self.content = String(chunk.content)
        self.finishReason = String(chunk.finish_reason)
        self.hasProgress = chunk.has_progress
        if chunk.has_usage {
            self.usage = TokenUsage(
                promptTokens: Int(chunk.prompt_tokens), completionTokens: Int(chunk.completion_tokens))
        }
        if chunk.has_error {
            self.error = ServerMessage(
                message: String(chunk.error_message), code: String(chunk.error_code),
                status: chunk.error_status == 0 ? nil : Int(chunk.error_status))
        }
    }
}

/// The members of a request that decide where and how it goes.
struct RequestOutline: Hashable, Sendable {
    var model: String?
    /// Where the value of `model`, quotes included, lies in the body.
    var modelRange: Range<Int>?
    var stream: Bool

    init(model: String? = nil, modelRange: Range<Int>? = nil, stream: Bool = false) {
        self.model = model
        self.modelRange = modelRange
        self.stream = stream
    }
}

extension String {
    /// Copies text that the parser owns; `nil` when there is none.
    fileprivate init?(_ text: parley_json_text) {
        guard let bytes = text.bytes else { return nil }
        self = String(decoding: UnsafeBufferPointer(start: bytes, count: text.count), as: UTF8.self)
    }
}
