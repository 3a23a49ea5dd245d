//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation
import Logging
import ParleyChat
import ParleyCore
import ParleyStore
import ServiceLifecycle

/// The background work of a chat without its page: the same rooms as a ``ChatNode`` but for the server and the engine
/// of answers.
struct WorkerNode: Service {
    private let settings: Settings
    private let store: SQLiteStore
    private let shared: SharedState
    private let models: ModelAccess
    private let embedders: EmbedderAccess
    private let knowledge: KnowledgeRooms

    /// What must run before it does and until it has ended, in this order.
    var services: [any Service] { self.shared.services }

    /// Opens the store and builds the rooms. Nothing runs yet.
    ///
    /// - Throws: `StoreError` when the data folder cannot be used.
    init(settings: Settings, logger: Logger) async throws {
        self.settings = settings
        self.store = try SQLiteStore(path: settings.databasePath)
        self.shared = try SharedState(settings: settings, store: self.store, logger: logger)
        self.models = try ModelAccess(settings: settings, logger: logger)
        self.embedders = try EmbedderAccess(settings: settings, logger: logger)
        self.knowledge = KnowledgeRooms(
            settings: settings, store: self.store, queue: self.shared.jobs, models: self.models,
            embedders: self.embedders, window: ContextWindow(budgetTokens: settings.contextTokens),
            part: .init(searches: false), logger: logger)
    }

    /// Works until it is told to stop; then jobs come to their end or are handed back.
    func run() async throws {
        try await self.shared.waitUntilReady()
        print("Parley works on the jobs of \(self.settings.dataDir)")
        // A pipe would keep this line until it is full.
        fflush(nil)
        try await self.knowledge.run()
        await self.embedders.shutdown()
        await self.models.shutdown()
        try? await self.store.close()
    }
}
