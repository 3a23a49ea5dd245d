//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import NIOCore
import Synchronization

/// Where any thread leaves requests and the event loop of a connection takes them, many at a time.
final class RequestInbox: Sendable {
    private struct State {
        var requests: [RedisRequest] = []
        /// Whether the loop has been called and has not come yet.
        var isCalled = false
        /// Requests that have no reply, those that are sent included.
        var count = 0
        /// Bytes that the kernel has not taken.
        var bytes = 0
        /// Why nothing more is taken.
        var refusal: RedisError?
    }

    private let state = Mutex(State())
    private let maximumCount: Int
    private let maximumBytes: Int

    init(
        maximumCount: Int = RedisClientLimits.commandsPerConnection,
        maximumBytes: Int = RedisClientLimits.unsentBytesPerConnection
    ) {
        self.maximumCount = maximumCount
        self.maximumBytes = maximumBytes
    }

    /// Why nothing more is taken; nil when something is.
    var refusal: RedisError? { self.state.withLock(\.refusal) }

    /// Requests that have no reply yet.
    var count: Int { self.state.withLock(\.count) }

    /// Leaves a request. Gives whether the loop must be called, or why the request is not taken.
    func put(_ request: RedisRequest) -> Result<Bool, RedisError> {
        let size = request.bytes.readableBytes
        return self.state.withLock { state in
            if let refusal = state.refusal { return .failure(refusal.sent(false)) }
            guard state.count < self.maximumCount else {
                return .failure(RedisError(.poolExhausted, "too many commands wait for their replies"))
            }
            // One that is large on its own goes when nothing else waits.
            guard state.bytes == 0 || state.bytes + size <= self.maximumBytes else {
                return .failure(RedisError(.poolExhausted, "too many bytes wait to be sent"))
            }
            state.requests.append(request)
            state.count += 1
            state.bytes += size
            defer { state.isCalled = true }
            return .success(!state.isCalled)
        }
    }

    /// Takes all that is there, in order.
    func takeAll() -> [RedisRequest] {
        self.state.withLock { state in
            state.isCalled = false
            defer { state.requests = [] }
            return state.requests
        }
    }

    /// A request goes out that was never here.
    func countOne() {
        self.state.withLock { $0.count += 1 }
    }

    /// As many requests have their replies or will have none, and as many bytes are gone.
    func release(requests: Int = 0, bytes: Int = 0) {
        self.state.withLock { state in
            state.count -= requests
            state.bytes -= bytes
        }
    }

    /// Takes nothing from now on. The first reason counts.
    func refuse(_ error: RedisError) {
        self.state.withLock { state in
            if state.refusal == nil { state.refusal = error }
        }
    }
}
