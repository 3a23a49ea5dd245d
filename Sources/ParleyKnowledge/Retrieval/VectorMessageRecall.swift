//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
public import ParleyCore

/// Finds older messages of a user by their meaning, in an index whose partitions are owners.
public struct VectorMessageRecall: MessageRecall {
    /// Nearest messages that are looked at for each one that is given: some are of the excluded conversation.
    private static let candidatesPerMessage = 4

    private let messages: any MessageVectorStore
    private let queries: QueryVectors?
    private let index: (any PassageIndex)?
    private let clock: any Clock<Duration>

    /// - Parameters:
    ///   - embedder: `nil` recalls nothing.
    ///   - index: of messages' vectors by the embedder's model; `nil` recalls nothing.
    ///   - clock: of the deadlines.
    public init(
        messages: any MessageVectorStore, embedder: (any Embedder)?, index: (any PassageIndex)?,
        clock: any Clock<Duration> = ContinuousClock()
    ) {
        self.messages = messages
        self.queries = embedder.map { QueryVectors($0, clock: clock) }
        self.index = index
        self.clock = clock
    }

    /// A text that is too long is cut, see ``SearchText``; at most `KnowledgeLimits.recalledMessages` are given, each
    /// content once.
    ///
    /// - Throws: `.unavailable` when the embedder, the index or the rows cannot be used now.
    public func recall(
        _ text: String, owner: UserID, excluding: ConversationID?, limit: Int
    ) async throws(KnowledgeError) -> [RecalledMessage] {
        let limit = min(limit, KnowledgeLimits.recalledMessages)
        guard let queries = self.queries, let index = self.index, limit > 0, let text = SearchText(text),
            await index.isReady
        else { return [] }
        do {
            return try await within(KnowledgeLimits.searchLaneDeadline, by: self.clock) {
                guard let partition = try await self.messages.messagePartition(of: owner) else { return [] }
                let query = try await queries.query(text)
                for candidates in Self.candidates(for: limit) {
                    let near = try await index.nearest(query.vector, partitions: [partition], limit: candidates)
                    let close = near.filter {
                        query.scale.closeness(ofCosine: $0.score) >= RelevanceFloor.sufficient
                    }
                    let found = try await self.messages(close, owner: owner, excluding: excluding, limit: limit)
                    // All close ones were seen, or there are enough.
                    guard found.count < limit, close.count == candidates else { return found }
                    if candidates == KnowledgeLimits.recallCandidates { return found }
                }
                return []
            }
        } catch {
            throw KnowledgeError(.unavailable, "Older messages cannot be searched at the moment.", cause: error)
        }
    }

    /// The conversation that is excluded may be what is nearest, at any length.
    private static func candidates(for limit: Int) -> [Int] {
        [min(limit * self.candidatesPerMessage, KnowledgeLimits.recallCandidates), KnowledgeLimits.recallCandidates]
    }

    /// As the rows are now, in the order of what was found.
    private func messages(
        _ found: [ScoredNumber], owner: UserID, excluding: ConversationID?, limit: Int
    ) async throws -> [RecalledMessage] {
        guard !found.isEmpty else { return [] }
        let rows = try await self.messages.messages(found.map(\.number), owner: owner, excluding: excluding)
        let messages = Dictionary(rows.map { ($0.number, $0) }, uniquingKeysWith: { first, _ in first })
        var (recalled, contents): ([RecalledMessage], Set<String>) = ([], [])
        for candidate in found where recalled.count < limit {
            guard let row = messages[candidate.number], row.message.conversationID != excluding,
                contents.insert(row.message.content).inserted
            else { continue }
            recalled.append(
                RecalledMessage(
                    message: row.message, conversationTitle: row.conversationTitle, score: candidate.score))
        }
        return recalled
    }
}
