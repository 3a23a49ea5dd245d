//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Synchronization

/// Tells everybody on this node who listens. A listener that falls behind loses the oldest first.
public final class Broadcast<Element: Sendable>: Sendable {
    private struct State: Sendable {
        var listeners: [UInt64: AsyncStream<Element>.Continuation] = [:]
        var lastNumber: UInt64 = 0
    }

    private let capacity: Int
    private let state = Mutex(State())

    /// - Parameter capacity: elements that wait for one slow listener.
    public init(capacity: Int) {
        self.capacity = capacity
    }

    public var hasListeners: Bool {
        self.state.withLock { !$0.listeners.isEmpty }
    }

    /// What is told of from now on, for as long as the stream is read.
    public func listen() -> AsyncStream<Element> {
        let (stream, continuation) = AsyncStream.makeStream(
            of: Element.self, bufferingPolicy: .bufferingNewest(self.capacity))
        let number = self.state.withLock { state in
            state.lastNumber += 1
            state.listeners[state.lastNumber] = continuation
            return state.lastNumber
        }
        continuation.onTermination = { [weak self] _ in
            self?.state.withLock { $0.listeners[number] = nil }
        }
        return stream
    }

    public func tell(_ element: Element) {
        self.tell([element], gap: nil)
    }

    /// - Parameter gap: what a listener that has just lost something is told besides; it may lose one more for it.
    public func tell(_ elements: [Element], gap: Element?) {
        for listener in self.state.withLock({ Array($0.listeners.values) }) {
            var hasLost = false
            for element in elements {
                if case .dropped = listener.yield(element) { hasLost = true }
            }
            if hasLost, let gap { listener.yield(gap) }
        }
    }
}
