//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCore
import Synchronization

/// Sessions as on a store that nodes share; the test is the other node.
final class SessionsInMemory: SessionStore, SessionSignals {
    private struct State {
        var sessions: [[UInt8]: Session] = [:]
        var isAway = false
        var listeners: [AsyncStream<SessionSignal>.Continuation] = []
    }

    private let state = Mutex(State())

    /// Whether the store answers nothing.
    var isAway: Bool {
        get { self.state.withLock { $0.isAway } }
        set { self.state.withLock { $0.isAway = newValue } }
    }

    /// Ends all sessions without a word, as another node does whose signal is lost.
    func endAllSilently() {
        self.state.withLock { $0.sessions = [:] }
    }

    /// Ends all sessions, as another node does.
    func endAll() {
        let ended = self.state.withLock { state in
            defer { state.sessions = [:] }
            return Array(state.sessions.keys)
        }
        for idHash in ended { self.signal(.ended(idHash: idHash)) }
    }

    func signal(_ signal: SessionSignal) {
        for listener in self.state.withLock({ $0.listeners }) { listener.yield(signal) }
    }

    func signals() async -> AsyncStream<SessionSignal> {
        let (stream, continuation) = AsyncStream.makeStream(of: SessionSignal.self)
        self.state.withLock { $0.listeners.append(continuation) }
        return stream
    }

    private func with<Result: Sendable>(_ body: (inout State) -> Result) throws(StoreError) -> Result {
        let result = self.state.withLock { state in state.isAway ? nil : body(&state) }
        guard let result else { throw StoreError(.unavailable, "The store is away.") }
        return result
    }

    func create(_ session: Session) async throws(StoreError) {
        try self.with { $0.sessions[session.idHash] = session }
    }

    func session(idHash: [UInt8], now: Timestamp) async throws(StoreError) -> Session? {
        try self.with { state in state.sessions[idHash].flatMap { $0.endsAt > now ? $0 : nil } }
    }

    func touch(sessionIDHash: [UInt8], at time: Timestamp) async throws(StoreError) {
        try self.with { $0.sessions[sessionIDHash]?.lastSeenAt = time }
    }

    func sessions(of user: UserID, now: Timestamp) async throws(StoreError) -> [Session] {
        try self.with { $0.sessions.values.filter { $0.userID == user }.sorted { $0.createdAt > $1.createdAt } }
    }

    func deleteSession(idHash: [UInt8]) async throws(StoreError) {
        try self.with { $0.sessions[idHash] = nil }
    }

    func deleteSessions(of user: UserID, except kept: [UInt8]?) async throws(StoreError) -> [[UInt8]] {
        try self.with { state in
            let ended = state.sessions.values.filter { $0.userID == user && $0.idHash != kept }.map(\.idHash)
            for idHash in ended { state.sessions[idHash] = nil }
            return ended
        }
    }

    func purgeSessions(now: Timestamp) async throws(StoreError) {}
}
