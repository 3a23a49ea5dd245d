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
    /// Tickets of jobs that one script takes or changes.
    public static let ticketsPerCall = 1000
    /// News of jobs that wait for a slow listener; more are told as one that something may be missing.
    public static let waitingJobNews = 64
    /// Events that go to Redis in one script.
    public static let eventsPerAppend = 256
    /// Bytes of text that go to Redis in one script; a longer event goes alone.
    public static let bytesPerAppend = 512 * 1024
    /// How long an append waits for Redis. After that the node's own readers get the events, and Redis later.
    public static let appendPatience = Duration.milliseconds(500)
    /// How long other commands on turns wait for Redis.
    public static let commandPatience = Duration.seconds(2)
    /// How often a Redis that answers is looked at, and what is left over for it is sent.
    public static let watchInterval = Duration.seconds(1)
    /// How often a Redis that does not answer is asked.
    public static let awayInterval = Duration.milliseconds(250)
    /// Turns whose events are sent at once to a Redis that is back.
    public static let turnsCaughtUpAtOnce = 8
    /// How often the log of a turn with readers is read although no news came: news may be lost.
    public static let tailInterval = Duration.seconds(1)
    /// How long the log of a turn is followed after the last reader has gone.
    public static let tailLife = Duration.seconds(30)
    /// Turns of other nodes that are followed at once; readers of more are served once a second.
    public static let tails = 4096
    /// Logs that wait to be read or followed; a reader whose log is not among them asks again.
    public static let waitingLogs = 8192
    /// News of one turn that wait while its log is read; one is as good as many.
    public static let waitingNews = 16
    /// How long after its last use the copy of another node's log is kept.
    public static let mirrorLife = Duration.seconds(30)
    /// Bytes of all copies of logs on one node, about; copies that can be read again go first.
    public static let mirrorBytes = 512 * 1024 * 1024
    /// Turns that are asked about in one script.
    public static let turnsPerQuestion = 500
    /// How long an expired lease makes nodes look for its turn at once; later they find it in their usual rounds.
    public static let expiredLeaseLife = Duration.seconds(60)
    /// The pause before a failed subscription is tried again.
    public static let subscribeInterval = Duration.milliseconds(500)
}
