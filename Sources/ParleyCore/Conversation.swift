//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// A tree of messages that one user owns.
public struct Conversation: Hashable, Sendable {
    public var id: ConversationID
    public var ownerID: UserID
    public var title: String
    /// True while the title was made by Parley; a rename by the user makes it false for good.
    public var titleIsAutomatic: Bool
    public var systemPrompt: String?
    /// The model that new answers use, or `nil` for the installation's default.
    public var model: String?
    public var pinned: Bool
    public var archived: Bool
    /// A temporary conversation is not listed, not searched, and removed after `CoreLimits.temporaryConversationLife`.
    public var temporary: Bool
    public var createdAt: Timestamp
    /// The time of the last message or change; the list is ordered by it.
    public var updatedAt: Timestamp

    public init(
        id: ConversationID, ownerID: UserID, title: String, titleIsAutomatic: Bool = true,
        systemPrompt: String? = nil, model: String? = nil, pinned: Bool = false, archived: Bool = false,
        temporary: Bool = false, createdAt: Timestamp, updatedAt: Timestamp
    ) {
        self.id = id
        self.ownerID = ownerID
        self.title = title
        self.titleIsAutomatic = titleIsAutomatic
        self.systemPrompt = systemPrompt
        self.model = model
        self.pinned = pinned
        self.archived = archived
        self.temporary = temporary
        self.createdAt = createdAt
        self.updatedAt = updatedAt
    }
}

/// A change to a conversation; `nil` leaves a field as it is.
public struct ConversationPatch: Hashable, Sendable {
    public var title: String?
    /// `.some(nil)` removes the prompt.
    public var systemPrompt: String??
    /// `.some(nil)` returns to the default model.
    public var model: String??
    public var pinned: Bool?
    public var archived: Bool?

    public init(
        title: String? = nil, systemPrompt: String?? = nil, model: String?? = nil, pinned: Bool? = nil,
        archived: Bool? = nil
    ) {
        self.title = title
        self.systemPrompt = systemPrompt
        self.model = model
        self.pinned = pinned
        self.archived = archived
    }
}

/// One page of a list, with the cursor of the next page or `nil` at the end.
public struct Page<Element: Sendable>: Sendable {
    public var elements: [Element]
    public var next: String?

    public init(elements: [Element], next: String?) {
        self.elements = elements
        self.next = next
    }
}
