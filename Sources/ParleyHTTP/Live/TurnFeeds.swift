//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Logging
import ParleyChat
import ParleyCore
import Synchronization
import WebSocketServer

/// One turn's events on their way to one WebSocket.
final class TurnFeed: Sendable {
    let turnID: TurnID
    private let ended = Mutex(false)

    init(turnID: TurnID) {
        self.turnID = turnID
    }

    /// Ends it; events that are read meanwhile are not sent any more.
    func end() {
        self.ended.withLock { $0 = true }
    }

    var isEnded: Bool {
        self.ended.withLock { $0 }
    }
}

/// Runs the feeds of all WebSockets. A feed lives as long as its turn does, so an idle socket has none.
final class TurnFeeds: Sendable {
    private struct Job: Sendable {
        var feed: TurnFeed
        var follower: TurnFollower
        var connection: WebSocketConnection
        var onEnd: @Sendable (TurnFeed) -> Void
    }

    private let jobs: AsyncStream<Job>
    private let addJob: AsyncStream<Job>.Continuation

    init() {
        (self.jobs, self.addJob) = AsyncStream.makeStream(
            of: Job.self, bufferingPolicy: .bufferingOldest(HTTPLimits.connections))
    }

    /// Begins a feed.
    ///
    /// - Returns: false when the server is shutting down or too many wait.
    func start(
        _ feed: TurnFeed, follower: TurnFollower, to connection: WebSocketConnection,
        onEnd: @escaping @Sendable (TurnFeed) -> Void
    ) -> Bool {
        let job = Job(feed: feed, follower: follower, connection: connection, onEnd: onEnd)
        guard case .enqueued = self.addJob.yield(job) else { return false }
        return true
    }

    /// Runs until cancelled.
    func run() async {
        await withDiscardingTaskGroup { group in
            for await job in self.jobs {
                group.addTask {
                    await Self.carry(job)
                    job.onEnd(job.feed)
                }
            }
        }
    }

    private static func carry(_ job: Job) async {
        var follower = job.follower
        do {
            while let events = try await follower.next(atMost: HTTPLimits.keepAlive) {
                for event in events {
                    guard !job.feed.isEnded else { return }
                    guard await Self.send(event, to: job.connection) else { return }
                }
                guard !job.feed.isEnded, job.connection.isOpen else { return }
            }
        } catch is CancellationError {
            return
        } catch {
            let problem = Problem(error) ?? .internalError
            job.connection.send(ChatSocketReply.error(problem, id: nil))
        }
    }

    /// Sends one event, waiting while the socket is congested: the log keeps the rest.
    ///
    /// - Returns: false when the socket is closed.
    private static func send(_ event: TurnEvent, to connection: WebSocketConnection) async -> Bool {
        let message = WebSocketOutboundMessage.text(utf8: event.json)
        while true {
            switch connection.send(message) {
            case .accepted: return true
            case .congested: return await connection.writable()
            case .refused:
                guard await connection.writable() else { return false }
            case .closed: return false
            }
        }
    }
}
