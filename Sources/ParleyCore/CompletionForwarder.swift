//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// Sends a request in OpenAI's form on to a model server, and the answer's bytes back untouched.
public protocol CompletionForwarder: Sendable {
    /// Forwards a `chat/completions` body. Servers are tried in order of preference until one gives a response head.
    ///
    /// - Throws: `ModelError` when none does.
    func forwardChatCompletion(_ body: [UInt8]) async throws -> ForwardedAnswer
}

/// Sends a request for embeddings on to a model server, as ``CompletionForwarder`` does one for an answer.
public protocol EmbeddingForwarder: Sendable {
    /// Forwards an `embeddings` body.
    ///
    /// - Throws: `ModelError` when no server gives a response head.
    func forwardEmbeddings(_ body: [UInt8]) async throws -> ForwardedAnswer
}

/// A model server's answer, as it came.
public struct ForwardedAnswer: Sendable {
    public var status: Int
    public var contentType: String
    /// The server's `Retry-After`, if any.
    public var retryAfter: String?
    /// The body's bytes in the pieces in which they came. It ends with `ModelError` when a deadline passes.
    public var body: any AsyncSequence<[UInt8], any Error> & Sendable

    public init(
        status: Int, contentType: String, retryAfter: String? = nil,
        body: any AsyncSequence<[UInt8], any Error> & Sendable
    ) {
        self.status = status
        self.contentType = contentType
        self.retryAfter = retryAfter
        self.body = body
    }
}
