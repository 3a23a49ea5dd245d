//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import NIOCore
import Synchronization

/// Connections that serve one blocking read at a time, opened when needed and kept for the next.
final class DedicatedConnections: Sendable {
    private struct State {
        var idle: [RedisConnector.Opened] = []
        /// Those that are open, serve or are being opened.
        var count = 0
        var serving: [ObjectIdentifier: RedisConnector.Opened] = [:]
        var ended: RedisError?
    }

    private let state = Mutex(State())
    private let maximum: Int

    init(maximum: Int) {
        self.maximum = maximum
    }

    /// Sends a command on a connection of its own and waits for the reply, which may be an error of the server.
    func perform(
        _ bytes: ByteBuffer, patience: TimeAmount, open: () async throws(RedisError) -> RedisConnector.Opened
    ) async throws(RedisError) -> RedisValue {
        while true {
            let opened: RedisConnector.Opened
            if let idle = try self.take() {
                opened = idle
            } else {
                do throws(RedisError) {
                    opened = try await open()
                } catch {
                    self.state.withLock { $0.count -= 1 }
                    throw error
                }
            }
            try self.began(opened)
            do throws(RedisError) {
                let reply = try await opened.connection.perform(bytes, patience: patience)
                self.ended(opened, isReusable: true)
                return reply
            } catch {
                // What the server would still do for us it must not do: someone else's element would be lost.
                opened.connection.close(because: error)
                self.ended(opened, isReusable: false)
                // One that was closed while it was idle; there are only so many.
                guard error.code == .closed, !error.wasSent, !Task.isCancelled else { throw error }
                if let ended = self.state.withLock(\.ended) { throw ended }
            }
        }
    }

    /// An idle connection; nil when a new one may be opened, which is then counted.
    private func take() throws(RedisError) -> RedisConnector.Opened? {
        let taken = self.state.withLock { state -> Result<RedisConnector.Opened?, RedisError> in
            if let ended = state.ended { return .failure(ended) }
            while let idle = state.idle.popLast() {
                if idle.connection.isOpen { return .success(idle) }
                state.count -= 1
            }
            guard state.count < self.maximum else {
                return .failure(RedisError(.poolExhausted, "too many blocking reads are under way"))
            }
            state.count += 1
            return .success(nil)
        }
        return try taken.get()
    }

    private func began(_ opened: RedisConnector.Opened) throws(RedisError) {
        let ended = self.state.withLock { state -> RedisError? in
            state.serving[ObjectIdentifier(opened.connection)] = opened
            return state.ended
        }
        guard let ended else { return }
        opened.connection.close(because: ended)
        self.ended(opened, isReusable: false)
        throw ended
    }

    private func ended(_ opened: RedisConnector.Opened, isReusable: Bool) {
        self.state.withLock { state in
            state.serving[ObjectIdentifier(opened.connection)] = nil
            if isReusable, opened.connection.isOpen {
                state.idle.append(opened)
            } else {
                state.count -= 1
            }
        }
    }

    /// Leaves the servers that are no longer the master.
    func leave(allBut endpoint: RedisEndpoint, because reason: RedisError) {
        for opened in self.all() where opened.endpoint != endpoint { opened.connection.close(because: reason) }
    }

    /// Closes everything, for ever.
    func close(because reason: RedisError) {
        self.state.withLock { $0.ended = reason }
        for opened in self.all() { opened.connection.close(because: reason) }
    }

    private func all() -> [RedisConnector.Opened] {
        self.state.withLock { $0.idle + $0.serving.values }
    }
}
