//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCore
import Synchronization

/// Tells everybody on this node who listens of a turn. A listener that falls behind loses the oldest first.
final class TurnBroadcast: Sendable {
    private struct State: Sendable {
        var listeners: [UInt64: AsyncStream<TurnID>.Continuation] = [:]
        var next: UInt64 = 0
    }

    private let state = Mutex(State())

    func tell(_ turn: TurnID) {
        for listener in self.state.withLock({ Array($0.listeners.values) }) {
            listener.yield(turn)
        }
    }

    /// What is told of from now on, for as long as the stream is read.
    func listen() -> AsyncStream<TurnID> {
        let (stream, continuation) = AsyncStream.makeStream(
            of: TurnID.self, bufferingPolicy: .bufferingNewest(ClusterLimits.waitingTurns))
        let id = self.state.withLock { state in
            state.next += 1
            state.listeners[state.next] = continuation
            return state.next
        }
        continuation.onTermination = { [weak self] _ in
            self?.state.withLock { $0.listeners[id] = nil }
        }
        return stream
    }
}
