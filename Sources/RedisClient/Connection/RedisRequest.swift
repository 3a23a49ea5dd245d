//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import NIOCore
import Synchronization

/// Commands that go out in one piece, and who waits for their replies.
///
/// Whoever comes first finishes it: the reply, the deadline, the cancellation or the end of the connection.
final class RedisRequest: Sendable {
    typealias Outcome = Result<RedisValue, RedisError>

    /// Who is told.
    enum Waiter: Sendable {
        case task(CheckedContinuation<Outcome, Never>)
        /// Called on the connection's event loop or wherever the request is cancelled.
        case callback(@Sendable (Outcome) -> Void)
        case nobody
    }

    private struct State {
        var waiter: Waiter?
        var isSent = false
        var isDone = false
    }

    /// What goes over the wire.
    let bytes: ByteBuffer
    /// How many replies come.
    let replies: Int
    /// Whether an error comes in the place of all replies.
    let endsAtError: Bool
    /// How long the waiter waits once the request is with its connection.
    let patience: TimeAmount
    private let state = Mutex(State())

    init(
        _ bytes: ByteBuffer, replies: Int = 1, endsAtError: Bool = false, patience: TimeAmount,
        waiter: Waiter? = nil
    ) {
        self.bytes = bytes
        self.replies = replies
        self.endsAtError = endsAtError
        self.patience = patience
        if let waiter { self.state.withLock { $0.waiter = waiter } }
    }

    /// Names the waiter; false when the request was cancelled before, and the waiter is told so.
    func attach(_ waiter: Waiter) -> Bool {
        let isDone = self.state.withLock { state in
            guard !state.isDone else { return true }
            state.waiter = waiter
            return false
        }
        if isDone { Self.tell(waiter, .failure(Self.cancelled(wasSent: false))) }
        return !isDone
    }

    /// Called right before its bytes go out; false when nobody wants them any more, so that they need not.
    func markSent() -> Bool {
        self.state.withLock { state in
            guard !state.isDone else { return false }
            state.isSent = true
            return true
        }
    }

    /// Tells the waiter, unless it was told before.
    func finish(_ outcome: Outcome) {
        self.finish { _ in outcome }
    }

    /// Tells the waiter that it was cancelled. The reply, should one come, is dropped.
    func cancel() {
        self.finish { .failure(Self.cancelled(wasSent: $0)) }
    }

    /// Tells the waiter of the error, with the truth about whether the bytes went out.
    func fail(_ error: RedisError) {
        self.finish { .failure(error.sent($0)) }
    }

    private func finish(_ outcome: (_ wasSent: Bool) -> Outcome) {
        let (waiter, wasSent) = self.state.withLock { state -> (Waiter?, Bool) in
            guard !state.isDone else { return (nil, false) }
            state.isDone = true
            defer { state.waiter = nil }
            return (state.waiter, state.isSent)
        }
        if let waiter { Self.tell(waiter, outcome(wasSent)) }
    }

    private static func tell(_ waiter: Waiter, _ outcome: Outcome) {
        switch waiter {
        case .task(let continuation): continuation.resume(returning: outcome)
        case .callback(let callback): callback(outcome)
        case .nobody: break
        }
    }

    private static func cancelled(wasSent: Bool) -> RedisError {
        RedisError(.cancelled, "the command was cancelled", wasSent: wasSent)
    }
}
