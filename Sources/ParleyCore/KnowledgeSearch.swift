//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// What is looked for in the knowledge base, by whom and where.
public struct KnowledgeQuery: Hashable, Sendable {
    public var text: String
    public var userID: UserID
    /// `nil` looks in all collections that the user may read.
    public var collections: [CollectionID]?
    public var limit: Int

    public init(text: String, userID: UserID, collections: [CollectionID]? = nil, limit: Int) {
        self.text = text
        self.userID = userID
        self.collections = collections
        self.limit = limit
    }
}

/// What was found.
public struct KnowledgeResult: Hashable, Sendable {
    public struct Hit: Hashable, Sendable {
        public var passage: StoredPassage
        /// From 0 to 1; comparable only within one result.
        public var score: Double

        public init(passage: StoredPassage, score: Double) {
            self.passage = passage
            self.score = score
        }
    }

    /// Best first; only what is relevant.
    public var hits: [Hit]
    /// Documents in the searched collections that could not be searched yet, for people: pending, indexing or failed.
    public var unready: [Document]
    /// False when only words were compared: no embedder, or its index is not ready.
    public var usedVectors: Bool

    public init(hits: [Hit], unready: [Document] = [], usedVectors: Bool) {
        self.hits = hits
        self.unready = unready
        self.usedVectors = usedVectors
    }
}

/// Finds passages of the user's documents.
public protocol KnowledgeSearch: Sendable {
    /// - Throws: `KnowledgeError`: `.notFound` for a collection that the user may not read.
    func search(_ query: KnowledgeQuery) async throws(KnowledgeError) -> KnowledgeResult
}

/// Finds older messages of a user by their meaning.
public protocol MessageRecall: Sendable {
    /// Best first, only relevant ones of other conversations; none when there is no embedder.
    func recall(
        _ text: String, owner: UserID, excluding: ConversationID?, limit: Int
    ) async throws(KnowledgeError) -> [RecalledMessage]
}

/// An older message that bears on a question.
public struct RecalledMessage: Hashable, Sendable {
    public var message: Message
    public var conversationTitle: String
    /// Cosine of the angle between question and message.
    public var score: Double

    public init(message: Message, conversationTitle: String, score: Double) {
        self.message = message
        self.conversationTitle = conversationTitle
        self.score = score
    }
}

/// Why the knowledge base did not do what was asked.
public struct KnowledgeError: Error, Sendable, CustomStringConvertible {
    public enum Code: String, Sendable {
        case notFound
        case invalid
        /// The store, the embedder or the index cannot be used now.
        case unavailable
        /// The document cannot be read; asking again does not help.
        case unreadable
        case `internal`
    }

    public var code: Code
    /// For people.
    public var message: String
    /// For the log.
    public var cause: (any Error)?

    public init(_ code: Code, _ message: String, cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.cause = cause
    }

    public var description: String {
        self.cause.map { "\(self.code.rawValue): \(self.message) (\($0))" } ?? "\(self.code.rawValue): \(self.message)"
    }
}
