//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import HTTPTypes
import ParleyCore
import Synchronization

/// Bounds how many uploads are under way, in all and for one user.
final class UploadGate: Sendable {
    private struct State {
        var total = 0
        var byUser: [UserID: Int] = [:]
    }

    private let state = Mutex(State())

    /// Runs an upload, if there is room for it.
    ///
    /// - Throws: a 503 `Problem` when the server has its fill, a 429 when the user has; else what `body` throws.
    func pass<Value>(_ user: UserID, _ body: () async throws -> Value) async throws -> Value {
        try self.enter(user)
        defer { self.leave(user) }
        return try await body()
    }

    private func enter(_ user: UserID) throws {
        try self.state.withLock { state in
            guard state.total < HTTPLimits.uploads else {
                throw Problem(
                    .serviceUnavailable, "too-many-uploads", title: "Too many uploads",
                    detail: "The server takes \(HTTPLimits.uploads) uploads at once. Try again in a moment.",
                    headers: [.retryAfter: "5"])
            }
            guard state.byUser[user, default: 0] < HTTPLimits.uploadsPerUser else {
                throw Problem.tooManyRequests(
                    retryAfterSeconds: 2, "You have \(HTTPLimits.uploadsPerUser) uploads under way already.")
            }
            state.total += 1
            state.byUser[user, default: 0] += 1
        }
    }

    private func leave(_ user: UserID) {
        self.state.withLock { state in
            state.total -= 1
            let left = state.byUser[user, default: 1] - 1
            state.byUser[user] = left > 0 ? left : nil
        }
    }
}
