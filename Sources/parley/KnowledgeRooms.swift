//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Logging
import ParleyChat
import ParleyCore
import ParleyHTTP
import ParleyKnowledge
import ParleyStore
import ServiceLifecycle

/// What a node knows and learns: embedder, indexes of vectors, search, and the background work that fills them.
struct KnowledgeRooms: Service {
    let search: any KnowledgeSearch
    let recall: any MessageRecall
    let jobs: JobRunner
    let afterwork: Afterwork
    let embedders: EmbedderAccess
    private let store: SQLiteStore
    private let passages: KnowledgeIndex
    private let messages: KnowledgeIndex
    private let backfill: Backfill
    private let gauges: KnowledgeGauges

    /// - Parameter window: the budget by which a conversation outgrows its model.
    init(
        settings: Settings, store: SQLiteStore, models: ModelAccess, embedders: EmbedderAccess, window: ContextWindow,
        logger: Logger
    ) {
        self.store = store
        self.embedders = embedders
        let embedder = embedders.embedder
        let passages = KnowledgeIndex.ofPassages(
            store, embedder: embedder, absence: embedders.description, folder: settings.indexFolder, logger: logger)
        let messages = KnowledgeIndex.ofMessages(
            store, embedder: embedder, absence: embedders.description, folder: settings.indexFolder, logger: logger)
        self.passages = passages
        self.messages = messages
        let hybrid = HybridSearch(
            documents: store, passages: store, embedder: embedder, index: passages, logger: logger)
        self.search = MeasuredSearch(search: hybrid)
        self.recall = VectorMessageRecall(messages: store, embedder: embedder, index: messages)
        self.backfill = Backfill(
            passages: store, messages: store, embedder: embedder, passageIndex: passages, messageIndex: messages,
            logger: logger)
        let languageModel = models.isLocal ? nil : models.model
        var handlers: [any JobHandler] = [
            DocumentIngestion(
                contents: store, passages: store, embedder: embedder, folder: settings.workFolder, logger: logger),
            MemoryWriter(conversations: store, memories: store, model: languageModel, embedder: embedder),
        ]
        if let languageModel {
            handlers.append(
                SummaryWriter(conversations: store, memories: store, model: languageModel, window: window))
        }
        let jobs = JobRunner(
            store: store, handlers: handlers, node: NodeID(settings.nodeID), logger: logger)
        self.jobs = jobs
        self.afterwork = Afterwork(
            jobs: store, memories: store, messages: store, hasLanguageModel: !models.isLocal,
            nudge: { jobs.nudge() })
        self.gauges = KnowledgeGauges(store: store, indexes: ["passages": passages, "messages": messages])
    }

    /// How well can be searched.
    var status: KnowledgeStatus { self.passages.status }

    /// Runs until the graceful shutdown: then jobs come to their end or are handed back, and the indexes are saved.
    func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await self.jobs.run() }
            group.addTask { try await self.passages.run() }
            group.addTask { try await self.messages.run() }
            group.addTask { try await self.backfill.run() }
            group.addTask { await self.gauges.run() }
            try await group.waitForAll()
        }
    }
}
