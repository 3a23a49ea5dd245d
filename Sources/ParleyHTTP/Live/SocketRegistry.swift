//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCore
import Synchronization
import WebSocketServer

/// The open WebSockets by user and by session, so that their number is bounded and ending a session closes its sockets.
final class SocketRegistry: Sendable {
    private struct State: Sendable {
        var counts: [UserID: Int] = [:]
        /// With the session that each was opened with.
        var sockets: [ObjectIdentifier: [UInt8]?] = [:]
        var bySession: [[UInt8]: [ObjectIdentifier: WebSocketConnection]] = [:]
    }

    private let state = Mutex(State())

    /// - Returns: false when the user has too many.
    func add(_ connection: WebSocketConnection, user: UserID, sessionIDHash: [UInt8]?) -> Bool {
        let id = ObjectIdentifier(connection)
        return self.state.withLock { state in
            guard state.counts[user, default: 0] < HTTPLimits.socketsPerUser else { return false }
            state.counts[user, default: 0] += 1
            state.sockets[id] = .some(sessionIDHash)
            if let sessionIDHash { state.bySession[sessionIDHash, default: [:]][id] = connection }
            return true
        }
    }

    func remove(_ connection: WebSocketConnection, user: UserID) {
        let id = ObjectIdentifier(connection)
        self.state.withLock { state in
            // One that was refused was never counted.
            guard let sessionIDHash = state.sockets.removeValue(forKey: id) else { return }
            let left = state.counts[user, default: 1] - 1
            state.counts[user] = left > 0 ? left : nil
            guard let sessionIDHash else { return }
            state.bySession[sessionIDHash]?[id] = nil
            if state.bySession[sessionIDHash]?.isEmpty == true { state.bySession[sessionIDHash] = nil }
        }
    }

    /// The sessions that have open sockets.
    var sessions: [[UInt8]] {
        self.state.withLock { Array($0.bySession.keys) }
    }

    /// Closes the sockets that were opened with a session.
    func close(sessionIDHash: [UInt8]) {
        let connections = self.state.withLock { Array(($0.bySession[sessionIDHash] ?? [:]).values) }
        for connection in connections {
            connection.close(.policyViolation, reason: "signed out")
        }
    }
}
