//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// Turns texts into vectors whose inner product tells how close their meanings are.
public protocol Embedder: Sendable {
    /// The model whose vectors these are. An endpoint's dimension is learnt by a first call, so this may wait and fail.
    var model: EmbeddingModel { get async throws(EmbedderError) }

    /// Embeds texts; the answer has one vector per text, in the same order.
    ///
    /// Vectors have the model's dimension and length one. Texts beyond the model's longest input are cut. Cancelling
    /// the task ends the work at the next batch.
    ///
    /// - Throws: `EmbedderError`; all texts or none are embedded.
    func embed(_ texts: [String], purpose: EmbeddingPurpose) async throws(EmbedderError) -> [[Float]]

    /// How many tokens a text has for this model: exact for a local model, an estimate for an endpoint.
    func tokens(in text: String) -> Int
}

/// A model that embeds. Vectors of different models have nothing to do with each other.
public struct EmbeddingModel: Hashable, Sendable, Codable {
    public var name: String
    /// Numbers in one vector.
    public var dimension: Int
    /// The longest input, in tokens; more is cut.
    public var maximumTokens: Int

    public init(name: String, dimension: Int, maximumTokens: Int) {
        self.name = name
        self.dimension = dimension
        self.maximumTokens = maximumTokens
    }
}

/// What a text is embedded for.
public enum EmbeddingPurpose: Hashable, Sendable {
    /// A piece of a document, one of many; waits for queries.
    case passage
    /// A question that somebody is waiting for; goes before bulk work.
    case query
}

/// Why texts were not embedded.
public struct EmbedderError: Error, Hashable, Sendable {
    public enum Code: String, Sendable, Codable {
        /// No connection could be made.
        case unreachable = "embedder_unreachable"
        /// A deadline passed.
        case timeout = "embedder_timeout"
        /// The server refuses the request (4xx) or the texts pass a limit.
        case refused = "embedder_refused"
        /// 401 or 403.
        case unauthorized = "embedder_unauthorized"
        /// 429.
        case rateLimited = "embedder_rate_limited"
        /// The answer is none: no JSON, too few vectors, numbers that are not finite.
        case malformed = "embedder_malformed"
        /// The vectors have another dimension than the model's.
        case wrongDimension = "embedder_wrong_dimension"
        /// Our own cap: too much work is waiting already.
        case overloaded = "embedder_overloaded"
        /// There is no embedder now: the server fails (5xx), or a local model's files are missing or damaged.
        case unavailable = "embedder_unavailable"
        /// The caller's task was cancelled.
        case cancelled = "embedder_cancelled"
    }

    public var code: Code
    /// For people; never holds a key or a header.
    public var message: String
    /// How long the server asks to wait.
    public var retryAfter: Duration?

    public init(_ code: Code, _ message: String, retryAfter: Duration? = nil) {
        self.code = code
        self.message = message
        self.retryAfter = retryAfter
    }

    /// Whether asking again later may help.
    public var isRetryable: Bool {
        switch self.code {
        case .unreachable, .timeout, .rateLimited, .malformed, .overloaded, .unavailable: true
        case .refused, .unauthorized, .wrongDimension, .cancelled: false
        }
    }
}
