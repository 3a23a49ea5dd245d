//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// The limits of making answers.
public enum ChatLimits {
    /// Answers that one node makes at once; more wait in the database.
    public static let runningTurns = 2000
    /// Text that the model may be ahead of the log, in bytes; then nothing more is read from it.
    public static let inboxBytes = 64 * 1024
    /// The time between two appends of one turn after the first delta.
    public static let coalescing = Duration.milliseconds(25)
    /// How often the text of a running turn goes to the database.
    public static let snapshotInterval = Duration.seconds(3)
    /// How often due snapshots are written, all in one transaction.
    public static let snapshotFlushInterval = Duration.milliseconds(500)
    /// How often turns without an owner are looked for, give or take a fifth.
    public static let reaperInterval = Duration.seconds(2)
    /// Turns without an owner that one look picks up.
    public static let turnsPerReap = 100
    /// How long the end of an answer is kept and tried again while the database refuses it.
    public static let finishPatience = Duration.seconds(300)
    /// The wait between two tries to write the end of an answer.
    public static let finishRetryInterval = Duration.milliseconds(500)
    /// The longest wait before an answer is begun again after a failure in its middle.
    public static let restartDelay = Duration.milliseconds(500)
    /// How long running answers may go on when the node is told to stop; then they are handed over.
    public static let drainPatience = Duration.seconds(20)
    /// Events that a reader takes at once.
    public static let eventsPerRead = 256
    /// How long a reader without news waits before it asks the database whether the turn has ended.
    public static let readerPatience = Duration.seconds(5)
    /// The tokens of context that a model is given, when its size is not configured.
    public static let contextTokens = 16_000
    /// Messages of a branch that are looked at when the context is put together.
    public static let contextMessages = 200
    /// Bytes of UTF-8 that count as one token: an estimate, on the safe side for English and code.
    public static let bytesPerToken = 3.5
    /// Tokens that each message costs beside its text.
    public static let tokensPerMessage = 6
    /// How long a title may take to make; after that the first words stand.
    public static let titlePatience = Duration.seconds(20)
    /// Scalars of a title that is made of a message's first words.
    public static let automaticTitleScalars = 60
    /// How often deleted and temporary conversations are removed for good.
    public static let housekeepingInterval = Duration.seconds(60)
}
