//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
public import NIOCore
import Synchronization

/// What became of a message handed to ``WebSocketConnection/send(_:)``.
public enum WebSocketSendResult: Sendable, Equatable {
    /// It will be written.
    case accepted
    /// It will be written, and much waits before it: send no more until ``WebSocketConnection/writable()`` returns.
    case congested
    /// It was dropped, because the queue is full.
    case refused
    /// It was dropped, because the connection is closed or closing.
    case closed
}

/// One open WebSocket, as its session sees it. Usable from any thread or task; nothing in it blocks.
public final class WebSocketConnection: Sendable {
    private struct State {
        var outbox: WebSocketOutbox
        var inbox: WebSocketInbox
        var nextWaiter: UInt64 = 0
        var waiters: [UInt64: CheckedContinuation<Bool, Never>] = [:]
    }

    private let channel: any Channel
    private let state: Mutex<State>
    /// What was agreed on in the handshake.
    public let subprotocol: String?

    init(channel: any Channel, upgrade: WebSocketUpgrade) {
        self.channel = channel
        self.subprotocol = upgrade.subprotocol
        self.state = Mutex(
            State(
                outbox: WebSocketOutbox(upgrade.settings),
                inbox: WebSocketInbox(upgrade.settings)))
    }

    /// The peer's address, or the proxy's.
    public var remoteAddress: SocketAddress? { self.channel.remoteAddress }

    /// Whether messages can still be sent.
    public var isOpen: Bool { self.state.withLock { $0.outbox.isOpen } }

    // MARK: Sending

    /// Queues a message. Messages of one sender stay in order and are written whole.
    @discardableResult
    public func send(_ message: WebSocketOutboundMessage) -> WebSocketSendResult {
        let (result, wakes) = self.state.withLock { $0.outbox.append(message.frame) }
        if wakes { self.wake() }
        return result
    }

    /// Queues a text message.
    @discardableResult
    public func send(text: String) -> WebSocketSendResult {
        self.send(.text(text))
    }

    /// Suspends until ``send(_:)`` would answer ``WebSocketSendResult/accepted`` again.
    ///
    /// - Returns: false when the connection closed, or the task was cancelled, while it waited.
    public func writable() async -> Bool {
        let waiter = self.state.withLock { state in
            state.nextWaiter += 1
            return state.nextWaiter
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let answer: Bool? = self.state.withLock { state in
                    guard state.outbox.isOpen, !Task.isCancelled else { return false }
                    guard state.outbox.isCongested else { return true }
                    state.waiters[waiter] = continuation
                    return nil
                }
                if let answer { continuation.resume(returning: answer) }
            }
        } onCancel: {
            self.state.withLock { $0.waiters.removeValue(forKey: waiter) }?.resume(returning: false)
        }
    }

    /// Closes after the messages sent so far; a second call changes nothing. ``WebSocketSession/closed(_:)`` follows
    /// when the peer has answered or ``WebSocketConfiguration/closeTimeout`` has passed.
    ///
    /// - Parameter reason: For the peer's log; cut to 123 bytes.
    public func close(_ code: WebSocketCloseCode = .normalClosure, reason: String = "") {
        let code = code.isAllowedOnWire ? code : .internalError
        if self.state.withLock({ $0.outbox.requestClose(code, reason: reason) }) { self.wake() }
    }

    /// Tells the handler that there is something to write or that it may read again.
    private func wake() {
        self.channel.triggerUserOutboundEvent(WebSocketWake(), promise: nil)
    }

    // MARK: For the handler, on the event loop

    /// The close that follows the messages that wait.
    var closeRequest: (code: WebSocketCloseCode, reason: String)? { self.state.withLock { $0.outbox.close } }

    /// What to write next, whether nothing waits behind it, and the close that follows it. All under one lock: a
    /// close between two would go unseen, since it does not wake a handler that is awake.
    func takeBatch() -> (frames: [ByteBuffer], isLast: Bool, close: (code: WebSocketCloseCode, reason: String)?) {
        let (frames, isLast, close, relieved) = self.state.withLock { state in
            let frames = state.outbox.take(
                countMax: WebSocketServerLimits.framesPerFlush,
                bytesMax: WebSocketServerLimits.channelWaterMark.upperBound)
            let relieved = state.outbox.isRelieved ? Self.takeWaiters(&state) : []
            return (frames, state.outbox.isEmpty, state.outbox.close, relieved)
        }
        for waiter in relieved { waiter.resume(returning: true) }
        return (frames, isLast, close)
    }

    /// No more can be written; what waits is freed.
    func shutOutbox() {
        let waiters = self.state.withLock { state in
            state.outbox.shut()
            return Self.takeWaiters(&state)
        }
        for waiter in waiters { waiter.resume(returning: false) }
    }

    private static func takeWaiters(_ state: inout State) -> [CheckedContinuation<Bool, Never>] {
        guard !state.waiters.isEmpty else { return [] }
        defer { state.waiters = [:] }
        return Array(state.waiters.values)
    }

    // MARK: Delivering

    var isInboxFull: Bool { self.state.withLock { $0.inbox.isFull } }

    /// Queues an event for `session`. A task lives only while there are events. Returns whether reading must stop.
    func deliver(_ event: WebSocketInbox.Event, to session: any WebSocketSession) -> Bool {
        let (starts, isFull) = self.state.withLock { $0.inbox.append(event) }
        if starts {
            // The caller is a synchronous handler. The task ends when the queue, which is bounded, is empty, and the
            // next event starts another; the last event is the close.
            Task {
                while let event = self.nextEvent() {
                    switch event {
                    case .message(let message): await session.received(message)
                    case .closed(let closure): await session.closed(closure)
                    }
                }
            }
        }
        return isFull
    }

    private func nextEvent() -> WebSocketInbox.Event? {
        let (event, resumes) = self.state.withLock { $0.inbox.next() }
        if resumes { self.wake() }
        return event
    }
}

/// Sent through the pipeline to the ``WebSocketHandler``.
struct WebSocketWake: Sendable {}
