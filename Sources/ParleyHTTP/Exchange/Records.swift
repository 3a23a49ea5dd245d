//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCore

// The shapes of DESIGN section 5, as they go over the wire. Absent values are written as `null`.

struct UserRecord: Encodable {
    var id: UserID
    var name: String
    var email: String?
    var role: User.Role

    init(_ user: User) {
        self.id = user.id
        self.name = user.name
        self.email = user.email
        self.role = user.role
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(self.id, forKey: .id)
        try container.encode(self.name, forKey: .name)
        try container.encode(self.email, forKey: .email)
        try container.encode(self.role, forKey: .role)
    }

    enum CodingKeys: CodingKey {
        case id, name, email, role
    }
}

struct ConversationRecord: Encodable {
    var conversation: Conversation

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(self.conversation.id, forKey: .id)
        try container.encode(self.conversation.title, forKey: .title)
        try container.encode(self.conversation.titleIsAutomatic, forKey: .titleIsAutomatic)
        try container.encode(self.conversation.systemPrompt, forKey: .systemPrompt)
        try container.encode(self.conversation.model, forKey: .model)
        try container.encode(self.conversation.pinned, forKey: .pinned)
        try container.encode(self.conversation.archived, forKey: .archived)
        try container.encode(self.conversation.temporary, forKey: .temporary)
        try container.encode(self.conversation.createdAt, forKey: .createdAt)
        try container.encode(self.conversation.updatedAt, forKey: .updatedAt)
    }

    enum CodingKeys: CodingKey {
        case id, title, titleIsAutomatic, systemPrompt, model, pinned, archived, temporary, createdAt, updatedAt
    }
}

struct MessageRecord: Encodable {
    var message: Message
    /// Only in the branch form.
    var siblings: [MessageID]?

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(self.message.id, forKey: .id)
        try container.encode(self.message.conversationID, forKey: .conversationID)
        try container.encode(self.message.parentID, forKey: .parentID)
        try container.encode(self.message.role, forKey: .role)
        try container.encode(self.message.content, forKey: .content)
        try container.encode(self.message.state, forKey: .state)
        try container.encode(self.message.model, forKey: .model)
        try container.encode(self.message.createdAt, forKey: .createdAt)
        try container.encode(self.message.sources, forKey: .sources)
        try container.encode(self.message.turnID, forKey: .turnID)
        try container.encodeIfPresent(self.siblings, forKey: .siblings)
    }

    enum CodingKeys: CodingKey {
        case id, conversationID, parentID, role, content, state, model, createdAt, sources, turnID, siblings
    }
}

struct TurnRecord: Encodable {
    var turn: Turn

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(self.turn.id, forKey: .id)
        try container.encode(self.turn.conversationID, forKey: .conversationID)
        try container.encode(self.turn.userMessageID, forKey: .userMessageID)
        try container.encode(self.turn.assistantMessageID, forKey: .assistantMessageID)
        try container.encode(self.turn.state, forKey: .state)
        try container.encode(self.turn.epoch, forKey: .epoch)
        try container.encode(self.turn.text, forKey: .text)
        var failure: TurnFailure?
        if case .failed(let reason) = self.turn.finish { failure = reason }
        try container.encode(failure, forKey: .failure)
    }

    enum CodingKeys: CodingKey {
        case id, conversationID, userMessageID, assistantMessageID, state, epoch, text, failure
    }
}

struct TurnReply: Encodable {
    var turn: TurnRecord
}

/// A page of a list under the list's own name, with the cursor of the next page.
struct ListReply<Element: Encodable>: Encodable {
    private struct Key: CodingKey {
        var stringValue: String
        var intValue: Int? { nil }

        init(stringValue: String) {
            self.stringValue = stringValue
        }

        init?(intValue: Int) { nil }
    }

    var name: String
    var elements: [Element]
    var next: String?

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(self.elements, forKey: Key(stringValue: self.name))
        try container.encode(self.next, forKey: Key(stringValue: "next"))
    }
}
