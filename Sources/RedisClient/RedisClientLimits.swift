//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// The limits and the times of the Redis client. Each has its unit in its name or is a `Duration`.
///
/// Those of one connection can be set lower or higher in ``RedisConfiguration``; these are the defaults.
public enum RedisClientLimits {
    // MARK: What a server may send

    /// One string in a reply, in bytes.
    public static let bulkBytes = 64 * 1024 * 1024
    /// A simple string, an error or a big number, in bytes.
    public static let lineBytes = 64 * 1024
    /// A length, an integer, a double or a boolean, in bytes.
    public static let numberBytes = 64
    /// Elements of one array, set, map (a pair counts as two) or push.
    public static let aggregateElements = 1024 * 1024
    /// Elements of one reply with everything nested in it.
    public static let replyElements = 4 * 1024 * 1024
    /// One reply with everything nested in it, in bytes.
    public static let replyBytes = 256 * 1024 * 1024
    /// Arrays in arrays.
    public static let depth = 32

    // MARK: What waits

    /// Commands of one connection that are on their way or wait for their reply; further ones are refused.
    public static let commandsPerConnection = 64 * 1024
    /// What one connection has accepted and not yet handed to the kernel, in bytes; more is refused.
    public static let unsentBytesPerConnection = 64 * 1024 * 1024
    /// Commands that wait for a connection; further ones are refused.
    public static let commandsWaitingForConnection = 4 * 1024
    /// Commands of one pipeline; those of a transaction are two fewer.
    public static let commandsPerPipeline = 16 * 1024
    /// Tasks that keep connections, of which each pauses between attempts.
    public static let connectionLoops = 1024
    /// Connections that are shared by all commands.
    public static let commandConnections = 2
    /// Connections for blocking reads, each of which serves one at a time; further reads are refused.
    public static let blockingConnections = 16
    /// Subscribers that one client has at once.
    public static let subscriptions = 16 * 1024
    /// Channels and patterns of one subscription.
    public static let channelsPerSubscription = 1024
    /// States that a slow reader of `states()` finds at most; the oldest are dropped.
    public static let waitingStates = 8

    // MARK: Times

    /// From the start of a connection, name resolution included, until it can be used.
    public static let connectDeadline = Duration.seconds(2)
    /// From the call until the reply.
    public static let commandDeadline = Duration.seconds(2)
    /// An idle connection is tested as often.
    public static let keepAlive = Duration.seconds(2)
    /// How long commands that are on their way may take at a graceful shutdown or a failover.
    public static let drainDeadline = Duration.seconds(1)
    /// The first pause before a new attempt to connect; each following one is up to twice as long.
    public static let shortestPause = Duration.milliseconds(50)
    /// The longest pause before a new attempt to connect.
    public static let longestPause = Duration.seconds(1)
    /// A connection that lived as long ends the lengthening of pauses.
    public static let stableAfter = Duration.seconds(5)
    /// How exactly deadlines are kept.
    public static let deadlineGrain = Duration.milliseconds(5)

    // MARK: Sentinel

    /// Sentinels that are asked, configured and learned ones.
    public static let sentinels = 16
    /// How long one Sentinel may take to answer.
    public static let sentinelDeadline = Duration.seconds(1)
    /// How long the other Sentinels may take after the first has answered.
    public static let sentinelPatience = Duration.milliseconds(250)
    /// How often a Sentinel is asked for the master, should a notification be lost.
    public static let sentinelPoll = Duration.seconds(2)

    // MARK: What is configured

    /// A `redis://` address, in bytes.
    public static let urlBytes = 4 * 1024
}
