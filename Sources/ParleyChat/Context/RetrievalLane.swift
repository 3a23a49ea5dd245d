//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Synchronization

/// Asks for what an answer can do without, and waits no longer than a deadline.
///
/// The work is done by ``run()``, not by the one who asks: a search that does not heed its cancellation goes on there
/// and holds no answer. At most ``ChatLimits/retrievalsAtOnce`` run; who asks for more gets nothing at once.
final class RetrievalLane: Sendable {
    /// Why there is no value.
    enum Miss: Error {
        case late
        case full
        case failed(any Error)

        /// For logs and figures.
        var name: String {
            switch self {
            case .late: "late"
            case .full: "full"
            case .failed: "failed"
            }
        }
    }

    private let jobs: AsyncStream<@Sendable () async -> Void>
    private let addJob: AsyncStream<@Sendable () async -> Void>.Continuation
    private let running = Mutex(0)

    init() {
        (self.jobs, self.addJob) = AsyncStream.makeStream(
            bufferingPolicy: .bufferingOldest(ChatLimits.retrievalsAtOnce))
    }

    /// Does what is asked until cancelled.
    func run() async {
        await withDiscardingTaskGroup { group in
            for await job in self.jobs { group.addTask(operation: job) }
            group.cancelAll()
        }
    }

    /// - Returns: the value, or why there is none by the deadline.
    func ask<Value: Sendable>(
        within patience: Duration, _ body: @escaping @Sendable () async throws -> Value
    ) async -> Result<Value, Miss> {
        guard self.enter() else { return .failure(.full) }
        let reply = Reply<Value>()
        let added = self.addJob.yield {
            await withTaskGroup(of: Void.self) { group in
                group.addTask {
                    do {
                        reply.give(.success(try await body()))
                    } catch {
                        reply.give(.failure(.failed(error)))
                    }
                }
                group.addTask {
                    try? await Task.sleep(for: patience)
                    reply.give(.failure(.late))
                }
                await group.next()
                group.cancelAll()
            }
            self.leave()
        }
        guard case .enqueued = added else {
            self.leave()
            return .failure(.full)
        }
        return await reply.value()
    }

    private func enter() -> Bool {
        self.running.withLock { running in
            guard running < ChatLimits.retrievalsAtOnce else { return false }
            running += 1
            return true
        }
    }

    private func leave() {
        self.running.withLock { $0 -= 1 }
    }

    /// One value for one who waits; the first that is given stands.
    private final class Reply<Value: Sendable>: Sendable {
        private struct State: Sendable {
            var value: Result<Value, Miss>?
            var waiter: CheckedContinuation<Result<Value, Miss>, Never>?
        }

        private let state = Mutex(State())

        func give(_ value: Result<Value, Miss>) {
            let waiter = self.state.withLock { state in
                guard state.value == nil else { return CheckedContinuation<Result<Value, Miss>, Never>?.none }
                state.value = value
                defer { state.waiter = nil }
                return state.waiter
            }
            waiter?.resume(returning: value)
        }

        func value() async -> Result<Value, Miss> {
            await withTaskCancellationHandler {
                await withCheckedContinuation { continuation in
                    let known = self.state.withLock { state in
                        if state.value == nil { state.waiter = continuation }
                        return state.value
                    }
                    if let known { continuation.resume(returning: known) }
                }
            } onCancel: {
                self.give(.failure(.late))
            }
        }
    }
}
