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
    /// What a process does of it.
    struct Part: Sendable {
        /// Whether it keeps the indexes by which is searched.
        var searches = true
        /// Whether it does background work; if not, it only tells others of it.
        var works = true
    }

    let services: KnowledgeServices
    let search: any KnowledgeSearch
    let recall: any MessageRecall
    let jobs: JobRunner
    let afterwork: Afterwork
    private let gauges: KnowledgeGauges
    private let part: Part

    /// - Parameters:
    ///   - queue: the ids of jobs.
    ///   - window: the budget by which a conversation outgrows its model.
    init(
        settings: Settings, store: SQLiteStore, queue: any JobQueue, models: ModelAccess, embedders: EmbedderAccess,
        window: ContextWindow, part: Part, logger: Logger
    ) {
        self.part = part
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
        self.jobs = JobRunner(
            store: store, queue: queue, handlers: part.works ? handlers : [], node: NodeID(settings.nodeID),
            logger: logger)
        self.afterwork = Afterwork(
            jobs: store, memories: store, hasLanguageModel: !models.isLocal, nudge: { services.backfill.nudge() })
        self.gauges = KnowledgeGauges(
            store: store, indexes: ["passages": services.passageIndex, "messages": services.messageIndex])
    }

    /// How well can be searched.
    var status: KnowledgeStatus { self.services.status }

    /// Runs until the graceful shutdown: then jobs come to their end or are handed back, and the indexes are saved.
    func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await self.jobs.run() }
            group.addTask { try await self.services.run(self.part) }
            group.addTask { await self.gauges.run() }
            try await group.waitForAll()
        }
    }
}
