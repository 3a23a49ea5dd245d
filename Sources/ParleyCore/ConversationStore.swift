//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// The durable truth about conversations and their messages. Each call names the owner, and what another user owns is
/// as if it were not there. Every implementation passes one contract test suite.
public protocol ConversationStore: Sendable {
    /// - Throws: `.conflict` when the id is taken.
    func create(_ conversation: Conversation) async throws(StoreError)

    /// - Throws: `.notFound`.
    func conversation(_ id: ConversationID, owner: UserID) async throws(StoreError) -> Conversation

    /// Pinned ones first, then the latest changed first; temporary and deleted ones are left out.
    ///
    /// - Parameters:
    ///   - before: the `next` of the page before; a malformed one is `.invalid`.
    ///   - query: words of the title or of a message; `nil` lists all.
    func conversations(
        owner: UserID, archived: Bool, query: String?, before: String?, limit: Int
    ) async throws(StoreError) -> Page<Conversation>

    /// - Throws: `.notFound`.
    func update(
        _ id: ConversationID, owner: UserID, patch: ConversationPatch, at time: Timestamp
    ) async throws(StoreError) -> Conversation

    /// Gives an automatic title, unless the user has given one meanwhile. Does not change `updatedAt`.
    func setAutomaticTitle(_ id: ConversationID, owner: UserID, title: String) async throws(StoreError)

    /// Marks as deleted; ``restore(_:owner:)`` undoes it until ``purge(deletedBefore:temporaryBefore:)``.
    ///
    /// - Throws: `.notFound`.
    func delete(_ id: ConversationID, owner: UserID, at time: Timestamp) async throws(StoreError)

    /// - Throws: `.notFound` when it was never deleted or is purged.
    func restore(_ id: ConversationID, owner: UserID) async throws(StoreError) -> Conversation

    /// Removes for good what was deleted, and which temporary conversations were last changed, before these times.
    ///
    /// - Returns: how many conversations are gone. At most `CoreLimits.purgeBatch` a call.
    func purge(deletedBefore: Timestamp, temporaryBefore: Timestamp) async throws(StoreError) -> Int

    /// All messages of all branches in the order of their making, newest last; `next` leads to older ones.
    func messages(
        in conversation: ConversationID, owner: UserID, before: String?, limit: Int
    ) async throws(StoreError) -> Page<Message>

    /// One branch, newest last, from a leaf towards the root; `next` leads to older ones. The cost does not depend on
    /// the conversation's length.
    ///
    /// - Parameters:
    ///   - through: the branch that leads through this message and on to its latest leaf; `nil` is the branch of the
    ///     latest message.
    ///   - before: the `next` of the page before: goes on above it.
    func branch(
        of conversation: ConversationID, owner: UserID, through: MessageID?, before: String?, limit: Int
    ) async throws(StoreError) -> Page<BranchMessage>

    /// - Throws: `.notFound`.
    func message(_ id: MessageID, owner: UserID) async throws(StoreError) -> Message

    /// The message and what it answers, up to the root or to `limit` messages; oldest first. The cost depends on
    /// `limit` only.
    ///
    /// - Throws: `.notFound`.
    func ancestors(of id: MessageID, owner: UserID, limit: Int) async throws(StoreError) -> [Message]

    /// Full-text search over titles and messages, best first.
    func search(owner: UserID, query: String, limit: Int) async throws(StoreError) -> [SearchHit]

    /// Adds a conversation with its messages in one transaction; parents come before their children.
    func importConversation(_ conversation: Conversation, messages: [Message]) async throws(StoreError)
}
