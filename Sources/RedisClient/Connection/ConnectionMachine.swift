//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import DequeModule
import NIOCore

/// What one connection owes to whom, without the connection: replies come in the order of their commands, each command
/// has a time, and an idle connection is tested.
///
/// A waiter that is cancelled or whose time is over goes away; its place in the order stays until the reply comes, and
/// only when that does not come either is the connection given up.
struct ConnectionMachine<Waiter>: ~Copyable {
    /// What a command waits for.
    struct Expectation {
        /// Replies until it is complete.
        var replies = 1
        /// Whether an error comes in the place of all replies.
        var endsAtError = false
        /// When the waiter is told that it took too long.
        var callerDeadline: NIODeadline
        /// When the connection is given up; not before the caller's.
        var connectionDeadline: NIODeadline
    }

    /// What a reply leads to.
    enum Received {
        /// More replies belong to the same command.
        case incomplete
        /// The command has its reply; an array of all when it had several. The waiter is nil when it went away.
        case complete(Waiter?, RedisValue)
        /// Nobody asked.
        case unexpected
    }

    /// What the passing of time leads to.
    struct Due {
        /// Waiters whose time is over.
        var late: [Waiter] = []
        /// Why the connection must be closed now.
        var failure: RedisError?
        /// Whether to send PING, with `sent(nil, …)`.
        var ping = false
    }

    private struct Pending {
        var waiter: Waiter?
        var expectation: Expectation
        var values: [RedisValue] = []
    }

    private enum Phase {
        case open
        /// No new commands; closes when the last reply is here or at the time.
        case draining(RedisError, until: NIODeadline)
        case closed(RedisError)
    }

    private var phase = Phase.open
    private var pending: Deque<Pending> = []
    private var lastActivity: NIODeadline
    private let keepAlive: TimeAmount?

    /// - Parameter keepAlive: An idle connection is tested as often; nil for never.
    init(keepAlive: TimeAmount?, now: NIODeadline) {
        self.keepAlive = keepAlive
        self.lastActivity = now
    }

    /// Commands whose replies are not here.
    var pendingCount: Int { self.pending.count }

    /// Why no new command may be sent; nil when one may.
    var refusal: RedisError? {
        switch self.phase {
        case .open: nil
        case .draining(let error, _), .closed(let error): error
        }
    }

    /// Whether it is draining and nothing is left to wait for: close it.
    var isDrained: Bool {
        if case .draining = self.phase { self.pending.isEmpty } else { false }
    }

    /// When to call ``due(at:)`` next; nil for never.
    var nextWake: NIODeadline? {
        var wake: NIODeadline?
        if case .draining(_, let until) = self.phase { wake = until }
        for entry in self.pending {
            let deadline =
                entry.waiter == nil ? entry.expectation.connectionDeadline : entry.expectation.callerDeadline
            wake = min(wake ?? deadline, deadline)
        }
        if self.pending.isEmpty, let keepAlive = self.keepAlive {
            wake = min(wake ?? self.lastActivity + keepAlive, self.lastActivity + keepAlive)
        }
        return wake
    }

    /// A command goes out.
    mutating func sent(_ waiter: Waiter?, _ expectation: Expectation) {
        self.pending.append(Pending(waiter: waiter, expectation: expectation))
    }

    /// A reply is here.
    mutating func received(_ value: RedisValue, at now: NIODeadline) -> Received {
        self.lastActivity = now
        guard let expectation = self.pending.first?.expectation else { return .unexpected }
        if expectation.replies == 1 {
            return .complete(self.pending.removeFirst().waiter, value)
        }
        if expectation.endsAtError, case .error = value {
            return .complete(self.pending.removeFirst().waiter, value)
        }
        self.pending[0].values.append(value)
        guard self.pending[0].values.count == expectation.replies else { return .incomplete }
        let whole = self.pending.removeFirst()
        return .complete(whole.waiter, .array(whole.values))
    }

    /// Something that is no reply is here, which shows that the connection lives.
    mutating func receivedPush(at now: NIODeadline) {
        self.lastActivity = now
    }

    /// Time has passed.
    mutating func due(at now: NIODeadline) -> Due {
        var due = Due()
        if case .closed = self.phase { return due }
        for index in self.pending.indices {
            let expectation = self.pending[index].expectation
            if expectation.callerDeadline <= now, let waiter = self.pending[index].waiter {
                self.pending[index].waiter = nil
                due.late.append(waiter)
            }
            if expectation.connectionDeadline <= now, due.failure == nil {
                due.failure = RedisError(.timedOut, "the server did not answer in time", wasSent: true)
            }
        }
        if case .draining(let error, let until) = self.phase, until <= now { due.failure = due.failure ?? error }
        if let keepAlive = self.keepAlive, self.pending.isEmpty, case .open = self.phase {
            due.ping = self.lastActivity + keepAlive <= now
        }
        return due
    }

    /// No new commands from now on.
    mutating func drain(because error: RedisError, until: NIODeadline) {
        if case .open = self.phase { self.phase = .draining(error, until: until) }
    }

    /// The connection is gone. Gives those who still wait, in their order.
    mutating func close(because error: RedisError) -> [Waiter] {
        if case .closed = self.phase { return [] }
        self.phase = .closed(error)
        let waiters = self.pending.compactMap(\.waiter)
        self.pending = []
        return waiters
    }
}
