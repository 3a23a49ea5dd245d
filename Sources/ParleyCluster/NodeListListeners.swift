//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCore
import Synchronization

/// Those who read the changes of a list of nodes.
final class NodeListListeners: Sendable {
    private struct State: Sendable {
        var last: NodeList?
        var listeners: [UInt64: AsyncStream<NodeList>.Continuation] = [:]
        var nextNumber: UInt64 = 0
    }

    private let state = Mutex(State())

    /// Tells them, unless nothing but times has changed.
    func tell(_ list: NodeList) {
        let listeners = self.state.withLock { state -> [AsyncStream<NodeList>.Continuation] in
            guard state.last?.withoutTimes != list.withoutTimes else { return [] }
            state.last = list
            return Array(state.listeners.values)
        }
        for listener in listeners { listener.yield(list) }
    }

    func listen() -> AsyncStream<NodeList> {
        let (stream, continuation) = AsyncStream.makeStream(of: NodeList.self, bufferingPolicy: .bufferingNewest(1))
        let number = self.state.withLock { state in
            state.nextNumber += 1
            state.listeners[state.nextNumber] = continuation
            return state.nextNumber
        }
        continuation.onTermination = { [weak self] _ in
            self?.state.withLock { $0.listeners[number] = nil }
        }
        return stream
    }
}
