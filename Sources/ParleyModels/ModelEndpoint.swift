//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
public import Foundation

/// One model server as the configuration names it.
public struct ModelEndpoint: Sendable {
    /// How the server takes an answer whose beginning exists.
    public enum Continuation: String, Hashable, Sendable {
        /// Not at all: an interrupted answer starts again.
        case none
        /// The beginning is sent as the last message, of role assistant.
        case prefill
        /// As `prefill`, with vLLM's `continue_final_message`.
        case continueFinalMessage
    }

    /// Stands for the server in messages, logs and metrics. By default its host and port.
    public var name: String
    /// Where the API begins, usually ending in `/v1`.
    public let baseURL: URL
    public var apiKey: APIKey?
    /// The names that may be chosen, best first. Empty: the server is asked (`GET /models`).
    public var models: [String]
    /// Names of our own for names of the server's.
    public var aliases: [String: String]
    /// What is asked when the request names no model. `nil`: the first of the list; at OpenAI a small model.
    public var defaultModel: String?
    public var continuation: Continuation
    /// `max_completion_tokens` (OpenAI) instead of `max_tokens` (everybody else).
    public var usesMaxCompletionTokens: Bool
    /// Whether the server is asked for a usage count at the end (`stream_options`).
    public var asksForUsage = true
    public var limits: Limits

    public var continuesAnswers: Bool { self.continuation != .none }

    /// What is asked at OpenAI when nothing is configured: its list of models is in no order.
    private static let openAIModel = "gpt-4o-mini"

    /// Deadlines and caps of one model server.
    public struct Limits: Hashable, Sendable {
        /// From the request to an open connection.
        public var connect = ModelsLimits.connectDeadline
        /// From the request to the first token, retries at this server included.
        public var firstToken = ModelsLimits.firstTokenDeadline
        /// From one token to the next.
        public var nextToken = ModelsLimits.nextTokenDeadline
        /// From the request to the end of the answer, over all servers.
        public var total = ModelsLimits.totalDeadline
        /// For the list of models.
        public var modelList = ModelsLimits.modelListDeadline
        /// Answers that the server makes for us at once.
        public var concurrentRequests = ModelsLimits.concurrentRequests
        /// Requests that wait for one of them to end.
        public var queuedRequests = ModelsLimits.queuedRequests
        /// How long they wait.
        public var queueWait = ModelsLimits.queueWait
        /// Attempts before the first token, the first included.
        public var attempts = ModelsLimits.attempts
        /// The bound of the wait before the first retry; it doubles with each.
        public var retryBase = Duration.milliseconds(200)
        /// Failures in a row after which the server is left alone for a while.
        public var breakerFailures = ModelsLimits.breakerFailures
        /// How long it is left alone the first time; doubles up to a minute.
        public var breakerOpen = ModelsLimits.breakerOpen

        public init() {}
    }

    /// - Parameters:
    ///   - baseURL: `http` or `https`; a bare host gets `/v1`, as in `http://127.0.0.1:11434`.
    /// - Throws: ``ModelConfigurationError`` when the address is none.
    public init(
        baseURL text: String, apiKey: APIKey? = nil, name: String? = nil, models: [String] = [],
        aliases: [String: String] = [:], defaultModel: String? = nil, continuation: Continuation = .none,
        limits: Limits = Limits()
    ) throws(ModelConfigurationError) {
        let trimmed = text.trimmingCharacters(in: .whitespacesAndNewlines)
        guard var parts = URLComponents(string: trimmed), let scheme = parts.scheme?.lowercased(),
            let host = parts.host, !host.isEmpty
        else { throw ModelConfigurationError("a model server's address must look like https://host/v1") }
        guard scheme == "http" || scheme == "https" else {
            throw ModelConfigurationError("a model server's address must begin with http:// or https://")
        }
        guard parts.user == nil, parts.password == nil, parts.query == nil, parts.fragment == nil else {
            throw ModelConfigurationError(
                "a model server's address must have no user, password, query or fragment; "
                    + "the key belongs in OPENAI_API_KEY")
        }
        while parts.path.hasSuffix("/") { parts.path.removeLast() }
        if parts.path.isEmpty { parts.path = "/v1" }
        guard let url = parts.url else {
            throw ModelConfigurationError("a model server's address must look like https://host/v1")
        }
        self.baseURL = url
        self.apiKey = apiKey
        self.name = name ?? (parts.port.map { "\(host):\($0)" } ?? host)
        self.models = models
        self.aliases = aliases
        let isOpenAI = host == "api.openai.com"
        self.defaultModel = defaultModel ?? (isOpenAI && models.isEmpty ? Self.openAIModel : nil)
        self.continuation = continuation
        self.usesMaxCompletionTokens = isOpenAI
        self.limits = limits
    }

    /// The address of one route, such as `chat/completions`.
    func url(_ route: String) -> URL { self.baseURL.appendingPathComponent(route) }

    /// The server's own name for a name of ours.
    func serverName(for model: String) -> String { self.aliases[model] ?? model }
}

/// A configuration of model servers that cannot be.
public struct ModelConfigurationError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What is wrong and how it should look; never a secret.
    public var description: String

    public init(_ description: String) {
        self.description = description
    }
}
