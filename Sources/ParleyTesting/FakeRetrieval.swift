//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
public import ParleyCore
import Synchronization

/// A knowledge base whose findings the test writes, and which notes what it was asked.
public final class FakeKnowledge: KnowledgeSearch {
    private let asked = Mutex<[KnowledgeQuery]>([])
    private let answer: @Sendable (KnowledgeQuery) async throws(KnowledgeError) -> KnowledgeResult

    public init(_ answer: @escaping @Sendable (KnowledgeQuery) async throws(KnowledgeError) -> KnowledgeResult) {
        self.answer = answer
    }

    public var queries: [KnowledgeQuery] { self.asked.withLock { $0 } }

    public func search(_ query: KnowledgeQuery) async throws(KnowledgeError) -> KnowledgeResult {
        self.asked.withLock { $0.append(query) }
        return try await self.answer(query)
    }
}

extension StoredPassage {
    /// A passage with these words in a document of its own.
    public static func fake(_ text: String, title: String = "Handbook", page: Int? = nil) -> StoredPassage {
        StoredPassage(
            number: 1, documentID: .generate(), collectionID: .generate(), documentTitle: title, ordinal: 0,
            headings: [], page: page, range: 0..<text.unicodeScalars.count, text: text)
    }
}

/// Older messages that the test writes.
public final class FakeRecall: MessageRecall {
    private let answer: @Sendable (String, UserID) async throws(KnowledgeError) -> [RecalledMessage]

    public init(_ answer: @escaping @Sendable (String, UserID) async throws(KnowledgeError) -> [RecalledMessage]) {
        self.answer = answer
    }

    public func recall(
        _ text: String, owner: UserID, excluding: ConversationID?, limit: Int
    ) async throws(KnowledgeError) -> [RecalledMessage] {
        try await self.answer(text, owner).filter { $0.message.conversationID != excluding }
    }
}
