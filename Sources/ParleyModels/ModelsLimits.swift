//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// The limits of this room. Each has its unit in its name or type; `parley doctor` shows them all.
public enum ModelsLimits {
    /// The longest line of a server-sent event stream, in bytes.
    public static let sseLineBytes = 1024 * 1024
    /// The longest `data` of one event, in bytes.
    public static let sseEventBytes = 1024 * 1024
    /// An answer that comes whole, as JSON, in bytes: the longest answer with every byte escaped, and its frame.
    public static let wholeAnswerBytes = 7 * 1024 * 1024
    /// How much of a refusal's body is read, in bytes.
    public static let errorBodyBytes = 64 * 1024
    /// How much of a model server's own words an error repeats, in Unicode scalars.
    public static let errorMessageScalars = 500
    /// Bytes of a response that may wait for their reader before the socket is no longer read.
    public static let responseBufferBytes = 64 * 1024
    /// Connections that the pool may hold to one HTTP/1 model server. Each running answer needs one.
    public static let connectionsPerServer = 1024
    /// Event loops that requests to model servers are spread over, at most.
    public static let clientLoops = 4
    /// How long an idle connection to a model server is kept.
    public static let idleConnectionLife = Duration.seconds(60)
    /// After a finish reason: how long to wait for the usage and for the end of the body.
    public static let finishGrace = Duration.seconds(2)
    /// Bytes read and thrown away after the end of an answer, so that its connection can be used again.
    public static let drainBytes = 64 * 1024
    /// Names in one list of models, at most.
    public static let modelNames = 500
    /// The body of `GET /v1/models`, in bytes.
    public static let modelListBytes = 1024 * 1024
    /// How long a fetched list of models is fresh.
    public static let modelListLife = Duration.seconds(60)
    /// How long a failed fetch of the list is not tried again.
    public static let modelListRetry = Duration.seconds(5)
    /// How long a fetch of the list may take.
    public static let modelListDeadline = Duration.seconds(5)
    /// From a request to an open connection.
    public static let connectDeadline = Duration.seconds(10)
    /// From a request to its first token, retries at the same server included.
    public static let firstTokenDeadline = Duration.seconds(30)
    /// From one token to the next.
    public static let nextTokenDeadline = Duration.seconds(30)
    /// From a request to the end of its answer, over all servers.
    public static let totalDeadline = Duration.seconds(600)
    /// Answers that one server makes for us at once.
    public static let concurrentRequests = 512
    /// Requests that wait for one of them to end.
    public static let queuedRequests = 1024
    /// How long they wait.
    public static let queueWait = Duration.seconds(10)
    /// Attempts at one server before the first token, the first included.
    public static let attempts = 3
    /// Failures in a row after which a server is left alone for a while.
    public static let breakerFailures = 5
    /// How long a server is left alone the first time.
    public static let breakerOpen = Duration.seconds(5)
    /// How long a server is left alone at most.
    public static let breakerOpenMaximum = Duration.seconds(60)
    /// The longest `Retry-After` that is believed.
    public static let retryAfterMaximum = Duration.seconds(3600)
    /// Model servers that one configuration may name.
    public static let endpoints = 16
    /// Passages that the local model asks for.
    public static let localPassages = 3
    /// Of these, passages of the manual when the user's documents have some too.
    public static let localManualPassages = 2
    /// The longest quotation by the local model, in Unicode scalars.
    public static let localQuoteScalars = 900
    /// Texts in one request for vectors, at most.
    public static let embeddingTexts = 128
    /// Their bytes together, at most, unless one text alone has more.
    public static let embeddingRequestBytes = 512 * 1024
    /// The longest text that is sent to be embedded, in bytes; more is cut.
    public static let embeddingTextBytes = 256 * 1024
    /// The longest input of an embedding model, in tokens, when nothing is configured.
    public static let embeddingTokens = 8191
    /// Numbers in one vector, at most.
    public static let embeddingDimension = 8192
    /// An answer with vectors, in bytes: a full batch of the longest vectors as numbers.
    public static let embeddingAnswerBytes = 32 * 1024 * 1024
    /// From a request for vectors to the end of its answer, over all servers and attempts.
    public static let embeddingDeadline = Duration.seconds(120)
}
