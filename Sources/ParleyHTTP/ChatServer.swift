//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Hummingbird
import HummingbirdCore
public import Logging
import OpenSSLCrypto
public import ParleyChat
public import ParleyCore
import WebSocketServer

/// The HTTP and WebSocket surface: routes, middleware and pages, over the ports of the rooms below.
public struct ChatServer: Sendable {
    /// What the surface works with.
    public struct Dependencies: Sendable {
        public var chat: Chat
        public var engine: TurnEngine
        public var conversations: any ConversationStore
        public var accounts: any AccountStore
        public var access: Access
        public var nodes: any NodeRegistry
        public var health: any StoreHealth
        public var model: any ChatModel
        public var forwarder: (any CompletionForwarder)?
        public var knowledge: Knowledge
        /// How the shared Redis is; `nil` when this node is alone.
        public var redis: @Sendable () -> ComponentCondition?
        /// Renders the metrics as Prometheus text.
        public var metrics: @Sendable () -> String

        public init(
            chat: Chat, engine: TurnEngine, conversations: any ConversationStore, accounts: any AccountStore,
            access: Access, nodes: any NodeRegistry, health: any StoreHealth, model: any ChatModel,
            forwarder: (any CompletionForwarder)?,
            knowledge: Knowledge, redis: @escaping @Sendable () -> ComponentCondition? = { nil },
            metrics: @escaping @Sendable () -> String
        ) {
            self.chat = chat
            self.engine = engine
            self.conversations = conversations
            self.accounts = accounts
            self.access = access
            self.nodes = nodes
            self.health = health
            self.model = model
            self.forwarder = forwarder
            self.knowledge = knowledge
            self.redis = redis
            self.metrics = metrics
        }
    }

    /// Where it is kept who is signed in.
    public struct Access: Sendable {
        public var sessions: any SessionStore
        /// Tells of sessions that end on other nodes; `nil` when no other node shares the store.
        public var signals: (any SessionSignals)?

        public init(sessions: any SessionStore, signals: (any SessionSignals)? = nil) {
            self.sessions = sessions
            self.signals = signals
        }
    }

    /// What the routes of documents, search, memory, jobs and embeddings work with.
    public struct Knowledge: Sendable {
        public var documents: any DocumentStore
        public var search: any KnowledgeSearch
        public var memories: any MemoryStore
        public var jobs: any JobStore
        /// Embeds for `/v1/embeddings`; `nil` when there is no embedder.
        public var embedder: (any Embedder)?
        /// Goes before ``embedder`` where a model server embeds.
        public var embeddingForwarder: (any EmbeddingForwarder)?
        /// `nil` when links are not to be fetched.
        public var fetcher: (any LinkFetcher)?
        /// Where uploads are written down; made when it is not there.
        public var spoolFolder: String
        /// Tells the workers that a job was added.
        public var jobsAdded: @Sendable () -> Void
        /// How well can be searched.
        public var status: @Sendable () -> KnowledgeStatus

        public init(
            documents: any DocumentStore, search: any KnowledgeSearch, memories: any MemoryStore,
            jobs: any JobStore, embedder: (any Embedder)? = nil,
            embeddingForwarder: (any EmbeddingForwarder)? = nil, fetcher: (any LinkFetcher)? = nil,
            spoolFolder: String, jobsAdded: @escaping @Sendable () -> Void = {},
            status: @escaping @Sendable () -> KnowledgeStatus
        ) {
            self.documents = documents
            self.search = search
            self.memories = memories
            self.jobs = jobs
            self.embedder = embedder
            self.embeddingForwarder = embeddingForwarder
            self.fetcher = fetcher
            self.spoolFolder = spoolFolder
            self.jobsAdded = jobsAdded
            self.status = status
        }
    }

    let responder: RouterResponder<AppContext>
    private let feeds = TurnFeeds()
    private let sessions: Sessions
    /// Path patterns with their methods, as the description of the API should have them.
    public let routes: [String: Set<String>]

