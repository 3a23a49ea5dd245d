//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
public import NIOCore
import Synchronization

/// The messages of some channels and patterns, for one reader.
///
/// It lives through reconnections and says so, since what was published in between is lost. It ends when the client is
/// shut down or the server takes away the right to listen. Let go of it to unsubscribe.
public struct RedisSubscription: AsyncSequence, Sendable {
    public typealias Failure = Never

    /// What a reader is told.
    public enum Element: Hashable, Sendable {
        /// A message and the channel to which it was published, also when a pattern matched.
        case message(channel: String, payload: ByteBuffer)
        /// Messages may be missing here: the connection was lost and is back, or the reader was too slow.
        case resubscribed
    }

    /// Takes one element after the other. For one task.
    public struct AsyncIterator: AsyncIteratorProtocol {
        let source: Source

        /// The next element; nil at the end or when the task is cancelled.
        public mutating func next() async -> Element? {
            await self.source.next()
        }
    }

    let source: Source

    public func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(source: self.source)
    }

    /// Unsubscribes and ends the sequence.
    public func cancel() {
        self.source.sink.end()
        self.source.release()
    }

    /// What is shared by a subscription and its iterators; the last one to go unsubscribes.
    final class Source: Sendable {
        let sink: SubscriptionSink
        private let onRelease: @Sendable () -> Void

        init(sink: SubscriptionSink, onRelease: @escaping @Sendable () -> Void) {
            self.sink = sink
            self.onRelease = onRelease
        }

        deinit { self.onRelease() }

        func next() async -> Element? { await self.sink.next() }
        func release() { self.onRelease() }
    }
}

/// Where the connection leaves what one reader takes.
final class SubscriptionSink: Sendable {
    private struct State {
        var buffer: SubscriptionBuffer
        var reader: CheckedContinuation<RedisSubscription.Element?, Never>?
        var isEnded = false
    }

    private let state: Mutex<State>

    init(capacity: Int) {
        self.state = Mutex(State(buffer: SubscriptionBuffer(capacity: capacity)))
    }

    /// Takes an element, from any thread, without waiting.
    func push(_ element: RedisSubscription.Element) {
        let reader = self.state.withLock { state -> CheckedContinuation<RedisSubscription.Element?, Never>? in
            guard !state.isEnded else { return nil }
            if let reader = state.reader {
                state.reader = nil
                return reader
            }
            state.buffer.push(element)
            return nil
        }
        reader?.resume(returning: element)
    }

    /// Nothing comes any more. What is here can still be read.
    func end() {
        let reader = self.state.withLock { state in
            state.isEnded = true
            defer { state.reader = nil }
            return state.reader
        }
        reader?.resume(returning: nil)
    }

    func next() async -> RedisSubscription.Element? {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let result = self.state.withLock { state -> RedisSubscription.Element?? in
                    if let element = state.buffer.pop() { return element }
                    // Two readers at once share the elements; the second one here ends, since one can wait.
                    if state.isEnded || state.reader != nil || Task.isCancelled { return .some(nil) }
                    state.reader = continuation
                    return nil
                }
                if let result { continuation.resume(returning: result) }
            }
        } onCancel: {
            let reader = self.state.withLock { state in
                defer { state.reader = nil }
                return state.reader
            }
            reader?.resume(returning: nil)
        }
    }
}
