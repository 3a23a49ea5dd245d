//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// The limits of the knowledge base. Each has its unit in its name or type; `parley doctor` shows them all.
public enum KnowledgeLimits {
    // MARK: Retrieval

    /// Collections that one search looks into.
    public static let searchedCollections = 1000
    /// Passages that each way of searching, by words and by vectors, brings to one search.
    public static let searchCandidates = 100
    /// The best candidates of a search, whose scores are shared among neighbours.
    public static let neighbourhoodCandidates = 50
    /// The most informative words of a query that are looked for.
    public static let queryWords = 32
    /// How long one way of searching may take; then the search goes on without it.
    public static let searchLaneDeadline = Duration.seconds(3)
    /// How long a search may wait for one read of the database.
    public static let searchReadDeadline = Duration.seconds(5)
    /// Documents that one search names as not searchable yet.
    public static let unreadyDocuments = 20
    /// How long a query may wait for its model to be measured.
    public static let scaleDeadline = Duration.seconds(1)
    /// Messages that one recall looks at, at most.
    public static let recallCandidates = 400
    /// Messages that one recall brings, at most.
    public static let recalledMessages = 20

    // MARK: Passages

    /// A passage of a document, in tokens: as many as the local embedder reads.
    public static let passageTokens = 256
    /// A passage with at least this many tokens is closed before a block that does not fit.
    public static let fullPassageTokens = 128
    /// Sentences that a passage repeats from the one before, in tokens.
    public static let overlapTokens = 32
    /// Code stays whole up to this many tokens.
    public static let wholeTokens = 320
    /// An introduction with fewer tokens goes with the first section below it.
    public static let introductionTokens = 32
    /// A heading in a passage's path, in characters.
    public static let headingCharacters = 200

    // MARK: The manual

    /// A passage is closed before it passes this many words, unless one block alone does.
    public static let passageWords = 250
    /// A passage with at least this many words may be closed at the end of a block.
    public static let fullPassageWords = 100
    /// An introduction with fewer words goes with the first section below it.
    public static let introductionWords = 25
    /// Files of a manual that are read, at most.
    public static let manualFiles = 500
    /// A longer file of a manual is left out, in bytes.
    public static let manualFileBytes = 1024 * 1024

    // MARK: Ingestion

    /// Documents that one node reads at once: one keeps an embedder in the process busy, and the other's reading goes
    /// on meanwhile.
    public static let concurrentDocuments = 2
    /// How long the reading of one document may take: 200 MB of text are some 250,000 passages.
    public static let documentPatience = Duration.seconds(24 * 3600)
    /// Passages that are embedded and staged in one go: what a crash can cost, and how long a query waits behind bulk
    /// work at most.
    public static let batchPassages = 32
    /// Text of passages that are embedded and staged in one go, in bytes of UTF-8.
    public static let batchBytes = 256 * 1024
    /// How often the progress of a document is written, at most.
    public static let progressInterval = Duration.seconds(1)
    /// Attempts to embed one batch before the job fails and is tried again later.
    public static let embeddingAttempts = 4
    /// How long the second attempt waits; each further one waits twice as long.
    public static let embeddingBackoff = Duration.milliseconds(500)
    /// The longest that an embedder's `retryAfter` is waited for within a job.
    public static let embeddingPatience = Duration.seconds(30)
    /// The longest title of a document, in Unicode scalars.
    public static let titleScalars = 300

    // MARK: Vectors that are missing

    /// Texts that the backfill embeds in one go: small, so that queries and documents come in between.
    public static let backfillTexts = 16
    /// How long the backfill rests between two batches.
    public static let backfillPause = Duration.milliseconds(50)
    /// How often the backfill looks for texts without vectors when nobody tells it of any.
    public static let backfillInterval = Duration.seconds(30)
    /// How long the backfill waits after its first failure; each further one waits twice as long.
    public static let backfillBackoff = Duration.seconds(5)
    /// The longest wait of the backfill after a failure.
    public static let backfillMaximumBackoff = Duration.seconds(300)

    // MARK: The index

    /// How often the index looks for changes when nobody tells it of any.
    public static let catchUpInterval = Duration.seconds(3)
    /// Changes that are read at a time.
    public static let changes = 500
    /// Vectors that are read at a time.
    public static let vectors = 500
    /// How often a changed index is saved, at most.
    public static let saveInterval = Duration.seconds(60)
    /// How long a document that is given vectors bit by bit must be left alone before its vectors are read again.
    public static let quietInterval = Duration.seconds(10)
    /// How often an index of messages is made anew, which drops those of deleted conversations.
    public static let messageRebuildInterval = Duration.seconds(24 * 3600)
    /// Messages before the latest one that are looked at again for vectors that came late.
    public static let messageWindow = 2000
    /// Read errors in a row after which the index of vectors counts as behind.
    public static let toleratedFailures = 3

    // MARK: `parley ingest`

    /// Files that one run takes, at most.
    public static let ingestedFiles = 100_000
    /// Folders within each other.
    public static let ingestedFolderDepth = 100
    /// How long the end waits for jobs that are still running here, such as other users'.
    public static let lastJobPatience = Duration.seconds(2)
    /// How often a watched folder is looked at.
    public static let watchInterval = Duration.seconds(2)
    /// How often documents on their way are looked at.
    public static let followInterval = Duration.milliseconds(300)
    /// Documents on their way that are looked at in one round.
    public static let followedDocuments = 100
    /// How often the progress is drawn.
    public static let drawInterval = Duration.milliseconds(200)
    /// How often the progress is told where nothing can be drawn.
    public static let tellInterval = Duration.seconds(10)
    /// How often a file is read again that changed while it was read.
    public static let readAttempts = 3
    /// How often `ingest` looks whether a server reads the documents.
    public static let serverInterval = Duration.seconds(2)
    /// Failures that are listed at the end; the others are counted.
    public static let listedFailures = 200
}