    /// Builds the routes.
    ///
    /// - Throws: when the templates cannot be read or the folder of uploads cannot be made.
    public init(settings: HTTPSettings, dependencies: Dependencies) throws {
        let pages = try Pages(settings: settings)
        let sockets = SocketRegistry()
        let sessions = Sessions(
            store: dependencies.access.sessions, accounts: dependencies.accounts,
            signals: dependencies.access.signals, sockets: sockets, secureCookies: settings.secureCookies)
        self.sessions = sessions
        let router = Router(context: AppContext.self)
        router.addMiddleware {
            RequestLog(pages: pages, secureTransport: settings.secureCookies)
            OriginGuard(settings: settings)
            Authentication(sessions: sessions, accounts: dependencies.accounts, mode: settings.mode)
        }
        var table = RouteTable(router: router)
        let names = CollectionNames(documents: dependencies.knowledge.documents)
        SessionRoutes(
            settings: settings, accounts: dependencies.accounts, sessions: sessions, hasher: PasswordHasher(),
            throttle: SignInThrottle()
        ).add(to: &table)
        SessionListRoutes(sessions: sessions).add(to: &table)
        SocketRoute(
            chat: dependencies.chat, names: names, feeds: self.feeds, registry: sockets,
            sessions: sessions, publicOrigin: settings.publicOrigin
        ).add(to: &table)
        ConversationRoutes(store: dependencies.conversations).add(to: &table)
        MessageRoutes(names: names, chat: dependencies.chat, store: dependencies.conversations).add(to: &table)
        TurnRoutes(chat: dependencies.chat).add(to: &table)
        ArchiveRoutes(store: dependencies.conversations).add(to: &table)
        ModelRoutes(model: dependencies.model, isLocal: settings.usesLocalModel).add(to: &table)
        PresetRoutes(accounts: dependencies.accounts).add(to: &table)
        KeyRoutes(accounts: dependencies.accounts).add(to: &table)
        NodeRoutes(registry: dependencies.nodes, nodeID: settings.nodeID).add(to: &table)
        OpenAIRoutes(
            model: dependencies.model, forwarder: dependencies.forwarder, embedder: dependencies.knowledge.embedder,
            embeddingForwarder: dependencies.knowledge.embeddingForwarder
        ).add(to: &table)
        try Self.add(dependencies.knowledge, to: &table)
        OperationRoutes(
            settings: settings, health: dependencies.health, engine: dependencies.engine,
            knowledge: dependencies.knowledge.status, redis: dependencies.redis, metrics: dependencies.metrics,
            description: Pages.openAPI()
        ).add(to: &table)
        pages.add(to: &table)
        table.refuseOtherMethods()
        self.responder = router.buildResponder()
        self.routes = table.routes.mapValues { Set($0.map(\.rawValue)) }
    }
}

extension ChatServer {
    private static func add(_ knowledge: Knowledge, to table: inout RouteTable) throws {
        CollectionRoutes(documents: knowledge.documents).add(to: &table)
        DocumentRoutes(
            documents: knowledge.documents,
            intake: DocumentIntake(documents: knowledge.documents, jobsAdded: knowledge.jobsAdded),
            spool: try UploadSpool(folder: knowledge.spoolFolder), fetcher: knowledge.fetcher
        ).add(to: &table)
        SearchRoutes(search: knowledge.search, documents: knowledge.documents).add(to: &table)
        MemoryRoutes(memories: knowledge.memories).add(to: &table)
        JobRoutes(jobs: knowledge.jobs, jobsAdded: knowledge.jobsAdded).add(to: &table)
    }

    /// Listens until the graceful shutdown: then the port closes, sockets are told to go elsewhere, and what is under
    /// way comes to its end.
    ///
    /// - Parameters:
    ///   - port: 0 takes a free one.
    ///   - onRunning: told the port once it is open.
    /// - Throws: an error of the system when the address cannot be bound.
    public func run(
        host: String, port: Int, logger: Logger, onRunning: @escaping @Sendable (Int) -> Void
    ) async throws {
        let application = Application(
            responder: self.responder, server: .http1WebSocket(),
            configuration: .init(address: .hostname(host, port: port), serverName: nil),
            onServerRunning: { channel in onRunning(channel.localAddress?.port ?? port) }, logger: logger)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await self.feeds.run() }
            group.addTask { await self.sessions.run(logger: logger) }
            try await application.run()
            group.cancelAll()
        }
    }
}
