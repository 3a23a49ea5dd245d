//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// The limits that several rooms share. Each has its unit in its name or type; `parley doctor` shows them all.
public enum CoreLimits {
    /// The longest content of one message, in bytes of UTF-8.
    public static let messageBytes = 256 * 1024
    /// The longest answer, in bytes of UTF-8; a model that goes on is cut with finish reason `length`.
    public static let answerBytes = 1024 * 1024
    /// The longest title of a conversation, in Unicode scalars.
    public static let titleScalars = 200
    /// The longest system prompt, in bytes of UTF-8.
    public static let systemPromptBytes = 32 * 1024
    /// The longest name of a model, in bytes.
    public static let modelNameBytes = 200
    /// The longest query of a search, in bytes.
    public static let queryBytes = 1000
    /// Elements on one page of a list, at most.
    public static let pageElements = 200
    /// Elements on one page of a list when the caller names no number.
    public static let defaultPageElements = 50
    /// Presets that one user may keep.
    public static let presetsPerUser = 100
    /// Messages in one imported conversation, at most.
    public static let importedMessages = 20_000
    /// Conversations removed for good by one purge.
    public static let purgeBatch = 100
    /// How long a deleted conversation can be restored.
    public static let deletedConversationLife = Duration.seconds(10 * 60)
    /// How long a temporary conversation is kept after its last change.
    public static let temporaryConversationLife = Duration.seconds(24 * 3600)
    /// Attempts to make one answer before it fails.
    public static let turnAttempts = 3
    /// Events in one turn's log: an answer of ten minutes at one event every 25 ms needs 24,000.
    public static let logEventsPerTurn = 60_000
    /// How long a lease lives without renewal.
    public static let leaseLife = Duration.seconds(6)
    /// How often the owner renews its lease.
    public static let leaseRenewal = Duration.seconds(2)
    /// Collections that one user may own.
    public static let collectionsPerUser = 200
    /// Documents in one collection.
    public static let documentsPerCollection = 100_000
    /// The longest name of a collection, in Unicode scalars.
    public static let collectionNameScalars = 100
    /// The longest name of a document, in bytes of UTF-8.
    public static let documentNameBytes = 1000
    /// The largest document, in bytes.
    public static let documentBytes = 512 * 1024 * 1024
    /// A document's content is stored in parts of this many bytes.
    public static let contentPartBytes = 256 * 1024
    /// The longest passage, in bytes of UTF-8.
    public static let passageBytes = 16 * 1024
    /// Passages of one document.
    public static let passagesPerDocument = 1_000_000
    /// Passages that one search gives, at most.
    public static let foundPassages = 50
    /// How long a worker holds a job without a heartbeat.
    public static let jobLeaseLife = Duration.seconds(30)
    /// How often a worker renews its hold on a job.
    public static let jobHeartbeat = Duration.seconds(8)
    /// How often a job is handed to a worker that never comes back, before it is set aside.
    public static let jobDeliveries = 3
    /// How often a job may fail before it is set aside.
    public static let jobFailures = 8
    /// Jobs of one kind that the queue of ids holds; more wait as rows until there is room.
    public static let queuedJobs = 200_000
    /// How long a completed job's row is kept.
    public static let completedJobLife = Duration.seconds(24 * 3600)
    /// Facts that are kept about one user.
    public static let memoriesPerUser = 500
    /// The longest fact, in bytes of UTF-8.
    public static let memoryBytes = 1000
    /// How far up a branch the store looks for a summary, in messages.
    public static let summarySearchDepth = 400
    /// The end of a session that is not used.
    public static let sessionIdleLife = Duration.seconds(14 * 24 * 3600)
    /// Sessions of one user; a further one ends the one that would end first.
    public static let sessionsPerUser = 5000
    /// How often a node tells the registry that it is there; each wait is up to 20 % shorter or longer.
    public static let nodeHeartbeat = Duration.seconds(2)
    /// A node that has not been heard for so long is suspect: three heartbeats missed.
    public static let nodeSuspectAfter = Duration.milliseconds(7200)
    /// A node that has not been heard for so long is gone: five heartbeats missed.
    public static let nodeGoneAfter = Duration.seconds(12)
    /// How long a list of nodes stands that more than half of them vanished from at once.
    public static let nodeListStands = Duration.seconds(5 * 60)
    /// The longest name in a cache, in bytes.
    public static let cacheKeyBytes = 512
    /// Tags of one value in a cache.
    public static let cacheTags = 16
    /// The largest value in a cache, in bytes; a larger one is not kept.
    public static let cacheValueBytes = 256 * 1024
    /// The longest life of a value in a cache; a longer one is cut to it.
    public static let cacheLife = Duration.seconds(24 * 3600)
    /// How long the vector of a question is kept.
    public static let queryVectorLife = Duration.seconds(3600)
    /// How long others wait for the one who makes a value before one of them makes it.
    public static let cacheMakeLife = Duration.seconds(5)
    /// How often one who waits for another node's value looks again; each wait is up to 50 % longer.
    public static let cachePoll = Duration.milliseconds(40)
    /// How often one asks for a value again that became void while it was made, before one makes it alone.
    public static let cacheTries = 4
    /// Values that are being made for others on one node at once; more are made without waiting for each other.
    public static let cacheFlights = 4096
}
