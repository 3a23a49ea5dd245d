//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCore

/// The limits of the HTTP and WebSocket surface.
public enum HTTPLimits {
    /// A JSON body of an ordinary request, in bytes. A message of 256 KiB whose every byte is escaped in JSON fits.
    public static let bodyBytes = 2 * 1024 * 1024
    /// An imported file, in bytes.
    public static let importBytes = 64 * 1024 * 1024
    /// Objects and arrays within each other in a JSON body.
    public static let bodyDepth = 64
    /// A request id that a client sends, in bytes; a longer one is replaced.
    public static let requestIDBytes = 64
    /// The interval of SSE comments and WebSocket pings that keep a silent connection open.
    public static let keepAlive = Duration.seconds(15)
    /// What an SSE reader should wait before it connects again, in milliseconds.
    public static let reconnectMs = 1000
    /// One WebSocket message from a client, in bytes of UTF-8.
    public static let socketMessageBytes = 2 * 1024 * 1024
    /// Turns that one WebSocket follows at once.
    public static let subscriptionsPerSocket = 32
    /// WebSockets of one user.
    public static let socketsPerUser = 200
    /// Connections that the server holds at once.
    public static let connections = 16_000
    /// The end of a session, whatever its use.
    public static let sessionLife = Duration.seconds(90 * 24 * 3600)
    /// How often the last use of a session is written down.
    public static let sessionTouchInterval = Duration.seconds(60)
    /// How long a session that was found is believed without asking the database.
    public static let sessionCacheLife = Duration.seconds(5)
    /// Sessions that are kept in that cache.
    public static let cachedSessions = 10_000
    /// How long a session that was found is believed while the store of sessions is away.
    public static let sessionGraceLife = Duration.seconds(10 * 60)
    /// How long an ended session is remembered as such, against a look-up that was under way when it ended.
    public static let endedSessionMemory = Duration.seconds(30)
    /// How often the sessions of open WebSockets are looked up again, also without a signal.
    public static let sessionSweepInterval = Duration.seconds(30)
    /// Sessions that one answer lists.
    public static let listedSessions = 200
    /// The shortest and the longest password, in bytes.
    public static let passwordBytes = 10...1024
    /// The longest name of a user, preset or key, in bytes.
    public static let nameBytes = 200
    /// The longest e-mail address, in bytes.
    public static let emailBytes = 254
    /// Failed or tried sign-ins of one address or one account within ``signInWindow``.
    public static let signInsPerWindow = 10
    public static let signInWindow = Duration.seconds(300)
    /// Addresses and accounts whose sign-ins are counted.
    public static let countedSignIns = 50_000
    /// Keys that one user may have.
    public static let keysPerUser = 50
    /// The largest random wait that `goingAway` tells a client before it connects again, in milliseconds.
    public static let goingAwayReconnectMs = 2000

    // MARK: Knowledge

    /// The body of an upload, in bytes: the largest document and what a form has around it.
    public static let uploadBytes = CoreLimits.documentBytes + 1024 * 1024
    /// The parts of an upload: files and one other field.
    public static let uploadParts = 33
    /// How long an upload may take in all.
    public static let uploadTime = Duration.seconds(30 * 60)
    /// Uploads under way at once; more are answered 503.
    public static let uploads = 16
    /// Uploads of one user under way at once; more are answered 429.
    public static let uploadsPerUser = 4
    /// Free bytes on the disk that an upload leaves untouched.
    public static let uploadReserveBytes: Int64 = 64 * 1024 * 1024
    /// Bytes of an upload after which the room on the disk is looked at again.
    public static let uploadWeighBytes = 8 * 1024 * 1024
    /// Collections that one request may name.
    public static let namedCollections = 50
    /// The id or name of a collection in a request, in bytes.
    public static let collectionWordBytes = 400
    /// Users whom one collection may name as its readers.
    public static let readersPerCollection = 1000
    /// Passages that a search gives when the caller names no number.
    public static let defaultFoundPassages = 10
    /// Texts in one request to `/v1/embeddings`, at most.
    public static let embeddingInputs = 2048
}
