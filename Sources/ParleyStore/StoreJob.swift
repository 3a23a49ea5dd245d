//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import GRDB
import ParleyCore
import Synchronization

/// A piece of work that waits for a connection, without the type of its value.
protocol StoreWork: AnyObject, Sendable {
    /// Marks the work as begun.
    ///
    /// - Returns: false when its caller no longer waits.
    func begin() -> Bool
    /// Runs the work and keeps its value. May be called again after the transaction was rolled back.
    func execute(_ db: Database) throws
    /// Gives the kept value to the caller.
    func succeed()
    func fail(_ error: StoreError)
    /// Fails the work when its time is over.
    ///
    /// - Returns: whether its caller still waits.
    func isWaiting(at now: ContinuousClock.Instant) -> Bool
    /// Whether running on is of no use: the caller no longer waits.
    var isAbandoned: Bool { get }
}

/// A piece of work and the caller who waits for it. The caller is resumed exactly once.
final class StoreJob<Value: Sendable>: StoreWork {
    typealias Outcome = Result<Value, StoreError>

    private struct State {
        var continuation: CheckedContinuation<Outcome, Never>?
        /// Set when the job ended before its caller began to wait.
        var early: Outcome?
        var value: Value?
        var hasBegun = false
        var isDone = false
    }

    private let body: @Sendable (Database) throws -> Value
    private let deadline: ContinuousClock.Instant
    /// How long after its beginning the caller is let go; a read is let go at its deadline.
    private let runDeadline: ContinuousClock.Instant
    private let state = Mutex(State())

    init(
        deadline: ContinuousClock.Instant, runDeadline: ContinuousClock.Instant,
        _ body: @escaping @Sendable (Database) throws -> Value
    ) {
        self.body = body
        self.deadline = deadline
        self.runDeadline = runDeadline
    }

    /// Waits for the end of the work, which `submit` puts into a queue.
    func value(submit: () -> Void) async -> Outcome {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let early = self.state.withLock { state -> Outcome? in
                    if state.early == nil {
                        state.continuation = continuation
                    }
                    return state.early
                }
                if let early {
                    continuation.resume(returning: early)
                } else {
                    submit()
                }
            }
        } onCancel: {
            self.cancel()
        }
    }

    func begin() -> Bool {
        self.state.withLock { state in
            state.hasBegun = true
            return !state.isDone
        }
    }

    func execute(_ db: Database) throws {
        let value = try self.body(db)
        self.state.withLock { $0.value = value }
    }

    func succeed() {
        guard let value = self.state.withLock({ $0.value }) else {
            return self.fail(StoreError(.internal, "The work ended without a value."))
        }
        self.end(.success(value))
    }

    func fail(_ error: StoreError) {
        self.end(.failure(error))
    }

    var isAbandoned: Bool {
        !self.isWaiting(at: .now)
    }

    func isWaiting(at now: ContinuousClock.Instant) -> Bool {
        let (isDone, hasBegun) = self.state.withLock { ($0.isDone, $0.hasBegun) }
        guard !isDone else { return false }
        guard now >= (hasBegun ? self.runDeadline : self.deadline) else { return true }
        self.fail(
            hasBegun && self.runDeadline > self.deadline
                ? StoreError(
                    .unavailable,
                    "The disk does not answer. Whether this was stored is unknown; sending it again is safe.")
                : StoreError(.unavailable, "The database was not free in time."))
        return false
    }

    /// Lets the caller go. A write that has begun is waited for, since it will most likely be stored.
    private func cancel() {
        let mayEnd = self.state.withLock { !$0.hasBegun || self.runDeadline <= self.deadline }
        if mayEnd {
            self.fail(StoreError(.unavailable, "The request was given up.", cause: CancellationError()))
        }
    }

    private func end(_ outcome: Outcome) {
        let continuation = self.state.withLock { state -> CheckedContinuation<Outcome, Never>? in
            guard !state.isDone else { return nil }
            state.isDone = true
            if state.continuation == nil {
                state.early = outcome
            }
            defer { state.continuation = nil }
            return state.continuation
        }
        continuation?.resume(returning: outcome)
    }
}
