//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// Something that answers a conversation: a model server, or the local model.
public protocol ChatModel: Sendable {
    /// The names that a user may choose from, best first; never empty.
    func models() async -> [ModelInfo]

    /// Makes one answer.
    ///
    /// `receive` is called for each event in order, on the caller's task; while it suspends, nothing more is read
    /// from the model server (back-pressure). Cancelling the task ends the request.
    ///
    /// - Throws: `ModelError`, or what `receive` throws. Retries and failover happen only before the first delta;
    ///   a stream that ends without a finish reason is `.truncated`, never a completion.
    func answer(
        _ request: ChatRequest, receive: (ModelEvent) async throws -> Void
    ) async throws -> ModelCompletion
}

/// A model that can be chosen.
public struct ModelInfo: Hashable, Sendable {
    public var name: String
    /// Whether it continues an answer whose beginning it is given as the last assistant message.
    public var continuesAnswers: Bool

    public init(name: String, continuesAnswers: Bool = false) {
        self.name = name
        self.continuesAnswers = continuesAnswers
    }
}

/// What a model is asked.
public struct ChatRequest: Sendable {
    public struct Message: Hashable, Sendable {
        public var role: ParleyCore.Message.Role
        public var content: String

        public init(role: ParleyCore.Message.Role, content: String) {
            self.role = role
            self.content = content
        }
    }

    /// Oldest first; system messages lead.
    public var messages: [Message]
    /// `nil` takes the default. A name that is no alias goes to the model server as it is.
    public var model: String?
    /// The beginning of the answer, kept from an earlier attempt. The model's deltas come after it. Set only for a
    /// model that ``ModelInfo/continuesAnswers``.
    public var continuing: String?
    public var maximumTokens: Int?
    /// The user's question without the material that was put before it in ``messages``; `nil` when it stands there
    /// alone.
    public var question: String?
    /// Passages of the user's documents that the messages quote, numbered as they do: for a model that answers from
    /// them directly.
    public var passages: [Citation]
    /// For people: documents that could not be searched, each with the reason.
    public var unready: [String]

    public init(
        messages: [Message], model: String? = nil, continuing: String? = nil, maximumTokens: Int? = nil,
        question: String? = nil, passages: [Citation] = [], unready: [String] = []
    ) {
        self.messages = messages
        self.model = model
        self.continuing = continuing
        self.maximumTokens = maximumTokens
        self.question = question
        self.passages = passages
        self.unready = unready
    }
}

/// A step of an answer as the model gives it.
public enum ModelEvent: Hashable, Sendable {
    /// The model accepted the request; comes first and once.
    case started(model: String)
    /// What the answer rests on, with its numbers; at most once, before the first delta. It takes the place of
    /// ``ChatRequest/passages``.
    case sources([Citation])
    case delta(String)
}

/// How a model ended its answer.
public struct ModelCompletion: Hashable, Sendable {
    public var finishReason: FinishReason
    public var usage: TokenUsage?

    public init(finishReason: FinishReason, usage: TokenUsage? = nil) {
        self.finishReason = finishReason
        self.usage = usage
    }
}

/// Why a model gave no whole answer.
public struct ModelError: Error, Hashable, Sendable {
    public enum Code: String, Sendable, Codable {
        /// No connection could be made.
        case unreachable = "model_unreachable"
        /// A deadline passed: connect, first token, next token or whole.
        case timeout = "model_timeout"
        /// The stream ended with neither a finish reason nor `[DONE]`.
        case truncated = "model_truncated"
        /// The server sent what is no answer.
        case malformed = "model_malformed"
        /// 429.
        case rateLimited = "model_rate_limited"
        /// 401 or 403.
        case unauthorized = "model_unauthorized"
        /// Any other refusal (4xx).
        case refused = "model_refused"
        /// 5xx.
        case serverError = "model_server_error"
        /// Our own cap: too many answers at once, or the circuit breaker is open.
        case overloaded = "model_overloaded"
        /// The answer passed the limit on its length.
        case tooLong = "answer_too_long"
    }

    public var code: Code
    /// For people; never holds a key or a header.
    public var message: String
    /// The HTTP status that the model server gave, if any.
    public var status: Int?
    /// How long the server asks to wait.
    public var retryAfter: Duration?

    public init(_ code: Code, _ message: String, status: Int? = nil, retryAfter: Duration? = nil) {
        self.code = code
        self.message = message
        self.status = status
        self.retryAfter = retryAfter
    }

    /// Whether asking again, perhaps another server, may help.
    public var isRetryable: Bool {
        switch self.code {
        case .unreachable, .timeout, .truncated, .malformed, .rateLimited, .serverError, .overloaded: true
        case .unauthorized, .refused, .tooLong: false
        }
    }
}

/// Finds passages that answer a question.
public protocol PassageSearch: Sendable {
    /// The best passages, best first, at most `limit`; none when nothing is relevant.
    func passages(answering question: String, limit: Int) async throws -> [Citation]
}
