//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation
import Logging
import ParleyCore
import ParleyKnowledge
import ParleyStore
import ServiceLifecycle

/// What makes and keeps the knowledge base of one node: the embedder, the indexes, the reading of documents, and the
/// vectors that are missing.
struct KnowledgeServices: KnowledgeCondition {
    /// `nil` where there is no embedding model.
    let embedder: (any Embedder)?
    /// Why there is no embedder and what to do, for people.
    let absence: String
    let passageIndex: KnowledgeIndex
    let messageIndex: KnowledgeIndex
    let backfill: Backfill
    /// Goes to the node's `JobRunner`.
    let ingestion: DocumentIngestion
    private let dataDir: String

    /// Builds them. Nothing runs yet.
    init(settings: Settings, store: SQLiteStore, embedders: EmbedderAccess, logger: Logger) {
        let embedder = embedders.embedder
        let absence = embedders.description
        self.embedder = embedder
        self.absence = absence
        self.dataDir = settings.dataDir
        // Programs that read documents run in another folder.
        let dataDir = URL(fileURLWithPath: settings.dataDir).path
        let folder = dataDir + "/index"
        let passageIndex = KnowledgeIndex.ofPassages(
            store, embedder: embedder, absence: absence, folder: folder, logger: logger)
        let messageIndex = KnowledgeIndex.ofMessages(
            store, embedder: embedder, absence: absence, folder: folder, logger: logger)
        let backfill = Backfill(
            passages: store, messages: store, embedder: embedder, passageIndex: passageIndex,
            messageIndex: messageIndex, logger: logger)
        self.passageIndex = passageIndex
        self.messageIndex = messageIndex
        self.backfill = backfill
        self.ingestion = DocumentIngestion(
            contents: store, passages: store, embedder: embedder, folder: dataDir + "/tmp",
            published: { hasVectors in
                passageIndex.nudge()
                if !hasVectors { backfill.nudge() }
            }, logger: logger)
    }

    /// How well passages can be searched now.
    var status: KnowledgeStatus {
        let status = self.passageIndex.status
        guard status == .ready, let passages = self.backfill.passagesEmbedded else { return status }
        return .embedding(passages: passages)
    }

    /// Keeps the indexes and adds missing vectors until the program shuts down, as far as that is this process's part.
    /// While it works, `parley ingest` leaves the reading of documents to it.
    func run(_ part: KnowledgeRooms.Part) async throws {
        let presence = part.works ? ServerPresence(dataDir: self.dataDir) : nil
        try await withThrowingTaskGroup(of: Void.self) { group in
            if part.searches {
                group.addTask { try await self.passageIndex.run() }
                group.addTask { try await self.messageIndex.run() }
            }
            if part.works { group.addTask { try await self.backfill.run() } }
            try await group.waitForAll()
        }
        withExtendedLifetime(presence) {}
    }
}
