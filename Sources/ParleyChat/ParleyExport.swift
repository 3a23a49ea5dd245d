//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
public import Foundation
import ParleyCore

/// Parley's own export: `{"format":"parley","version":1,"conversations":[{…,"messages":[…]}]}`.
public enum ParleyExport {
    public static let version = 1

    struct File: Codable {
        var format: String
        var version: Int
        var conversations: [ConversationRecord]
    }

    struct ConversationRecord: Codable {
        var id: ConversationID?
        var title: String
        var systemPrompt: String?
        var model: String?
        var pinned: Bool?
        var archived: Bool?
        var createdAt: Timestamp
        var updatedAt: Timestamp
        var messages: [MessageRecord]
    }

    struct MessageRecord: Codable {
        var id: MessageID
        var parentID: MessageID?
        var role: Message.Role
        var content: String
        var state: Message.State?
        var model: String?
        var createdAt: Timestamp
        var sources: [Citation]?
    }

    /// The file's bytes, with sorted keys so that two exports of one state are the same.
    public static func write(_ archive: ConversationArchive) throws -> Data {
        let conversations = archive.entries.map { entry in
            ConversationRecord(
                id: entry.conversation.id, title: entry.conversation.title,
                systemPrompt: entry.conversation.systemPrompt, model: entry.conversation.model,
                pinned: entry.conversation.pinned, archived: entry.conversation.archived,
                createdAt: entry.conversation.createdAt, updatedAt: entry.conversation.updatedAt,
                messages: entry.messages.map(Self.record))
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        return try encoder.encode(File(format: "parley", version: Self.version, conversations: conversations))
    }

    private static func record(_ message: Message) -> MessageRecord {
        MessageRecord(
            id: message.id, parentID: message.parentID, role: message.role, content: message.content,
            state: message.state, model: message.model, createdAt: message.createdAt,
            sources: message.sources.isEmpty ? nil : message.sources)
    }

    static func read(_ data: Data, owner: UserID, now: Timestamp) throws(ChatError) -> [ConversationArchive.Entry] {
        let file: File
        do {
            file = try JSONDecoder().decode(File.self, from: data)
        } catch {
            throw .invalid("file", "is neither Parley's export nor ChatGPT's conversations.json")
        }
        guard file.format == "parley", file.version <= Self.version else {
            throw .invalid("file", "has format version \(file.version); this Parley reads up to \(Self.version)")
        }
        var entries: [ConversationArchive.Entry] = []
        for record in file.conversations {
            entries.append(try Self.entry(record, owner: owner, now: now))
        }
        return entries
    }

    private static func entry(
        _ record: ConversationRecord, owner: UserID, now: Timestamp
    ) throws(ChatError) -> ConversationArchive.Entry {
        var tree = ImportedTree(owner: owner, title: record.title, createdAt: record.createdAt)
        tree.conversation.updatedAt = record.updatedAt
        tree.conversation.systemPrompt = record.systemPrompt
        tree.conversation.model = record.model
        tree.conversation.pinned = record.pinned ?? false
        tree.conversation.archived = record.archived ?? false
        for message in record.messages {
            let state = message.state == .pending ? .stopped : message.state ?? .completed
            let new = Message(
                id: message.id, conversationID: tree.conversation.id, parentID: message.parentID,
                role: message.role, content: message.content, state: state, model: message.model,
                createdAt: message.createdAt, sources: message.sources ?? [])
            tree.add(new, key: message.id.description, parentKey: message.parentID?.description)
        }
        return try tree.entry()
    }
}
