//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// One message of a conversation's tree.
public struct Message: Hashable, Sendable {
    public enum Role: String, Sendable, Codable {
        case system
        case user
        case assistant
    }

    /// How far the content has come. A user's message is always `completed`.
    public enum State: String, Sendable, Codable {
        case pending
        case completed
        case stopped
        case failed
    }

    public var id: MessageID
    public var conversationID: ConversationID
    /// `nil` for a first message. Two messages with one parent are siblings: an edit or a regeneration.
    public var parentID: MessageID?
    public var role: Role
    public var content: String
    public var state: State
    /// The model that wrote an assistant's message.
    public var model: String?
    public var createdAt: Timestamp
    public var sources: [Citation]
    /// The turn that makes or made an assistant's message.
    public var turnID: TurnID?

    public init(
        id: MessageID, conversationID: ConversationID, parentID: MessageID?, role: Role, content: String,
        state: State = .completed, model: String? = nil, createdAt: Timestamp, sources: [Citation] = [],
        turnID: TurnID? = nil
    ) {
        self.id = id
        self.conversationID = conversationID
        self.parentID = parentID
        self.role = role
        self.content = content
        self.state = state
        self.model = model
        self.createdAt = createdAt
        self.sources = sources
        self.turnID = turnID
    }
}

/// A message on one branch, with the ids of all messages that share its parent (itself included), oldest first.
public struct BranchMessage: Hashable, Sendable {
    public var message: Message
    public var siblings: [MessageID]

    public init(message: Message, siblings: [MessageID]) {
        self.message = message
        self.siblings = siblings
    }
}

/// A passage that an answer rests on, as the reader sees it.
public struct Citation: Hashable, Sendable, Codable {
    /// The number by which the text refers to it: `[1]`.
    public var n: Int
    public var documentID: String
    public var title: String
    public var page: Int?
    public var text: String
    /// Higher is better; comparable only within one answer.
    public var score: Double

    public init(n: Int, documentID: String, title: String, page: Int? = nil, text: String, score: Double) {
        self.n = n
        self.documentID = documentID
        self.title = title
        self.page = page
        self.text = text
        self.score = score
    }
}

/// A message found by full-text search.
public struct SearchHit: Hashable, Sendable {
    public var conversationID: ConversationID
    public var conversationTitle: String
    /// `nil` when the title matched.
    public var messageID: MessageID?
    /// The words around the match, with the matching ones between U+E000 and U+E001.
    public var snippet: String
    public var createdAt: Timestamp

    public init(
        conversationID: ConversationID, conversationTitle: String, messageID: MessageID?, snippet: String,
        createdAt: Timestamp
    ) {
        self.conversationID = conversationID
        self.conversationTitle = conversationTitle
        self.messageID = messageID
        self.snippet = snippet
        self.createdAt = createdAt
    }
}
