//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Logging
import Metrics
import ParleyCore

/// Gathers the material of a prompt from all sources at once, each under its deadline: what comes late is done without.
struct ContextAssembler: Sendable {
    let window: ContextWindow
    let sources: ContextSources
    let calibration: TokenCalibration
    let lane: RetrievalLane

    /// - Parameters:
    ///   - branch: the messages up to and including the user's, oldest first.
    ///   - kept: the passages of an earlier attempt; then nothing is looked for.
    func assemble(
        turn: Turn, conversation: Conversation, branch: [Message], kept: [Citation], logger: Logger
    ) async -> ContextPlan {
        let query = RetrievalQuery(branch: branch)
        let start = ContinuousClock.now
        // A temporary conversation neither uses nor leaves anything that outlives it.
        let memories = conversation.temporary ? nil : self.sources.memories
        async let settings = self.settings(of: turn.ownerID, from: memories, logger)
        async let summary = self.summary(before: turn.userMessageID, owner: turn.ownerID, logger)
        async let found = kept.isEmpty ? self.passages(for: query, turn: turn, logger) : Found()
        async let recalled = self.recalled(
            for: query, turn: turn, isAllowed: !conversation.temporary, logger)
        var material = ContextMaterial(systemPrompt: conversation.systemPrompt, branch: branch)
        let allowed = await settings
        if allowed.usesMemories { material.memories = await self.facts(of: turn.ownerID, from: memories, logger) }
        material.summary = await summary
        let passages = await found
        material.passages = kept.isEmpty ? passages.citations : kept
        material.passagesAreKept = !kept.isEmpty
        material.unready = passages.unready
        let messages = await recalled
        if allowed.recallsMessages { material.recalled = messages }
        let plan = self.window.plan(
            material, estimate: self.calibration.estimate(for: turn.model ?? conversation.model))
        if plan.cutsSystemPrompt {
            logger.notice("system prompt cut: it takes more than half of the context")
        }
        Metrics.Timer(label: "parley_context_duration").record(duration: ContinuousClock.now - start)
        return plan
    }

    // MARK: Sources

    private struct Found: Sendable {
        var citations: [Citation] = []
        var unready: [String] = []
    }

    private func passages(for query: RetrievalQuery, turn: Turn, _ logger: Logger) async -> Found {
        guard let knowledge = self.sources.knowledge, let text = query.text, turn.collections?.isEmpty != true else {
            return Found()
        }
        let asked = KnowledgeQuery(
            text: text, userID: turn.ownerID, collections: turn.collections, limit: ChatLimits.contextPassages)
        let result = await self.ask("knowledge", within: ChatLimits.knowledgePatience, logger) {
            let result = try await knowledge.search(asked)
            guard result.hits.isEmpty, let widened = query.widened else { return result }
            var wider = asked
            wider.text = widened
            return try await knowledge.search(wider)
        }
        guard let result else { return Found() }
        let citations = result.hits.prefix(ChatLimits.contextPassages).enumerated().map { index, hit in
            Citation(
                n: index + 1, documentID: hit.passage.documentID.description, title: hit.passage.title,
                page: hit.passage.page, text: hit.passage.text, score: hit.score)
        }
        return Found(citations: citations, unready: UnreadyNote.notes(result.unready))
    }

    private func recalled(
        for query: RetrievalQuery, turn: Turn, isAllowed: Bool, _ logger: Logger
    ) async -> [RecalledMessage] {
        guard isAllowed, let recall = self.sources.recall, let text = query.text else { return [] }
        let found = await self.ask("recall", within: ChatLimits.recallPatience, logger) {
            try await recall.recall(
                text, owner: turn.ownerID, excluding: turn.conversationID, limit: ChatLimits.recalledMessages)
        }
        return found ?? []
    }

    private func settings(
        of owner: UserID, from store: (any MemoryStore)?, _ logger: Logger
    ) async -> MemorySettings {
        // Without an answer nothing is taken that the user may have forbidden.
        let nothing = MemorySettings(usesMemories: false, learnsMemories: false, recallsMessages: false)
        guard let store else { return self.sources.memories == nil ? MemorySettings() : nothing }
        return await self.ask("settings", within: ChatLimits.memoryPatience, logger) {
            try await store.memorySettings(of: owner)
        } ?? nothing
    }

    private func facts(of owner: UserID, from store: (any MemoryStore)?, _ logger: Logger) async -> [String] {
        guard let store else { return [] }
        let memories = await self.ask("memories", within: ChatLimits.memoryPatience, logger) {
            try await store.memories(of: owner)
        }
        return memories?.map(\.text) ?? []
    }

    private func summary(before message: MessageID, owner: UserID, _ logger: Logger) async -> ConversationSummary? {
        guard let store = self.sources.memories else { return nil }
        return await self.ask("summary", within: ChatLimits.memoryPatience, logger) {
            try await store.summary(before: message, owner: owner)
        } ?? nil
    }

    private func ask<Value: Sendable>(
        _ source: String, within patience: Duration, _ logger: Logger,
        _ body: @escaping @Sendable () async throws -> Value
    ) async -> Value? {
        switch await self.lane.ask(within: patience, body) {
        case .success(let value): return value
        case .failure(let miss):
            guard !Task.isCancelled else { return nil }
            var metadata: Logger.Metadata = ["source": "\(source)", "reason": "\(miss.name)"]
            if case .failed(let error) = miss { metadata["error"] = "\(error)" }
            logger.warning("answering without a source", metadata: metadata)
            Counter(label: "parley_context_misses", dimensions: [("source", source), ("reason", miss.name)]).increment()
            return nil
        }
    }
}

/// What is said of documents that could not be searched yet.
enum UnreadyNote {
    static func notes(_ documents: [Document]) -> [String] {
        documents.prefix(ChatLimits.unreadyDocuments).map { document in
            let name = document.title.isEmpty ? document.name : document.title
            switch document.state {
            case .pending: return "“\(name)” waits to be read."
            case .indexing:
                return "“\(name)” is still being read (\(Int((document.progress * 100).rounded(.down))) %)."
            case .failed: return "“\(name)” could not be read: \(document.failure ?? "no reason is known.")"
            case .ready: return "“\(name)” has just become ready; ask again."
            }
        }
    }
}
