//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
public import Logging
import Metrics
public import ParleyCore
public import ServiceLifecycle
import Synchronization

/// Makes the answers of one node: runs turns under leases, renews these, obeys stops, and picks up turns whose owner
/// is gone.
///
/// Everything it does happens inside ``run()``. On graceful shutdown it takes nothing new, lets running answers go on
/// for ``ChatLimits/drainPatience``, and hands over what is left.
public final class TurnEngine: Service {
    /// What the engine works with.
    public struct Dependencies: Sendable {
        public var store: any TurnStore
        public var conversations: any ConversationStore
        public var leases: any LeaseStore
        public var log: any AnswerLog
        public var commands: any TurnCommands
        public var model: any ChatModel
        /// Makes titles; `nil` leaves the first words of the first message.
        public var titleModel: (any ChatModel)?
        public var context: ContextWindow
        /// Where the material of prompts comes from.
        public var sources: ContextSources
        /// What is done in the background after an answer; `nil` does nothing.
        public var afterwork: Afterwork?

        public init(
            store: any TurnStore, conversations: any ConversationStore, leases: any LeaseStore,
            log: any AnswerLog, commands: any TurnCommands, model: any ChatModel,
            titleModel: (any ChatModel)? = nil, context: ContextWindow = ContextWindow(),
            sources: ContextSources = ContextSources(), afterwork: Afterwork? = nil
        ) {
            self.store = store
            self.conversations = conversations
            self.leases = leases
            self.log = log
            self.commands = commands
            self.model = model
            self.titleModel = titleModel
            self.context = context
            self.sources = sources
            self.afterwork = afterwork
        }
    }

    private struct Job: Sendable {
        var turn: Turn
        var lease: Lease
        var inbox: TurnInbox
        var firstTitle: String?
    }

    /// A turn that this node is making.
    struct Running: Sendable {
        /// `nil` between two attempts.
        var lease: Lease?
        var owner: UserID
        var inbox: TurnInbox
    }

    private struct State: Sendable {
        var running: [TurnID: Running] = [:]
        var isDraining = false

        var hasRoom: Bool { !self.isDraining && self.running.count < ChatLimits.runningTurns }
    }

    public let node: NodeID
    let dependencies: Dependencies
    private let drainPatience: Duration
    let logger: Logger
    private let snapshots: SnapshotWriter
    private let assembler: ContextAssembler
    private let state = Mutex(State())
    private let jobs: AsyncStream<Job>
    private let addJob: AsyncStream<Job>.Continuation
    private let runningGauge = Gauge(label: "parley_turns_running")

    public init(
        node: NodeID, dependencies: Dependencies, drainPatience: Duration = ChatLimits.drainPatience,
        logger: Logger
    ) {
        self.node = node
        self.dependencies = dependencies
        self.drainPatience = drainPatience
        self.logger = logger
        self.snapshots = SnapshotWriter(store: dependencies.store, logger: logger)
        self.assembler = ContextAssembler(
            window: dependencies.context, sources: dependencies.sources, calibration: TokenCalibration(),
            lane: RetrievalLane())
        (self.jobs, self.addJob) = AsyncStream.makeStream(
            of: Job.self, bufferingPolicy: .bufferingOldest(ChatLimits.runningTurns))
    }

    /// Whether the node has been told to stop.
    public var isDraining: Bool {
        self.state.withLock { $0.isDraining }
    }

    /// Answers that this node is making.
    public var runningTurns: Int {
        self.state.withLock { $0.running.count }
    }

    /// Takes the lease of a turn that is about to be committed, so that it is committed as running and need not be
    /// claimed. `nil` when the node is full or draining: the turn is then committed as queued, for whoever picks it up.
    ///
    /// While the shared store cannot be reached the lease is provisional: the first epoch of a turn of which nobody
    /// else knows yet. The store is told of it when it is back, as of a lease that it has lost.
    public func prepare(_ turn: TurnID) async -> Lease? {
        guard self.hasRoom else { return nil }
        do {
            return try await self.dependencies.leases.acquire(turn: turn, node: self.node, afterEpoch: 0)
        } catch {
            return error.code == .unavailable ? Lease(turnID: turn, node: self.node, epoch: 1) : nil
        }
    }

    /// Gives back a lease that was not needed.
    public func abandon(_ lease: Lease) async {
        try? await self.dependencies.leases.release(lease)
    }

    /// Begins a committed turn under its lease; leaves it to other nodes if this one is draining.
    ///
    /// - Parameter firstTitle: the title to give a conversation that begins with this turn.
    public func start(_ turn: Turn, lease: Lease, firstTitle: String? = nil) async {
        let inbox = TurnInbox()
        let isNew = self.state.withLock { state in
            guard state.running[turn.id] == nil else { return false }
            state.running[turn.id] = Running(lease: lease, owner: turn.ownerID, inbox: inbox)
            self.runningGauge.record(state.running.count)
            return true
        }
        guard isNew else { return }
        let job = Job(turn: turn, lease: lease, inbox: inbox, firstTitle: firstTitle)
        guard case .enqueued = self.addJob.yield(job) else {
            self.ended(turn.id)
            return await self.dependencies.leaveToOthers(lease)
        }
    }

