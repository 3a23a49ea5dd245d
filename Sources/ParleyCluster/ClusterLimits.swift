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
