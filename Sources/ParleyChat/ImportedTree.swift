//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCore

/// Gathers the messages of one imported conversation and gives them new ids, parents before children.
struct ImportedTree {
    var conversation: Conversation
    private var messages: [(message: Message, key: String, parentKey: String?)] = []

    init(owner: UserID, title: String, createdAt: Timestamp) {
        let cut = String(title.filter { !$0.isNewline }.prefix(CoreLimits.titleScalars / 2))
        self.conversation = Conversation(
            id: .generate(), ownerID: owner, title: cut.isEmpty ? "Imported conversation" : cut,
            titleIsAutomatic: false, createdAt: createdAt, updatedAt: createdAt)
    }

    mutating func add(_ message: Message, key: String, parentKey: String?) {
        self.messages.append((message, key, parentKey))
    }

    /// - Throws: `.invalid` when a message is too long or its parents go in a circle.
    func entry() throws(ChatError) -> ConversationArchive.Entry {
        var ids: [String: MessageID] = [:]
        var ordered: [Message] = []
        let known = Set(self.messages.map(\.key))
        guard known.count == self.messages.count else { throw .invalid("file", "has two messages with one id") }
        var children: [String: [Int]] = [:]
        var queue: [Int] = []
        for (index, entry) in self.messages.enumerated() {
            if let parent = entry.parentKey, known.contains(parent) {
                children[parent, default: []].append(index)
            } else {
                queue.append(index)
            }
        }
        var next = 0
        while next < queue.count {
            let entry = self.messages[queue[next]]
            next += 1
            var message = entry.message
            guard message.content.utf8.count <= CoreLimits.answerBytes, !message.content.utf8.contains(0) else {
                throw .invalid("file", "has a message that is too long or contains NUL")
            }
            message.id = .generate(at: message.createdAt)
            message.parentID = entry.parentKey.flatMap { ids[$0] }
            message.turnID = nil
            ids[entry.key] = message.id
            ordered.append(message)
            queue.append(contentsOf: children[entry.key] ?? [])
        }
        guard ordered.count == self.messages.count else {
            throw .invalid("file", "has messages whose parents go in a circle")
        }
        return ConversationArchive.Entry(conversation: self.conversation, messages: ordered)
    }
}
