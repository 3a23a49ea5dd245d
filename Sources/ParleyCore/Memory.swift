//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// A fact about a user that is kept over conversations. The user sees, edits and deletes it.
public struct Memory: Hashable, Sendable {
    public enum Origin: String, Sendable, Codable {
        /// Written by the user.
        case user
        /// Found by Parley in a conversation.
        case learned
    }

    public var id: MemoryID
    public var ownerID: UserID
    public var text: String
    public var origin: Origin
    /// Where it was learned, if the conversation still exists.
    public var conversationID: ConversationID?
    public var createdAt: Timestamp
    public var updatedAt: Timestamp

    public init(
        id: MemoryID, ownerID: UserID, text: String, origin: Origin, conversationID: ConversationID? = nil,
        createdAt: Timestamp, updatedAt: Timestamp
    ) {
        self.id = id
        self.ownerID = ownerID
        self.text = text
        self.origin = origin
        self.conversationID = conversationID
        self.createdAt = createdAt
        self.updatedAt = updatedAt
    }
}

/// What a user allows.
public struct MemorySettings: Hashable, Sendable, Codable {
    /// Facts are given to the model.
    public var usesMemories: Bool
    /// Parley looks for new facts in conversations.
    public var learnsMemories: Bool
    /// Older messages of the user's other conversations are found and given to the model.
    public var recallsMessages: Bool

    public init(usesMemories: Bool = true, learnsMemories: Bool = true, recallsMessages: Bool = true) {
        self.usesMemories = usesMemories
        self.learnsMemories = learnsMemories
        self.recallsMessages = recallsMessages
    }
}

/// The older part of one branch in few words.
public struct ConversationSummary: Hashable, Sendable {
    public var conversationID: ConversationID
    /// The last message that it covers; it holds for every branch through this message.
    public var messageID: MessageID
    public var text: String
    public var createdAt: Timestamp

    public init(conversationID: ConversationID, messageID: MessageID, text: String, createdAt: Timestamp) {
        self.conversationID = conversationID
        self.messageID = messageID
        self.text = text
        self.createdAt = createdAt
    }
}

/// The durable truth about memories and summaries. Nothing crosses users. Every implementation passes one contract
/// test suite.
public protocol MemoryStore: Sendable {
    /// Oldest first.
    func memories(of owner: UserID) async throws(StoreError) -> [Memory]

    /// - Throws: `.conflict` when the id is taken or there are `CoreLimits.memoriesPerUser`.
    func add(_ memory: Memory) async throws(StoreError)

    /// Replaces the text of a memory.
    ///
    /// - Returns: the memory as it now is.
    /// - Throws: `.notFound`, also when it was deleted a moment before.
    func changeMemory(
        _ id: MemoryID, owner: UserID, text: String, at time: Timestamp
    ) async throws(StoreError) -> Memory

    /// - Throws: `.notFound`.
    func deleteMemory(_ id: MemoryID, owner: UserID) async throws(StoreError)

    func deleteMemories(of owner: UserID) async throws(StoreError)

    /// Defaults when the user never set any.
    func memorySettings(of owner: UserID) async throws(StoreError) -> MemorySettings

    func save(_ settings: MemorySettings, owner: UserID) async throws(StoreError)

    /// The summary that covers most of the branch that leads to this message, or `nil`. The cost does not depend on the
    /// conversation's length beyond `CoreLimits.summarySearchDepth` messages.
    func summary(before message: MessageID, owner: UserID) async throws(StoreError) -> ConversationSummary?

    func save(_ summary: ConversationSummary, owner: UserID) async throws(StoreError)
}

/// Messages as an index of them sees it: finished ones of conversations that are neither temporary nor deleted.
public protocol MessageVectorStore: Sendable {
    /// Messages without a vector of the model, oldest first.
    func messagesWithoutVector(
        model: EmbeddingModel, limit: Int
    ) async throws(StoreError) -> [(number: Int64, text: String)]

    func saveMessageVectors(
        _ vectors: [(number: Int64, vector: [Float])], model: EmbeddingModel
    ) async throws(StoreError)

    /// Ordered by number; the partition is the owner's.
    func messageVectors(
        model: EmbeddingModel, after number: Int64, limit: Int
    ) async throws(StoreError) -> [StoredVector]

    /// The partition of a user's messages; `nil` when the user has none.
    func messagePartition(of owner: UserID) async throws(StoreError) -> Int64?

    /// Those of the messages that are the owner's, still there, and not in the excluded conversation.
    func messages(
        _ numbers: [Int64], owner: UserID, excluding: ConversationID?
    ) async throws(StoreError) -> [(number: Int64, message: Message, conversationTitle: String)]
}
