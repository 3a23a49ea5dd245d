//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Synchronization

/// Does one kind of background work.
///
/// A job may be delivered more than once, also after it was done: a handler can be repeated. Its task is cancelled when
/// the job belongs to somebody else, was discarded, or the node drains; then it returns soon, whatever it throws.
public protocol JobHandler: Sendable {
    var kind: JobKind { get }

    /// Jobs of this kind that one node works on at once.
    var concurrency: Int { get }

    /// The longest that one delivery may take; then it counts as a failure.
    var patience: Duration { get }

    /// - Throws: `JobError`: what went wrong, and whether another try may help.
    func run(_ job: Job, progress: JobProgress) async throws(JobError)
}

/// Why a job was not done.
public struct JobError: Error, Sendable, CustomStringConvertible {
    /// For operators; never holds a secret or a user's text.
    public var message: String
    /// Whether doing it again may help; if not, the job is set aside at once.
    public var isRetryable: Bool

    public init(_ message: String, isRetryable: Bool) {
        self.message = message
        self.isRetryable = isRetryable
    }

    public var description: String { self.message }
}

/// How far a job has come. The handler reports; the worker passes it on with its next heartbeat.
public final class JobProgress: Sendable {
    private let value = Mutex<Double?>(nil)

    public init() {}

    /// - Parameter fraction: from 0 to 1; anything else is brought into that range.
    public func report(_ fraction: Double) {
        guard fraction.isFinite else { return }
        self.value.withLock { $0 = min(max(fraction, 0), 1) }
    }

    /// The last report, or `nil` before the first.
    public var fraction: Double? {
        self.value.withLock { $0 }
    }
}
