//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation
import Logging
import NIOCore
import ParleyChat
import ParleyCluster
import ParleyCore
import ParleyHTTP
import ParleyStore
import PrometheusMetrics
import ServiceLifecycle

/// One node: the graph of all rooms, built from the settings. `serve` runs it, tests build the same.
struct ChatNode: Service {
    let settings: Settings
    private let store: SQLiteStore
    private let shared: SharedState
    private let engine: TurnEngine
    private let models: ModelAccess
    private let server: ChatServer
    private let embedders: EmbedderAccess
    private let knowledge: KnowledgeRooms
    private let heart: RegistryHeart
    private let place: NodePlace
    private let logger: Logger

    /// What must run before the node does and until it has ended, in this order.
    var services: [any Service] { self.shared.services }

    /// Opens the store and builds the rooms. Nothing runs yet.
    ///
    /// - Throws: `StoreError` when the data folder cannot be used; an error of the resources when they are not there.
    init(settings: Settings, metrics: PrometheusRegistry, logger: Logger) async throws {
        self.settings = settings
        self.logger = logger
        let place = NodePlace(settings: settings)
        self.place = place
        self.store = try SQLiteStore(path: settings.databasePath)
        self.shared = try SharedState(settings: settings, store: self.store, logger: logger)
        self.models = try ModelAccess(settings: settings, logger: logger)
        self.embedders = try EmbedderAccess(settings: settings, logger: logger)
        let window = ContextWindow(budgetTokens: settings.contextTokens)
        let knowledge = KnowledgeRooms(
            settings: settings, store: self.store, queue: self.shared.jobs, models: self.models,
            embedders: self.embedders, window: window, part: .init(works: settings.worksInServe), logger: logger)
        self.knowledge = knowledge
        self.engine = TurnEngine(
            node: NodeID(settings.nodeID),
            dependencies: .init(
                store: self.store, conversations: self.store, leases: self.shared.leases,
                log: self.shared.log, commands: self.shared.commands, model: self.models.model,
                titleModel: self.models.isLocal || !settings.makesTitles ? nil : self.models.model,
                context: window,
                sources: .init(memories: self.store, knowledge: knowledge.search, recall: knowledge.recall),
                afterwork: knowledge.afterwork),
            drainPatience: .seconds(settings.drainSeconds), logger: logger)
        let chat = Chat(
            store: self.store, log: self.shared.log, commands: self.shared.commands, engine: self.engine)
        self.server = try ChatServer(
            settings: HTTPSettings(
                mode: settings.mode, publicOrigin: settings.publicOrigin, vendorFolder: settings.vendorFolder,
                nodeID: settings.nodeID, version: BuildInformation.version, commit: BuildInformation.commit,
                usesLocalModel: self.models.isLocal),
            dependencies: .init(
                chat: chat, engine: self.engine, conversations: self.store, accounts: self.store,
                access: .init(sessions: self.shared.sessions, signals: self.shared.sessionSignals),
                nodes: self.shared.nodes,
                health: self.store, model: self.models.model, forwarder: self.models.forwarder,
                knowledge: .init(
                    documents: self.store, search: knowledge.search, memories: self.store, jobs: self.store,
                    embedder: self.embedders.embedder, embeddingForwarder: self.embedders.forwarder,
                    fetcher: settings.links.fetches ? LinkAccess(privateHosts: settings.links.privateHosts) : nil,
                    spoolFolder: settings.spoolFolder,
                    status: { knowledge.status }),
                redis: { [shared = self.shared] in shared.condition },
                metrics: { metrics.render() }))
        let engine = self.engine
        self.heart = RegistryHeart(registry: self.shared.nodes, logger: logger) { [place] in
            NodeRecord(
                id: NodeID(settings.nodeID), address: place.address, version: BuildInformation.version,
                state: engine.isDraining ? .terminating : .ready, runningTurns: engine.runningTurns,
                startedAt: place.startedAt)
        }
    }

    /// Runs until it is told to stop, then drains: the port closes, sockets are told to go elsewhere, running answers
    /// and jobs come to their end or are handed over, and the indexes are saved.
    func run() async throws {
        try await self.shared.waitUntilReady()
        try await self.makeLocalUser()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                try await Housekeeping(
                    conversations: self.store, sessions: self.shared.sessions, logger: self.logger
                ).run()
            }
            group.addTask { try await self.heart.run() }
            try await self.serve()
            await self.heart.end()
            group.cancelAll()
        }
        await self.embedders.shutdown()
        await self.models.shutdown()
    }

    /// Open mode has one user, who is made at the first start.
    private func makeLocalUser() async throws {
        guard self.settings.mode == .open else { return }
        do {
            try await self.store.create(User.local, passwordHash: nil, onlyIfFirst: false)
        } catch {
            guard error.code == .conflict else { throw error }
        }
    }

    private enum Ended: Sendable {
        case engine
        case knowledge
        case server
    }

    /// Runs engine, background work and server. The server may close its port at once; running answers and jobs decide
    /// the end.
    private func serve() async throws {
        try await withThrowingTaskGroup(of: Ended.self) { group in
            group.addTask {
                try await self.engine.run()
                return .engine
            }
            group.addTask {
                try await self.knowledge.run()
                return .knowledge
            }
            group.addTask {
                try await self.listen()
                return .server
            }
            var running: Set<Ended> = [.engine, .knowledge]
            while !running.isEmpty, let ended = try await group.next() { running.remove(ended) }
            // Answers have ended or were handed over: readers that are still here get a moment for the last events,
            // then they go on elsewhere.
            group.addTask {
                try await Task.sleep(for: .seconds(1))
                return .server
            }
            _ = try await group.next()
            group.cancelAll()
        }
    }

    /// - Throws: `StartError` with a sentence for people when the address cannot be used.
    private func listen() async throws {
        do {
            try await self.server.run(
                host: self.settings.host, port: self.settings.port, logger: self.logger,
                onRunning: { self.announce($0) })
        } catch let error as IOError {
            let reason = String(cString: strerror(error.errnoCode))
            throw StartError(
                "cannot listen on \(self.settings.host):\(self.settings.port): \(reason). "
                    + "Choose another address with --host and --port.")
        }
    }

    private func announce(_ port: Int) {
        self.place.found(port)
        self.heart.nudge()
        print("Parley is at \(self.place.bound)")
        if self.models.isLocal {
            print("No language model is connected: set OPENAI_API_KEY or OPENAI_BASE_URL to connect one.")
        }
        // A pipe would keep these lines until it is full.
        fflush(nil)
    }
}
