//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Synchronization

/// Which connections for commands are open, and what is told of it.
final class ClientStatus: Sendable {
    /// An open connection and where it leads.
    struct Lane: Sendable {
        let connection: RedisConnection
        let endpoint: RedisEndpoint
    }

    private struct Content {
        var lanes: [Lane?]
        var next = 0
        var state = RedisClient.State.connecting
        var listeners: [UInt64: AsyncStream<RedisClient.State>.Continuation] = [:]
        var nextListener: UInt64 = 0
        var ended: RedisError?
    }

    let lanes: Int
    private let content: Mutex<Content>

    init(lanes: Int) {
        self.lanes = lanes
        self.content = Mutex(Content(lanes: Array(repeating: nil, count: lanes)))
    }

    var state: RedisClient.State { self.content.withLock(\.state) }

    /// Why the client has ended; nil when it has not.
    var ended: RedisError? { self.content.withLock(\.ended) }

    var isReady: Bool {
        if case .ready = self.state { true } else { false }
    }

    var isConnecting: Bool { self.state == .connecting }

    /// What a command is told that finds no connection.
    var unreachable: RedisError {
        self.content.withLock { content in
            if let ended = content.ended { return ended }
            guard case .down(let reason, _) = content.state else {
                return RedisError(.unreachable, "Redis is not connected yet")
            }
            return RedisError(.unreachable, "Redis cannot be reached: \(reason.message)")
        }
    }

    /// The next open connection, in turn; nil when there is none.
    func pick() -> RedisConnection? {
        self.content.withLock { content in
            for _ in 0..<self.lanes {
                content.next = (content.next + 1) % self.lanes
                if let lane = content.lanes[content.next], lane.connection.isOpen { return lane.connection }
            }
            return nil
        }
    }

    /// All that are open.
    func all() -> [Lane] {
        self.content.withLock { $0.lanes.compactMap(\.self) }
    }

    /// A connection is open. Gives those that lead elsewhere.
    func opened(_ index: Int, _ lane: Lane, serverVersion: String) -> [Lane] {
        self.content.withLock { content in
            guard content.ended == nil else { return [lane] }
            content.lanes[index] = lane
            self.set(.ready(serverVersion: serverVersion), &content)
            return content.lanes.compactMap(\.self).filter { $0.endpoint != lane.endpoint }
        }
    }

    /// A connection is gone, or could not be opened. Gives whether that was the last one.
    func closed(_ index: Int, because reason: RedisError) -> Bool {
        self.content.withLock { content in
            content.lanes[index] = nil
            guard content.ended == nil, content.lanes.allSatisfy({ $0 == nil }) else { return false }
            if case .down(_, let since) = content.state {
                // Still down, perhaps for another reason; that alone is no news.
                content.state = .down(reason: reason, since: since)
                return false
            }
            self.set(.down(reason: reason, since: .now), &content)
            return true
        }
    }

    /// The client is shut down.
    func end(because reason: RedisError) {
        let listeners = self.content.withLock { content in
            content.ended = reason
            content.lanes = Array(repeating: nil, count: self.lanes)
            self.set(.down(reason: reason, since: .now), &content)
            defer { content.listeners = [:] }
            return content.listeners
        }
        for listener in listeners.values { listener.finish() }
    }

    func states() -> AsyncStream<RedisClient.State> {
        let (stream, continuation) = AsyncStream<RedisClient.State>.makeStream(
            bufferingPolicy: .bufferingNewest(RedisClientLimits.waitingStates))
        let id = self.content.withLock { content -> UInt64? in
            continuation.yield(content.state)
            guard content.ended == nil else { return nil }
            content.nextListener += 1
            content.listeners[content.nextListener] = continuation
            return content.nextListener
        }
        guard let id else {
            continuation.finish()
            return stream
        }
        continuation.onTermination = { [weak self] _ in
            self?.content.withLock { _ = $0.listeners.removeValue(forKey: id) }
        }
        return stream
    }

    private func set(_ state: RedisClient.State, _ content: inout Content) {
        guard content.state != state else { return }
        content.state = state
        for listener in content.listeners.values { listener.yield(state) }
    }
}
