//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation
import HTTPTypes
import Logging
import NIOFoundationCompat
import ParleyChat
import ParleyCore
import Synchronization
import WebSocketServer

/// One user's WebSocket: commands in, events out. Between answers it holds no task and no buffer.
final class ChatSocket: WebSocketSession {
    private struct Envelope: Decodable {
        var id: String?
    }

    private let connection: WebSocketConnection
    private let identity: Identity
    private let chat: Chat
    private let names: CollectionNames
    private let feeds: TurnFeeds
    private let registry: SocketRegistry
    private let running = Mutex<[TurnID: TurnFeed]>([:])

    init(
        connection: WebSocketConnection, identity: Identity, chat: Chat, names: CollectionNames, feeds: TurnFeeds,
        registry: SocketRegistry, sessions: Sessions
    ) {
        self.connection = connection
        self.identity = identity
        self.chat = chat
        self.names = names
        self.feeds = feeds
        self.registry = registry
        var sessionIDHash: [UInt8]?
        if case .session(let idHash) = identity.proof { sessionIDHash = idHash }
        if !registry.add(connection, user: identity.user.id, sessionIDHash: sessionIDHash) {
            connection.close(.policyViolation, reason: "too many connections")
        }
        // Asked after it was added: an end of the session before that did not find the socket.
        if let sessionIDHash, sessions.hasEnded(sessionIDHash) {
            connection.close(.policyViolation, reason: "signed out")
        }
    }

    func received(_ message: WebSocketMessage) async {
        guard case .text(let text) = message else {
            self.answer(.malformed("Only text frames with JSON are understood."), id: nil)
            return
        }
        let data = Data(buffer: text)
        do {
            try await self.perform(JSONBody.decode(ChatSocketMessage.self, from: data))
        } catch {
            let id = (try? JSONBody.decode(Envelope.self, from: data))?.id
            self.answer(Problem(error) ?? .internalError, id: id)
        }
    }

    func serverIsGoingAway() {
        let wait = Int.random(in: 0...HTTPLimits.goingAwayReconnectMs)
        self.connection.send(ChatSocketReply.goingAway(reconnectAfterMs: wait))
    }

    func closed(_ closure: WebSocketClosure) async {
        self.registry.remove(self.connection, user: self.identity.user.id)
        let feeds = self.running.withLock { running in
            defer { running = [:] }
            return Array(running.values)
        }
        for feed in feeds { feed.end() }
    }

    private func perform(_ message: ChatSocketMessage) async throws {
        let user = self.identity.user.id
        switch message {
        case .ping: self.connection.send(ChatSocketReply.pong)
        case .send(let conversationID, let new):
            let message = try await new.message(user: user, names: self.names)
            let turn = try await self.chat.send(message, to: conversationID, user: user)
            self.connection.send(try ChatSocketReply.accepted(id: message.id.description, turn: turn))
            try self.follow(turn, after: .start)
        case .subscribe(let turnID, let after):
            // The owner is checked here, so that a stranger gets an error and not silence.
            try self.follow(try await self.chat.turn(turnID, user: user), after: after)
        case .unsubscribe(let turnID): self.running.withLock { $0.removeValue(forKey: turnID) }?.end()
        case .stop(let turnID): _ = try await self.chat.stop(turnID, user: user)
        }
    }

    /// Follows a turn from a position; a feed of the same turn that is under way is replaced.
    private func follow(_ turn: Turn, after: EventID) throws {
        let turnID = turn.id
        let feed = TurnFeed(turnID: turnID)
        let isFull = self.running.withLock { running in
            guard running[turnID] != nil || running.count < HTTPLimits.subscriptionsPerSocket else { return true }
            running.updateValue(feed, forKey: turnID)?.end()
            return false
        }
        guard !isFull else {
            throw Problem.tooManyRequests(
                retryAfterSeconds: 1, "This socket follows \(HTTPLimits.subscriptionsPerSocket) answers already.")
        }
        let follower = self.chat.follow(turn, after: after)
        let started = self.feeds.start(feed, follower: follower, to: self.connection) { [weak self] feed in
            self?.running.withLock { running in
                if running[feed.turnID] === feed { running[feed.turnID] = nil }
            }
        }
        guard started else {
            throw Problem(
                .serviceUnavailable, "going-away", title: "The server is shutting down", detail: "Connect again.")
        }
    }

    private func answer(_ problem: Problem, id: String?) {
        self.connection.send(ChatSocketReply.error(problem, id: id))
    }
}
