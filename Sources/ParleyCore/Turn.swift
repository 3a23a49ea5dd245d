//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// One answer being made.
public struct Turn: Hashable, Sendable {
    /// `queued → running → completed | stopped | failed`; the last three are final.
    public enum State: String, Sendable, Codable {
        case queued
        case running
        case completed
        case stopped
        case failed

        public var isFinal: Bool {
            self == .completed || self == .stopped || self == .failed
        }
    }

    public var id: TurnID
    public var conversationID: ConversationID
    public var ownerID: UserID
    public var userMessageID: MessageID
    public var assistantMessageID: MessageID
    public var state: State
    /// The epoch of the latest lease; 0 before the first.
    public var epoch: Int
    /// How many attempts were begun.
    public var attempts: Int
    /// The model that was asked for, or `nil` for the default.
    public var model: String?
    /// The collections that passages are looked for in; `nil` takes all that the user may read, an empty list none.
    public var collections: [CollectionID]?
    /// The text so far: the last snapshot, or the whole answer in a final state.
    public var text: String
    /// The sequence within ``epoch`` that ``text`` covers. In a final state it is the terminal event's own.
    public var sequence: Int
    /// A stop was asked for; whoever owns the turn, or takes it over, ends it as stopped.
    public var stopRequested: Bool
    public var finish: TurnFinish?
    public var createdAt: Timestamp

    public init(
        id: TurnID, conversationID: ConversationID, ownerID: UserID, userMessageID: MessageID,
        assistantMessageID: MessageID, state: State = .queued, epoch: Int = 0, attempts: Int = 0,
        model: String? = nil, collections: [CollectionID]? = nil, text: String = "", sequence: Int = 0,
        stopRequested: Bool = false,
        finish: TurnFinish? = nil, createdAt: Timestamp
    ) {
        self.id = id
        self.conversationID = conversationID
        self.ownerID = ownerID
        self.userMessageID = userMessageID
        self.assistantMessageID = assistantMessageID
        self.state = state
        self.epoch = epoch
        self.attempts = attempts
        self.model = model
        self.collections = collections
        self.text = text
        self.sequence = sequence
        self.stopRequested = stopRequested
        self.finish = finish
        self.createdAt = createdAt
    }
}

/// Why an answer ended, as the model server says it.
public enum FinishReason: Hashable, Sendable {
    case stop
    case length
    case contentFilter
    case toolCalls
    case other(String)

    public init(_ name: String) {
        switch name {
        case "stop": self = .stop
        case "length": self = .length
        case "content_filter": self = .contentFilter
        case "tool_calls": self = .toolCalls
        default: self = .other(name)
        }
    }

    public var name: String {
        switch self {
        case .stop: "stop"
        case .length: "length"
        case .contentFilter: "content_filter"
        case .toolCalls: "tool_calls"
        case .other(let name): name
        }
    }
}

/// Tokens as the model server counted them.
public struct TokenUsage: Hashable, Sendable, Codable {
    public var promptTokens: Int
    public var completionTokens: Int

    public init(promptTokens: Int, completionTokens: Int) {
        self.promptTokens = promptTokens
        self.completionTokens = completionTokens
    }
}

/// A failure as the reader sees it.
public struct TurnFailure: Hashable, Sendable, Codable {
    /// A stable word such as `model_unreachable`.
    public var code: String
    /// What happened and what to do, for people. Never a secret.
    public var message: String
    /// Whether asking again may help.
    public var retryable: Bool

    public init(code: String, message: String, retryable: Bool) {
        self.code = code
        self.message = message
        self.retryable = retryable
    }
}

/// How a turn ended.
public enum TurnFinish: Hashable, Sendable {
    case completed(reason: FinishReason, usage: TokenUsage?)
    case stopped
    case failed(TurnFailure)

    public var state: Turn.State {
        switch self {
        case .completed: .completed
        case .stopped: .stopped
        case .failed: .failed
        }
    }
}
