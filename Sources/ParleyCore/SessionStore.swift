//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// Who is signed in: the sessions of browsers by the SHA-256 of their secret ids. Every implementation passes one
/// contract test suite.
///
/// A session ends when it is deleted, when ``Session/endsAt`` is reached, or when its user has more than
/// `CoreLimits.sessionsPerUser`: then the one that would end first goes.
public protocol SessionStore: Sendable {
    /// Makes a session.
    ///
    /// - Throws: `.conflict` when the hash is taken; `.notFound` from a store that knows the users and not this one.
    func create(_ session: Session) async throws(StoreError)

    /// The session with this hash, unless it has ended.
    func session(idHash: [UInt8], now: Timestamp) async throws(StoreError) -> Session?

    /// Writes down a use, which puts off the end. An earlier time than the one known, and a session that is not there,
    /// change nothing.
    func touch(sessionIDHash: [UInt8], at time: Timestamp) async throws(StoreError)

    /// The sessions of a user that have not ended, the last used first.
    func sessions(of user: UserID, now: Timestamp) async throws(StoreError) -> [Session]

    /// Ends a session; one that is not there is no error. A shared store tells ``SessionSignals`` in the same step.
    func deleteSession(idHash: [UInt8]) async throws(StoreError)

    /// Ends all sessions of a user but one, and tells like ``deleteSession(idHash:)``.
    ///
    /// - Returns: the hashes of those that were ended.
    func deleteSessions(of user: UserID, except kept: [UInt8]?) async throws(StoreError) -> [[UInt8]]

    /// Forgets sessions that have ended, where the store does not do so by itself.
    func purgeSessions(now: Timestamp) async throws(StoreError)
}

/// What one node learns of sessions that were ended on any node.
public enum SessionSignal: Hashable, Sendable {
    case ended(idHash: [UInt8])
    /// Signals may have been missed, as after a lost connection: look up again what is relied on.
    case mayHaveMissed
}

/// The ends of sessions, told to every node that shares a ``SessionStore``.
public protocol SessionSignals: Sendable {
    /// The ends from now on, for as long as the sequence is read. A reader that is too slow gets
    /// ``SessionSignal/mayHaveMissed`` for what it missed.
    func signals() async -> AsyncStream<SessionSignal>
}
