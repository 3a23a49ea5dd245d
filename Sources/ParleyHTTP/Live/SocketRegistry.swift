//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCore
import Synchronization
import WebSocketServer

/// The open WebSockets by user, so that their number is bounded and ending a session closes its sockets.
final class SocketRegistry: Sendable {
    private struct Entry: Sendable {
        var connection: WebSocketConnection
        var sessionIDHash: [UInt8]?
    }

    private let sockets = Mutex<[UserID: [ObjectIdentifier: Entry]]>([:])

    /// - Returns: false when the user has too many.
    func add(_ connection: WebSocketConnection, user: UserID, sessionIDHash: [UInt8]?) -> Bool {
        self.sockets.withLock { sockets in
            guard sockets[user, default: [:]].count < HTTPLimits.socketsPerUser else { return false }
            sockets[user, default: [:]][ObjectIdentifier(connection)] = Entry(
                connection: connection, sessionIDHash: sessionIDHash)
            return true
        }
    }

    func remove(_ connection: WebSocketConnection, user: UserID) {
        self.sockets.withLock { sockets in
            sockets[user]?[ObjectIdentifier(connection)] = nil
            if sockets[user]?.isEmpty == true { sockets[user] = nil }
        }
    }

    /// Closes the sockets that were opened with a session.
    func close(sessionIDHash: [UInt8], user: UserID) {
        let connections = self.sockets.withLock { sockets in
            (sockets[user] ?? [:]).values.filter { $0.sessionIDHash == sessionIDHash }.map(\.connection)
        }
        for connection in connections {
            connection.close(.policyViolation, reason: "signed out")
        }
    }
}
