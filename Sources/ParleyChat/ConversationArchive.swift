//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
public import Foundation
public import ParleyCore

/// Conversations as a file: Parley's own format out and in, ChatGPT's `conversations.json` in, Markdown out.
public struct ConversationArchive: Sendable {
    /// One conversation with all its messages, parents before children.
    public struct Entry: Sendable {
        public var conversation: Conversation
        public var messages: [Message]

        public init(conversation: Conversation, messages: [Message]) {
            self.conversation = conversation
            self.messages = messages
        }
    }

    public var entries: [Entry]

    public init(entries: [Entry]) {
        self.entries = entries
    }

    /// Reads either format. All ids are made anew, so that an import never touches what is there.
    ///
    /// - Throws: `ChatError.invalid("file", …)` with what is wrong.
    public init(reading data: Data, owner: UserID, now: Timestamp) throws(ChatError) {
        let first = data.first { !Self.whitespace.contains($0) }
        if first == UInt8(ascii: "[") {
            self.entries = try ChatGPTExport.read(data, owner: owner, now: now)
        } else {
            self.entries = try ParleyExport.read(data, owner: owner, now: now)
        }
        guard self.entries.allSatisfy({ $0.messages.count <= CoreLimits.importedMessages }) else {
            throw .invalid("file", "a conversation has more than \(CoreLimits.importedMessages) messages")
        }
    }

    private static let whitespace: Set<UInt8> = [0x20, 0x09, 0x0A, 0x0D, 0xEF, 0xBB, 0xBF]

    /// The first conversation's branch as Markdown.
    public static func markdown(_ conversation: Conversation, branch: [Message]) -> String {
        var text = "# \(conversation.title)\n"
        if let prompt = conversation.systemPrompt, !prompt.isEmpty {
            text += "\n> **System prompt:** " + prompt.replacing("\n", with: "\n> ") + "\n"
        }
        for message in branch {
            let name = message.role == .user ? "You" : message.model.map { "Assistant (\($0))" } ?? "Assistant"
            text += "\n## \(name)\n\n\(message.content)\n"
            text += Self.sources(of: message)
        }
        return text
    }

    /// The sources that the message's text cites, as a list below it.
    private static func sources(of message: Message) -> String {
        guard !message.sources.isEmpty else { return "" }
        var text = ""
        for number in Citations.used(in: message.content).sorted() {
            guard let source = message.sources.first(where: { $0.n == number }) else { continue }
            let title = source.title.split(whereSeparator: \.isNewline).joined(separator: " ")
            text += "\n[\(source.n)] \(title)" + (source.page.map { ", page \($0)" } ?? "") + "\n"
        }
        return text
    }
}
