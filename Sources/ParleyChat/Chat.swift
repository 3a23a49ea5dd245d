//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
public import ParleyCore

/// What a user can do in a chat that needs more than the store: send, answer again, stop, follow.
///
/// Every call names the user, and what belongs to another user is as if it were not there.
public struct Chat: Sendable {
    /// Where a new message goes.
    public enum Parent: Hashable, Sendable {
        /// After the latest message of the conversation.
        case latest
        /// At the beginning: an edit of the first message.
        case root
        case message(MessageID)
    }

    /// A message that a user sends.
    public struct NewMessage: Sendable {
        /// Chosen by the client, so that sending again is safe.
        public var id: MessageID
        public var parent: Parent
        public var content: String
        public var model: String?
        /// Where passages are looked for; `nil` is everywhere the user may read, an empty list nowhere.
        public var collections: [CollectionID]?

        public init(
            id: MessageID, parent: Parent = .latest, content: String, model: String? = nil,
            collections: [CollectionID]? = nil
        ) {
            self.id = id
            self.parent = parent
            self.content = content
            self.model = model
            self.collections = collections
        }
    }

    private let store: any TurnStore & ConversationStore
    private let log: any AnswerLog
    private let commands: any TurnCommands
    private let engine: TurnEngine

    public init(
        store: any TurnStore & ConversationStore, log: any AnswerLog, commands: any TurnCommands,
        engine: TurnEngine
    ) {
        self.store = store
        self.log = log
        self.commands = commands
        self.engine = engine
    }

    /// Commits a message with its turn and begins the answer. The same id again returns the same turn.
    ///
    /// - Throws: `ChatError`: `.invalid` for content or model, `.store(.notFound)` for conversation or parent.
    public func send(
        _ message: NewMessage, to conversation: ConversationID, user: UserID
    ) async throws(ChatError) -> Turn {
        try Self.check(content: message.content)
        try Self.check(model: message.model)
        try Self.check(collections: message.collections)
        let parentID = try await self.parentID(message.parent, in: conversation, user: user)
        let now = Timestamp.now()
        let turnID = TurnID.generate(at: now)
        let userMessage = Message(
            id: message.id, conversationID: conversation, parentID: parentID, role: .user,
            content: message.content, createdAt: now)
        let assistantMessage = Message(
            id: .generate(at: now), conversationID: conversation, parentID: message.id, role: .assistant,
            content: "", state: .pending, model: message.model, createdAt: now, turnID: turnID)
        let turn = Turn(
            id: turnID, conversationID: conversation, ownerID: user, userMessageID: message.id,
            assistantMessageID: assistantMessage.id, model: message.model, collections: message.collections,
            createdAt: now)
        let title = parentID == nil ? TitleMaker.title(fromFirstWordsOf: message.content) : nil
        return try await self.begin(
            NewTurn(turn: turn, userMessage: userMessage, assistantMessage: assistantMessage), firstTitle: title)
    }

    /// Makes another answer beside the given one; for a user's message, another answer to it.
    ///
    /// - Parameter collections: as in ``NewMessage/collections``; `nil` looks where the answer before it looked.
    /// - Throws: `ChatError`.
    public func regenerate(
        _ id: MessageID, model: String?, collections: [CollectionID]? = nil, user: UserID
    ) async throws(ChatError) -> Turn {
        try Self.check(model: model)
        try Self.check(collections: collections)
        let message = try await Self.storing { () async throws(StoreError) in
            try await self.store.message(id, owner: user)
        }
        guard let userMessageID = message.role == .user ? message.id : message.parentID else {
            throw .invalid("id", "this message answers nothing, so it cannot be made again")
        }
        let places = await self.collections(collections, asFor: message, user: user)
        let now = Timestamp.now()
        let turnID = TurnID.generate(at: now)
        let assistantMessage = Message(
            id: .generate(at: now), conversationID: message.conversationID, parentID: userMessageID,
            role: .assistant, content: "", state: .pending, model: model, createdAt: now, turnID: turnID)
        let turn = Turn(
            id: turnID, conversationID: message.conversationID, ownerID: user, userMessageID: userMessageID,
            assistantMessageID: assistantMessage.id, model: model, collections: places, createdAt: now)
        return try await self.begin(
            NewTurn(turn: turn, userMessage: nil, assistantMessage: assistantMessage), firstTitle: nil)
    }

    /// Stops an answer, wherever it is made. The wish is durable: it also holds if its owner dies.
    ///
    /// - Returns: the turn as the database has it; its terminal event follows.
    public func stop(_ id: TurnID, user: UserID) async throws(ChatError) -> Turn {
        let turn = try await Self.storing { () async throws(StoreError) in
            try await self.store.requestStop(id, owner: user)
        }
        guard !turn.state.isFinal else { return turn }
        self.engine.stop(id)
        // A lost command is no loss: whoever takes the turn over reads the wish from the database.
        try? await self.commands.requestStop(id)
        return turn
    }

