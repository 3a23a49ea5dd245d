//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// The limits of short-lived shared state.
public enum ClusterLimits {
    /// How long the log of a finished turn can be read; after that the database answers.
    public static let finishedLogLife = Duration.seconds(60)
    /// How long the log of a turn without an owner is kept while nobody appends.
    public static let abandonedLogLife = Duration.seconds(15 * 60)
    /// Stops and free turns that wait for a slow listener; the oldest is dropped, since the database keeps the truth.
    public static let waitingTurns = 1024
    /// How often deadlines of waiting readers are looked at, and so how late a wait may return.
    public static let sweepInterval = Duration.milliseconds(250)
    /// Events that one read returns at most.
    public static let eventsPerRead = 512

    // MARK: Rate limits

    /// Keys of one policy whose use one node counts in memory.
    public static let ratedKeysPerPolicy = 50_000
    /// How often a full table of keys is looked through for those that need not be kept.
    public static let ledgerSweepInterval = Duration.seconds(1)
    /// How often places that have ended are looked for.
    public static let slotSweepInterval = Duration.seconds(30)
    /// Keys that one node remembers as denied.
    public static let rememberedDenials = 10_000
    /// How long a denial is remembered at most, so that a limit that was raised is seen.
    public static let denialMemory = Duration.seconds(10)
    /// How long a request waits for the shared store's word on its limits before this node decides alone.
    public static let rateDeadline = Duration.milliseconds(250)
    /// How long this node decides alone before it asks a shared store again that did not answer.
    public static let rateRetryInterval = Duration.seconds(1)
    /// Bytes of names and values that the cache of a node without a shared one keeps.
    public static let cacheBytes = 32 * 1024 * 1024
    /// What one value in that cache costs beside its bytes.
    public static let cacheEntryBytes = 200
    /// Tags that it remembers; one more, and everything in it is void.
    public static let cacheTags = 10_000
    /// Tickets of jobs that one script takes or changes.
    public static let ticketsPerCall = 1000
    /// News of jobs that wait for a slow listener; more are told as one that something may be missing.
    public static let waitingJobNews = 64
    /// The pause before a subscription that failed is tried again.
    public static let subscribePause = Duration.milliseconds(500)
}
