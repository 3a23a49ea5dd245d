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
    /// How often all unfinished turns are looked through for some without an owner, give or take a fifth.
    public static let reaperInterval = Duration.seconds(2)
    /// How often a node asks whether a lease has run out, give or take a fifth; if so, it looks at once.
    public static let leaseGlance = Duration.milliseconds(400)
    /// How long other nodes leave the look for turns whose lease has run out to the node that began one.
    public static let urgentRound = Duration.milliseconds(100)
    /// How long other nodes leave the look through all unfinished turns to the node that began one.
    public static let routineRound = Duration.milliseconds(1600)
    /// Turns without an owner that one look picks up; the next are left to whichever node looks next.
    public static let turnsPerReap = 32
    /// Pages of unfinished turns that one look goes through.
    public static let pagesPerReap = 200
    /// The longest wait before a turn that another node let go of is taken, so that not always the same node wins.
    public static let freeTurnJitter = Duration.milliseconds(50)
    /// Turns let go of by other nodes that one node tries to take at once.
    public static let freeTurnsAtOnce = 64
    /// Leases that one node renews at once.
    public static let renewalsAtOnce = 256
    /// How often one append tells an emptied shared store of its lease; then the events wait for the next append.
    public static let restoresPerAppend = 3
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
    /// How long an answer waits for passages of the user's documents; then it goes without.
    public static let knowledgePatience = Duration.seconds(3)
    /// How long an answer waits for older messages that bear on the question.
    public static let recallPatience = Duration.milliseconds(1500)
    /// How long an answer waits for each of memories, settings and summary.
    public static let memoryPatience = Duration.seconds(1)
    /// Searches for answers that run at once on one node: four for each answer.
    public static let retrievalsAtOnce = 8000
    /// Passages that a prompt quotes, at most.
    public static let contextPassages = 8
    /// Facts about the user that a prompt holds, at most: the newest.
    public static let contextMemories = 100
    /// Older messages of other conversations that a prompt quotes, at most.
    public static let recalledMessages = 5
    /// Bytes of one older message that are quoted.
    public static let recalledBytes = 2000
    /// Documents that are not ready, of which the model is told.
    public static let unreadyDocuments = 10
    /// Words of a question that may lean on the one before it, at most.
    public static let followUpWords = 6
    /// Collections that one message may name.
    public static let collectionsPerTurn = 50
    /// A report of a prompt's tokens counts from this estimate on: shorter prompts are mostly what a template adds.
    public static let calibrationTokens = 64
    /// The weight of one report in the average of a model's tokens.
    public static let calibrationWeight = 0.2
    /// The least that a model may count for each estimated token.
    public static let leastTokenRatio = 0.4
    /// The most that a model may count for each estimated token.
    public static let greatestTokenRatio = 3.0
    /// Models of which one node remembers how they count.
    public static let calibratedModels = 256
    /// Messages of a branch that are looked at when the context is put together.
    public static let contextMessages = 200
    /// Bytes of UTF-8 that count as one token: an estimate, on the safe side for English and code.
    public static let bytesPerToken = 3.5
    /// Tokens that each message costs beside its text.
    public static let tokensPerMessage = 6
    /// Conversations that one node sums up at once.
    public static let summariesAtOnce = 2
    /// How long one summary may take, all pieces together.
    public static let summaryPatience = Duration.seconds(600)
    /// The newest messages that are not summed up take one part in so many of the context: less than a prompt gives to
    /// recent messages even when a model counts ``greatestTokenRatio`` tokens for each estimated one.
    public static let summaryKeepsPart = 10
    /// Tokens of messages that are summed up in one request, at most.
    public static let summaryPieceTokens = 6000
    /// Tokens that a model may use for a summary, its thoughts included.
    public static let summaryTokens = 2048
    /// The longest summary, in bytes of UTF-8.
    public static let summaryBytes = 4000
    /// Messages that one node searches for facts at once.
    public static let extractionsAtOnce = 2
    /// How long the search for facts in one message may take.
    public static let extractionPatience = Duration.seconds(120)
    /// Tokens that a model may use to name facts, its thoughts included.
    public static let extractionTokens = 1024
    /// The longest answer that facts are read from, in bytes of UTF-8.
    public static let extractionBytes = 4000
    /// Lines of an answer that facts are read from.
    public static let extractionLines = 20
    /// Bytes of a user's message that facts are looked for in.
    public static let learnedFromBytes = 8000
    /// Facts that are learnt from one message by a model.
    public static let factsPerMessage = 3
    /// The longest fact that a model may name, in Unicode scalars.
    public static let factScalars = 200
    /// Known facts that a new one is compared with by meaning: the newest.
    public static let comparedMemories = 200
    /// From this cosine on two facts are one.
    public static let sameFactCosine = 0.9
    /// How often rows of jobs are looked at while the queue of ids cannot be reached, and for jobs that other processes
    /// added when the queue is this process's own; give or take a fifth.
    public static let jobPoll = Duration.seconds(2)
    /// How often a node looks for rows that a shared queue of ids does not know, give or take a fifth.
    public static let jobReconciliation = Duration.seconds(10)
    /// The longest that a worker waits for news of the queue before it looks again.
    public static let jobWait = Duration.seconds(5)
    /// Jobs that one look into the queue takes, at most.
    public static let jobsPerTake = 256
    /// Ends of jobs that are written in one commit, at most.
    public static let jobsPerCommit = 256
    /// New jobs that wait to be told to the queue; more are found as rows.
    public static let waitingTickets = 20_000
    /// Jobs that are told to the queue in one call.
    public static let ticketsPerAdd = 500
    /// Rows that one round of reconciliation looks at, at least, unless the queue was lost.
    public static let reconciledJobs = 5000
    /// How often jobs that take too long are looked for, at most.
    public static let jobWatch = Duration.seconds(1)
    /// How long running jobs may go on when the node is told to stop; then they are handed back.
    public static let jobDrainPatience = Duration.seconds(5)
    /// How often the state of the queue is measured and ended jobs are removed.
    public static let jobFiguresInterval = Duration.seconds(15)
    /// Tries to write the end of a job, with growing waits between them.
    public static let jobReportTries = 5
    /// How long a title may take to make; after that the first words stand.
    public static let titlePatience = Duration.seconds(20)
    /// Scalars of a title that is made of a message's first words.
    public static let automaticTitleScalars = 60
    /// How often deleted and temporary conversations are removed for good.
    public static let housekeepingInterval = Duration.seconds(60)
}
