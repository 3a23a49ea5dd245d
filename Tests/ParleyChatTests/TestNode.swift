//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation
import Logging
import ParleyChat
import ParleyCluster
import ParleyCore
import ParleyStore

/// A node without HTTP: store, cluster, engine and chat, in a folder of its own.
struct TestNode: Sendable {
    let store: SQLiteStore
    let cluster: InProcessCluster<ContinuousClock>
    let engine: TurnEngine
    let chat: Chat
    /// What the node shares with others, or its own.
    private let log: any AnswerLog
    private let readerPatience: Duration
    let user = User.local.id

    /// - Parameter shared: what the node shares with others; `nil` keeps everything to itself.
    init(
        folder: String, model: any ChatModel, titleModel: (any ChatModel)? = nil,
        sources: ContextSources = ContextSources(), afterwork: Afterwork? = nil, shared: SimulatedRedis.View? = nil,
        drainPatience: Duration = ChatLimits.drainPatience
    ) throws {
        self.store = try SQLiteStore(path: folder + "/parley.sqlite")
        self.cluster = InProcessCluster()
        let ports: any LeaseStore & AnswerLog & TurnCommands = shared ?? self.cluster
        self.log = ports
        // What is shared goes away in tests, which is not waited for.
        self.readerPatience = shared == nil ? ChatLimits.readerPatience : .milliseconds(20)
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        self.engine = TurnEngine(
            node: shared?.id ?? NodeID("test"),
            dependencies: .init(
                store: self.store, conversations: self.store, leases: ports, log: ports, commands: ports,
                model: model, titleModel: titleModel, sources: sources, afterwork: afterwork),
            drainPatience: drainPatience, logger: logger)
        self.chat = Chat(store: self.store, log: ports, commands: ports, engine: self.engine)
    }

    /// Runs the node while the body runs, in a folder that is removed afterwards.
    static func run(
        model: any ChatModel, titleModel: (any ChatModel)? = nil, sources: ContextSources = ContextSources(),
        afterwork: Afterwork? = nil, _ body: (TestNode) async throws -> Void
    ) async throws {
        try await Self.withFolder { folder in
            let node = try TestNode(
                folder: folder, model: model, titleModel: titleModel, sources: sources, afterwork: afterwork)
            try await node.store.create(User.local, passwordHash: nil, onlyIfFirst: false)
            try await node.running { try await body(node) }
        }
    }

    static func withFolder(_ body: (String) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("parley-\(UUID())").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try await body(folder)
    }

    /// Runs cluster and engine while the body runs; then they are cancelled at once, as by a kill.
    func running(_ body: () async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await self.cluster.run() }
            group.addTask { try await self.engine.run() }
            try await body()
            group.cancelAll()
        }
    }

    func newConversation(temporary: Bool = false) async throws -> ConversationID {
        let now = Timestamp.now()
        let conversation = Conversation(
            id: .generate(), ownerID: self.user, title: "New conversation", temporary: temporary, createdAt: now,
            updatedAt: now)
        try await self.store.create(conversation)
        return conversation.id
    }

    func send(_ text: String, to conversation: ConversationID) async throws -> Turn {
        try await self.chat.send(.init(id: .generate(), content: text), to: conversation, user: self.user)
    }

    private func follower(of turn: TurnID, after position: EventID) async throws -> TurnFollower {
        TurnFollower(
            store: self.store, log: self.log, turn: try await self.chat.turn(turn, user: self.user), after: position,
            readerPatience: self.readerPatience)
    }

    /// Reads a turn to its end with a reader that insists on the rule.
    func readToEnd(_ turn: TurnID, from reader: ReaderPosition = ReaderPosition()) async throws -> (
        reader: ReaderPosition, events: [TurnEvent]
    ) {
        var reader = reader
        var all: [TurnEvent] = []
        var follower = try await self.follower(of: turn, after: reader.last)
        while let events = try await follower.next(atMost: .seconds(30)) {
            for event in events {
                guard reader.apply(event) == .applied else { throw Unexpected(event: event) }
                all.append(event)
            }
        }
        return (reader, all)
    }

    /// Reads a turn until the reader shows this text.
    func read(_ turn: TurnID, until text: String, from reader: ReaderPosition = ReaderPosition()) async throws
        -> ReaderPosition
    {
        var reader = reader
        var follower = try await self.follower(of: turn, after: reader.last)
        while reader.text != text, let events = try await follower.next(atMost: .seconds(30)) {
            for event in events {
                guard reader.apply(event) == .applied else { throw Unexpected(event: event) }
            }
        }
        return reader
    }

    struct Unexpected: Error {
        var event: TurnEvent
    }
}
