//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Logging
import ParleyChat
import ParleyCore
import ParleyKnowledge
import ParleyStore
import ServiceLifecycle

/// What a node knows and learns: search and recall for answers, and the background work that fills what they search.
struct KnowledgeRooms: Service {
    let services: KnowledgeServices
    let search: any KnowledgeSearch
    let recall: any MessageRecall
    let jobs: JobRunner
    let afterwork: Afterwork
    private let gauges: KnowledgeGauges

    /// - Parameter window: the budget by which a conversation outgrows its model.
    init(
        settings: Settings, store: SQLiteStore, models: ModelAccess, embedders: EmbedderAccess, window: ContextWindow,
        logger: Logger
    ) {
        let services = KnowledgeServices(settings: settings, store: store, embedders: embedders, logger: logger)
        self.services = services
        let embedder = services.embedder
        self.search = MeasuredSearch(
            search: HybridSearch(
                documents: store, passages: store, embedder: embedder, index: services.passageIndex, logger: logger))
        self.recall = VectorMessageRecall(messages: store, embedder: embedder, index: services.messageIndex)
        let languageModel = models.isLocal ? nil : models.model
        var handlers: [any JobHandler] = [
            services.ingestion,
            MemoryWriter(conversations: store, memories: store, model: languageModel, embedder: embedder),
        ]
        if let languageModel {
            handlers.append(
                SummaryWriter(conversations: store, memories: store, model: languageModel, window: window))
        }
        let jobs = JobRunner(store: store, handlers: handlers, node: NodeID(settings.nodeID), logger: logger)
        self.jobs = jobs
        self.afterwork = Afterwork(
            jobs: store, memories: store, hasLanguageModel: !models.isLocal,
            nudge: {
                jobs.nudge()
                services.backfill.nudge()
            })
        self.gauges = KnowledgeGauges(
            store: store, indexes: ["passages": services.passageIndex, "messages": services.messageIndex])
    }

    /// How well can be searched.
    var status: KnowledgeStatus { self.services.status }

    /// Runs until the graceful shutdown: then jobs come to their end or are handed back, and the indexes are saved.
    func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await self.jobs.run() }
            group.addTask { try await self.services.run() }
            group.addTask { await self.gauges.run() }
            try await group.waitForAll()
        }
    }
}