    /// - Throws: `ChatError`.
    public func turn(_ id: TurnID, user: UserID) async throws(ChatError) -> Turn {
        try await Self.storing { () async throws(StoreError) in try await self.store.turn(id, owner: user) }
    }

    /// Follows a turn after a position. Only who was given the turn, as its owner, can ask for it.
    public func follow(_ turn: Turn, after: EventID) -> TurnFollower {
        TurnFollower(store: self.store, log: self.log, turn: turn, after: after)
    }

    /// The collections that were asked for, or those of the turn that made the message.
    private func collections(
        _ asked: [CollectionID]?, asFor message: Message, user: UserID
    ) async -> [CollectionID]? {
        guard asked == nil, let turnID = message.turnID else { return asked }
        return (try? await self.turn(turnID, user: user))?.collections
    }

    private func begin(_ new: NewTurn, firstTitle: String?) async throws(ChatError) -> Turn {
        var new = new
        let lease = await self.engine.prepare(new.turn.id)
        if let lease {
            new.turn.state = .running
            new.turn.epoch = lease.epoch
            new.turn.attempts = 1
        }
        let (turn, isNew): (Turn, Bool)
        do {
            (turn, isNew) = try await self.store.begin(new)
        } catch {
            if let lease { await self.engine.abandon(lease) }
            throw ChatError(.store(error))
        }
        guard let lease else { return turn }
        if isNew {
            await self.engine.start(turn, lease: lease, firstTitle: firstTitle)
        } else {
            await self.engine.abandon(lease)
        }
        return turn
    }

    private func parentID(
        _ parent: Parent, in conversation: ConversationID, user: UserID
    ) async throws(ChatError) -> MessageID? {
        switch parent {
        case .root: return nil
        case .message(let id): return id
        case .latest:
            let page = try await Self.storing { () async throws(StoreError) in
                try await self.store.branch(of: conversation, owner: user, through: nil, before: nil, limit: 1)
            }
            return page.elements.last?.message.id
        }
    }

    private static func storing<Value>(
        _ body: () async throws(StoreError) -> Value
    ) async throws(ChatError) -> Value {
        do {
            return try await body()
        } catch {
            throw ChatError(.store(error))
        }
    }
}

// MARK: Input

extension Chat {
    /// - Throws: `.invalid` for an empty, too long or NUL-carrying text.
    public static func check(content: String) throws(ChatError) {
        guard content.contains(where: { !$0.isWhitespace }) else {
            throw .invalid("content", "must not be empty")
        }
        guard content.utf8.count <= CoreLimits.messageBytes else {
            throw ChatError(
                .tooLarge(limitBytes: CoreLimits.messageBytes),
                fields: [.init("content", "must be at most \(CoreLimits.messageBytes) bytes of UTF-8")])
        }
        guard !content.utf8.contains(0) else { throw .invalid("content", "must not contain NUL") }
    }

    /// - Throws: `.invalid` for an empty or too long name, or one with control characters.
    public static func check(model: String?) throws(ChatError) {
        guard let model else { return }
        guard (1...CoreLimits.modelNameBytes).contains(model.utf8.count) else {
            throw .invalid("model", "must have 1 to \(CoreLimits.modelNameBytes) bytes")
        }
        guard model.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
            throw .invalid("model", "must not contain control characters")
        }
    }

    /// - Throws: `.invalid` for too many.
    public static func check(collections: [CollectionID]?) throws(ChatError) {
        guard (collections?.count ?? 0) <= ChatLimits.collectionsPerTurn else {
            throw .invalid("collections", "must name at most \(ChatLimits.collectionsPerTurn) collections")
        }
    }

    /// - Throws: `.invalid` for an empty or too long title, or one with control characters.
    public static func check(title: String) throws(ChatError) {
        guard (1...CoreLimits.titleScalars).contains(title.unicodeScalars.count),
            title.contains(where: { !$0.isWhitespace })
        else {
            throw .invalid("title", "must have 1 to \(CoreLimits.titleScalars) characters")
        }
        guard title.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
            throw .invalid("title", "must not contain control characters")
        }
    }

    /// - Throws: `.invalid` for a too long or NUL-carrying prompt.
    public static func check(systemPrompt: String) throws(ChatError) {
        guard systemPrompt.utf8.count <= CoreLimits.systemPromptBytes else {
            throw .invalid("systemPrompt", "must be at most \(CoreLimits.systemPromptBytes) bytes of UTF-8")
        }
        guard !systemPrompt.utf8.contains(0) else { throw .invalid("systemPrompt", "must not contain NUL") }
    }
}