    /// Stops a turn if this node runs it.
    func stop(_ turn: TurnID) {
        self.running(turn)?.inbox.command(.stop)
    }

    /// Whether the node may take another turn.
    var hasRoom: Bool {
        self.state.withLock(\.hasRoom)
    }

    func running(_ turn: TurnID) -> Running? {
        self.state.withLock { $0.running[turn] }
    }

    /// All that run here under a lease.
    func allRunning() -> [(lease: Lease, running: Running)] {
        self.state.withLock { state in
            state.running.values.compactMap { running in running.lease.map { ($0, running) } }
        }
    }

    private func ended(_ turn: TurnID) {
        self.state.withLock { state in
            state.running[turn] = nil
            self.runningGauge.record(state.running.count)
        }
    }
}

// MARK: Running

extension TurnEngine {
    public func run() async throws {
        await withGracefulShutdownHandler {
            await withTaskGroup(of: Void.self) { group in
                group.addTask { await self.renewLeases() }
                group.addTask { await self.obeyStops() }
                group.addTask { await self.reap() }
                group.addTask { await self.takeFreeTurns() }
                group.addTask { await self.snapshots.run() }
                group.addTask { await self.assembler.lane.run() }
                // The answers come to their end first; then the rest may go.
                await self.makeAnswers()
                await self.snapshots.flush()
                group.cancelAll()
            }
        } onGracefulShutdown: {
            self.state.withLock { $0.isDraining = true }
            self.addJob.finish()
        }
    }

    private func makeAnswers() async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { try? await self.watchDrain() }
            await withDiscardingTaskGroup { turns in
                for await job in self.jobs {
                    turns.addTask { await self.make(job) }
                }
            }
            group.cancelAll()
        }
    }

    /// Once the node drains: hands over what still runs after the patience.
    private func watchDrain() async throws {
        try await gracefulShutdown()
        try await Task.sleep(for: self.drainPatience)
        let inboxes = self.state.withLock { $0.running.values.map(\.inbox) }
        self.logger.notice("handing over running answers", metadata: ["count": "\(inboxes.count)"])
        for inbox in inboxes {
            inbox.command(.handOver)
        }
    }

    private func make(_ job: Job) async {
        var logger = self.logger
        logger[metadataKey: "turn"] = "\(job.turn.id)"
        let runner = TurnRunner(
            dependencies: self.dependencies, assembler: self.assembler, inbox: job.inbox, snapshots: self.snapshots,
            logger: logger)
        async let titled: Void = self.giveFirstTitle(job)
        let report = await runner.run(job.turn, lease: job.lease) { lease in
            self.state.withLock { $0.running[job.turn.id]?.lease = lease }
        }
        await titled
        self.ended(job.turn.id)
        await self.dependencies.afterwork?.enqueue(after: job.turn, report: report, logger: logger)
        await self.giveTitle(for: job.turn)
    }
}

// MARK: Titles

extension TurnEngine {
    private func giveFirstTitle(_ job: Job) async {
        guard let title = job.firstTitle else { return }
        try? await self.dependencies.conversations.setAutomaticTitle(
            job.turn.conversationID, owner: job.turn.ownerID, title: title)
    }

    /// Gives a conversation the title that a model makes of its first exchange.
    private func giveTitle(for turn: Turn) async {
        guard let model = self.dependencies.titleModel, !self.isDraining else { return }
        do {
            let ended = try await self.dependencies.store.turn(turn.id, owner: turn.ownerID)
            let question = try await self.dependencies.conversations.message(
                turn.userMessageID, owner: turn.ownerID)
            guard ended.state == .completed, question.parentID == nil else { return }
            let conversation = try await self.dependencies.conversations.conversation(
                turn.conversationID, owner: turn.ownerID)
            guard conversation.titleIsAutomatic, !conversation.temporary else { return }
            let request = TitleMaker.request(
                question: question.content, answer: ended.text, model: turn.model ?? conversation.model)
            let answer = try await Self.collect(request, from: model)
            guard let title = TitleMaker.title(fromAnswer: answer) else { return }
            try await self.dependencies.conversations.setAutomaticTitle(
                conversation.id, owner: turn.ownerID, title: title)
        } catch {
            self.logger.debug("no title made", metadata: ["error": "\(error)"])
        }
    }

    private static func collect(_ request: ChatRequest, from model: any ChatModel) async throws -> String {
        try await withThrowingTaskGroup(of: String.self) { group in
            group.addTask {
                try await model.text(answering: request, maximumBytes: CoreLimits.queryBytes)
            }
            group.addTask {
                try await Task.sleep(for: ChatLimits.titlePatience)
                throw CancellationError()
            }
            defer { group.cancelAll() }
            return try await group.next() ?? ""
        }
    }
}
