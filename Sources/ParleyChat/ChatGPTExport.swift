//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation
import ParleyCore

/// ChatGPT's `conversations.json`: an array of conversations, each a `mapping` from node id to node, where a node has
/// `parent`, `children` and a `message` with `author.role` and `content.parts`.
enum ChatGPTExport {
    private struct Record: Decodable {
        var title: String?
        var createTime: Double?
        var updateTime: Double?
        var mapping: [String: Node]

        private enum CodingKeys: String, CodingKey {
            case title, mapping
            case createTime = "create_time"
            case updateTime = "update_time"
        }
    }

    private struct Node: Decodable {
        var parent: String?
        var message: Body?
    }

    private struct Body: Decodable {
        struct Author: Decodable {
            var role: String
        }

        struct Content: Decodable {
            var parts: [Part]?
        }

        struct Metadata: Decodable {
            var model: String?
            var isHidden: Bool?

            private enum CodingKeys: String, CodingKey {
                case model = "model_slug"
                case isHidden = "is_visually_hidden_from_conversation"
            }
        }

        var author: Author
        var createTime: Double?
        var content: Content
        var metadata: Metadata?

        private enum CodingKeys: String, CodingKey {
            case author, content, metadata
            case createTime = "create_time"
        }
    }

    /// A part is a text, or an object (an image, say) that is left out.
    private enum Part: Decodable {
        case text(String)
        case other

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            self = (try? container.decode(String.self)).map { .text($0) } ?? .other
        }
    }

    static func read(_ data: Data, owner: UserID, now: Timestamp) throws(ChatError) -> [ConversationArchive.Entry] {
        let records: [Record]
        do {
            records = try JSONDecoder().decode([Record].self, from: data)
        } catch {
            throw .invalid("file", "is neither Parley's export nor ChatGPT's conversations.json")
        }
        var entries: [ConversationArchive.Entry] = []
        for record in records {
            let entry = try Self.entry(record, owner: owner, now: now)
            if !entry.messages.isEmpty {
                entries.append(entry)
            }
        }
        return entries
    }

    private static func time(_ seconds: Double?, or other: Timestamp) -> Timestamp {
        guard let seconds, seconds > 0, seconds < 1e11 else { return other }
        return Timestamp(milliseconds: Int64(seconds * 1000))
    }

    private static func entry(
        _ record: Record, owner: UserID, now: Timestamp
    ) throws(ChatError) -> ConversationArchive.Entry {
        let createdAt = Self.time(record.createTime, or: now)
        var tree = ImportedTree(owner: owner, title: record.title ?? "", createdAt: createdAt)
        tree.conversation.updatedAt = Self.time(record.updateTime, or: createdAt)
        let shown = record.mapping.compactMapValues { Self.text(of: $0) }
        let order = shown.keys.sorted {
            (record.mapping[$0]?.message?.createTime ?? 0, $0) < (record.mapping[$1]?.message?.createTime ?? 0, $1)
        }
        for key in order {
            guard let body = record.mapping[key]?.message, let text = shown[key] else { continue }
            let isUser = body.author.role == "user"
            let message = Message(
                id: .generate(), conversationID: tree.conversation.id, parentID: nil,
                role: isUser ? .user : .assistant, content: text, model: isUser ? nil : body.metadata?.model,
                createdAt: Self.time(body.createTime, or: createdAt))
            tree.add(message, key: key, parentKey: Self.shownAncestor(of: key, in: record.mapping, shown: shown))
        }
        return try tree.entry()
    }

    /// The text of a node that a reader sees; `nil` for system, tool, hidden and empty ones.
    private static func text(of node: Node) -> String? {
        guard let body = node.message, ["user", "assistant"].contains(body.author.role),
            body.metadata?.isHidden != true
        else { return nil }
        let parts = (body.content.parts ?? []).compactMap { part in
            if case .text(let text) = part, !text.isEmpty { text } else { nil }
        }
        return parts.isEmpty ? nil : parts.joined(separator: "\n\n")
    }

    /// The nearest node above that is shown.
    private static func shownAncestor(
        of key: String, in mapping: [String: Node], shown: [String: String]
    ) -> String? {
        var current = mapping[key]?.parent
        // A file made by hand could go in a circle: no more steps than there are nodes.
        for _ in 0..<mapping.count {
            guard let candidate = current else { return nil }
            if shown[candidate] != nil { return candidate }
            current = mapping[candidate]?.parent
        }
        return nil
    }
}
