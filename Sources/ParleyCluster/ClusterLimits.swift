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
    /// Hints of one channel, and signals of one listener, that wait for a slow reader; it then reads the truth anew.
    public static let waitingHints = 1024
    /// The pause before one listens again to a channel that could not be listened to.
    public static let hintRetry = Duration.seconds(1)
    /// Ended sessions that one message names.
    public static let signoutsPerMessage = 100
    /// Nodes that a registry tells of.
    public static let registeredNodes = 1000
    /// How often the registry is read although no hint came; each wait is up to 10 % shorter or longer.
    public static let registryReadInterval = Duration.seconds(5)
    /// The shortest wait between two readings of the registry.
    public static let registryPause = Duration.milliseconds(50)
    /// How long the registry remembers a node that is silent or has left.
    public static let nodeMemory = Duration.seconds(3600)
    /// How long a cache that did not answer is not asked.
    public static let cachePause = Duration.seconds(1)
    /// Bytes of names and values that the cache of a node without a shared one keeps.
    public static let cacheBytes = 32 * 1024 * 1024
    /// What one value in that cache costs beside its bytes.
    public static let cacheEntryBytes = 200
    /// Tags that it remembers; one more, and everything in it is void.
    public static let cacheTags = 10_000
}
