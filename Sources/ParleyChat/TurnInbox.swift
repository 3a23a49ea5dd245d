//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCore
import Synchronization

/// What reaches the one task that writes a turn's log: the model's events, merged while it is busy, and commands.
///
/// One writer (the model's task) waits while more than ``ChatLimits/inboxBytes`` lie unread; one reader.
final class TurnInbox: Sendable {
    /// Why the turn's task should leave off.
    enum Command: Sendable, Equatable {
        /// The user wants it stopped.
        case stop
        /// Another node has the turn.
        case fenced
        /// This node shuts down; leave the turn to others.
        case handOver
    }

    struct Batch: Sendable {
        var started: String?
        var sources: [Citation]?
        var text = ""
        var outcome: Result<ModelCompletion, any Error>?
        var command: Command?

        var isEmpty: Bool {
            self.started == nil && self.sources == nil && self.text.isEmpty && self.outcome == nil
                && self.command == nil
        }
    }

    private struct State: Sendable {
        var batch = Batch()
        var reader: CheckedContinuation<Void, Never>?
        var writer: CheckedContinuation<Void, Never>?
        var isClosed = false
    }

    private let state = Mutex(State())

    /// Adds an event of the model and waits while too much lies unread.
    func put(_ event: ModelEvent) async throws {
        let isFull = self.change { state in
            switch event {
            case .started(let model): state.batch.started = model
            case .sources(let sources): state.batch.sources = sources
            case .delta(let text): state.batch.text += text
            }
            return state.batch.text.utf8.count >= ChatLimits.inboxBytes
        }
        if isFull {
            await self.waitForRoom()
        }
        try Task.checkCancellation()
    }

    /// The model has ended, one way or the other.
    func end(_ outcome: Result<ModelCompletion, any Error>) {
        self.change { $0.batch.outcome = outcome }
    }

    /// A command from outside. The first one stands.
    func command(_ command: Command) {
        self.change { $0.batch.command = $0.batch.command ?? command }
    }

    /// Whether something lies there that should not wait for more text.
    var isUrgent: Bool {
        self.state.withLock { $0.batch.outcome != nil || $0.batch.command != nil }
    }

    /// Takes everything that lies there; waits for something when nothing does. Empty only when cancelled.
    func take() async -> Batch {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let ready = self.state.withLock { state in
                    guard state.batch.isEmpty, !state.isClosed else { return true }
                    state.reader = continuation
                    return false
                }
                if ready {
                    continuation.resume()
                }
            }
        } onCancel: {
            self.close()
        }
        let (batch, writer) = self.state.withLock { state in
            defer {
                state.batch = Batch()
                state.writer = nil
            }
            return (state.batch, state.writer)
        }
        writer?.resume()
        return batch
    }

    /// Lets everybody go who waits.
    func close() {
        let (reader, writer) = self.state.withLock { state in
            defer {
                state.isClosed = true
                state.reader = nil
                state.writer = nil
            }
            return (state.reader, state.writer)
        }
        reader?.resume()
        writer?.resume()
    }

    @discardableResult
    private func change<Value: Sendable>(_ body: (inout sending State) -> Value) -> Value {
        let (value, reader) = self.state.withLock { state in
            let value = body(&state)
            defer { state.reader = nil }
            return (value, state.reader)
        }
        reader?.resume()
        return value
    }

    private func waitForRoom() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let hasRoom = self.state.withLock { state in
                    guard state.batch.text.utf8.count >= ChatLimits.inboxBytes, !state.isClosed else { return true }
                    state.writer = continuation
                    return false
                }
                if hasRoom {
                    continuation.resume()
                }
            }
        } onCancel: {
            self.close()
        }
    }
}
