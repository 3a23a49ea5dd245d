//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// The limits of the durable store. Each has its unit in its name or type; `parley doctor` shows them all.
public enum StoreLimits {
    /// Writes that may wait for the writer; one more is refused as `.unavailable`.
    public static let queuedWrites = 4096
    /// Writes that share one commit, at most: it bounds how long the first one waits for the last one.
    public static let writesPerCommit = 256
    /// Reads that may wait for a reader; one more is refused as `.unavailable`.
    public static let queuedReads = 1024
    /// Connections that read at the same time.
    public static let readers = 4
    /// How long a write may wait for its turn and for a lock of another process.
    public static let writeDeadline = Duration.seconds(5)
    /// How long a caller waits for a write that has begun, such as one that a hanging disk holds up. Whether it was
    /// stored is then unknown.
    public static let stalledWriteDeadline = Duration.seconds(15)
    /// How long a read may wait and run; it is interrupted then.
    public static let readDeadline = Duration.seconds(5)
    /// How long a health check may take.
    public static let healthDeadline = Duration.seconds(1)
    /// How often waiting work is looked at for passed deadlines.
    public static let sweepInterval = Duration.milliseconds(100)
    /// How long the writer waits for a lock of another process before it looks at deadlines again, in milliseconds.
    public static let lockSliceMs = 50
    /// How long opening waits for a lock of another process, in milliseconds.
    public static let openLockMs = 5000
    /// Pages in the write-ahead log (4 KiB each) from which they are moved to the database beside the writer.
    public static let walPages = 1000
    /// Pages in the write-ahead log from which the writer itself moves them.
    public static let walPagesInline = 8000
    /// How often a migration is tried again that another process may have done meanwhile.
    public static let migrationAttempts = 10
    /// The write-ahead log is cut back to this size after a checkpoint, in bytes.
    public static let walBytes = 64 * 1024 * 1024
    /// Memory that each connection uses for pages, in KiB.
    public static let pageCacheKiB = 4096
    /// Instructions of SQLite's virtual machine between two looks at a read's deadline: about a millisecond.
    public static let instructionsPerDeadlineCheck = 20_000
    /// Content on one page of messages, in bytes of UTF-8: a page ends early rather than pass it by more than one
    /// message.
    public static let pageBytes = 4 * 1024 * 1024
    /// Messages that one call for ancestors returns, at most.
    public static let ancestors = 2000
    /// Siblings named with one message on each side of it.
    public static let siblingsPerSide = 500
    /// Messages removed in one transaction of a purge, so that other writes come in between.
    public static let purgedMessagesPerCommit = 500
    /// Messages added in one transaction of an import, so that other writes come in between.
    public static let importedMessagesPerCommit = 500
    /// When an import that its process did not end counts as deleted.
    public static let importLife = Duration.seconds(3600)
    /// Words of a search query that count; further ones are left out.
    public static let queryWords = 16
    /// Words in a snippet of a search hit.
    public static let snippetWords = 24
    /// Hits of one search, at most.
    public static let searchHits = 100
    /// API keys that one user may have.
    public static let keysPerUser = 100
    /// Free space below which the store counts as full, in bytes.
    public static let freeBytes = 8 * 1024 * 1024
    /// Passages in the index of the local model, at most.
    public static let indexedPassages = 20_000
    /// Words of a question that the passage index looks for.
    public static let questionWords = 32
    /// Users that one collection's access list names, at most.
    public static let readersPerCollection = 10_000
    /// Other users' collections that one user is shown and searches without naming them, at most.
    public static let readableCollections = 2000
    /// How long a content that no document has is kept, so that an upload can be resumed.
    public static let unusedContentLife = Duration.seconds(24 * 3600)
    /// Parts of an unused content removed in one transaction: 16 MiB.
    public static let sweptPartsPerCommit = 64
    /// Dead passages removed in one transaction.
    public static let sweptPassagesPerCommit = 500
    /// Passages that go into the full-text index in one transaction of a publication.
    public static let indexedPassagesPerCommit = 500
    /// Passages that one call stages, at most.
    public static let stagedPassages = 2000
    /// Documents of a deleted collection removed in one transaction.
    public static let sweptDocumentsPerCommit = 200
    /// Steps of the change sequence that are kept for indexes that lag behind.
    public static let keptChanges = 100_000
    /// Old steps of the change sequence removed in one transaction.
    public static let sweptChangesPerCommit = 5000
    /// Elements that one call of an index's feed returns, at most.
    public static let feedElements = 10_000
    /// Passages or messages that one call reads by number, at most.
    public static let readNumbers = 1000
    /// Terms that one keyword search looks for; further ones are left out.
    public static let searchedTerms = 64
    /// A term is common that more than one in so many passages hold.
    public static let commonTermParts: Int64 = 20
    /// Passages with a rare term, for each that is asked for, from which on those without one are left out.
    public static let rarePassagesPerHit = 4
    /// Partitions that one search names, at most.
    public static let searchedPartitions = 4096
    /// Passages that one keyword search finds, at most.
    public static let keywordHits = 1000
    /// Numbers in one vector, at most.
    public static let dimensions = 8192
    /// Characters of a job's error that are kept.
    public static let jobErrorScalars = 2000
    /// Jobs that one claim takes, at most.
    public static let claimedJobs = 100
    /// Jobs that one transaction takes, extends or ends.
    public static let jobsPerCommit = 500
    /// Commits whose new jobs wait to be told to a slow listener; the oldest are dropped, and found as rows.
    public static let waitingAnnouncements = 4096
    /// Completed jobs removed in one transaction.
    public static let purgedJobsPerCommit = 1000
    /// Messages that one look for messages without a vector passes over, at most.
    public static let scannedMessages = 20_000
    /// How much more a word in a passage's title counts than one in its text.
    public static let titleWeight = 2.0
}
