//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle
import Synchronization

@testable import WebSocketServer

/// Runs a server on a free port of 127.0.0.1 while `body` runs, then shuts it down gracefully and waits for its end.
func withServer(
    _ configuration: UpgradableChannel.Configuration = .init(),
    logger: Logger = .quiet,
    routes: (Router<BasicRequestContext>) -> Void,
    body: (TestServer) async throws -> Void
) async throws {
    let router = Router()
    routes(router)
    let ports = AsyncStream.makeStream(of: Int.self)
    let app = Application(
        router: router, server: .http1WebSocket(configuration: configuration),
        configuration: .init(address: .hostname("127.0.0.1", port: 0)),
        onServerRunning: { ports.continuation.yield($0.localAddress?.port ?? 0) }, logger: logger)
    let group = ServiceGroup(configuration: .init(services: [app], logger: logger))
    try await withThrowingTaskGroup(of: Void.self) { tasks in
        let cancellation = AsyncStream.makeStream(of: Void.self)
        tasks.addTask {
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                tasks.addTask { try await group.run() }
                tasks.addTask { for await _ in cancellation.stream { throw CancellationError() } }
                do {
                    try await tasks.next()
                } catch is CancellationError {}
                tasks.cancelAll()
            }
        }
        for await port in ports.stream {
            do {
                try await body(TestServer(port: port, group: group, cancellation: cancellation.continuation))
            } catch {
                await group.triggerGracefulShutdown()
                throw error
            }
            break
        }
        await group.triggerGracefulShutdown()
        try await tasks.waitForAll()
    }
}

struct TestServer: Sendable {
    let port: Int
    let group: ServiceGroup
    let cancellation: AsyncStream<Void>.Continuation

    /// Ends the server's task without any grace.
    func cancel() { self.cancellation.yield() }

    func shutDown() async { await self.group.triggerGracefulShutdown() }
}

extension Logger {
    static var quiet: Logger { Logger(label: "test") { _ in SwiftLogNoOpLogHandler() } }
}

/// A session that echoes, and lets a test see what happens to it.
final class EchoSession: WebSocketSession {
    enum Event: Sendable, Equatable {
        case received(WebSocketMessage)
        case goingAway
        case closed(WebSocketClosure)
    }

    let connection: WebSocketConnection
    private let log: EventLog<Event>

    init(_ connection: WebSocketConnection, log: EventLog<Event> = EventLog()) {
        self.connection = connection
        self.log = log
    }

    func received(_ message: WebSocketMessage) async {
        self.log.append(.received(message))
        switch message {
        case .text(let buffer): self.connection.send(.text(utf8: buffer))
        case .binary(let buffer): self.connection.send(.binary(buffer.readableBytesView))
        }
    }

    func serverIsGoingAway() {
        self.log.append(.goingAway)
        self.connection.send(text: "going away")
    }

    func closed(_ closure: WebSocketClosure) async { self.log.append(.closed(closure)) }
}

/// Events in order, for one reader that waits for the next.
final class EventLog<Event: Sendable>: Sendable {
    private let stream = AsyncStream.makeStream(of: Event.self)

    func append(_ event: Event) { self.stream.continuation.yield(event) }

    func next() async -> Event? {
        for await event in self.stream.stream { return event }
        return nil
    }
}
