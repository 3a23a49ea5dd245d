//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import AsyncHTTPClient
import DequeModule
import NIOCore
import NIOHTTP1
import ParleyCore
import Synchronization

/// One request to a model server and the response to it, read with back-pressure and own deadlines.
///
/// It hears the client library on the event loop and is read by one task. A single timer watches the earliest deadline
/// and is only moved when it fires, so that a token costs no timer.
final class ModelExchange: HTTPClientResponseDelegate {
    typealias Response = Void
    typealias Deadlines = ExchangeDeadlines<ContinuousClock.Instant>

    private struct State {
        var deadlines: Deadlines
        var head: HTTPResponseHead?
        var parts: Deque<ByteBuffer> = []
        var bufferedBytes = 0
        /// The client library waits for it before it reads on.
        var room: EventLoopPromise<Void>?
        var reader: CheckedContinuation<Void, Never>?
        var task: HTTPClient.Task<Void>?
        var timer: Scheduled<Void>?
        var timerAt: ContinuousClock.Instant?
        var end: Result<Void, any Error>?
        /// Nobody reads any more; so many bytes may still come.
        var drains: Int?
    }

    private enum Step {
        case head(HTTPResponseHead)
        case bytes(ByteBuffer, room: EventLoopPromise<Void>?)
        case ended
        case failed(any Error)
        case wait(timerAt: ContinuousClock.Instant?)
    }

    private let state: Mutex<State>
    private let words: ServerWords
    private let endpoint: String
    private let onEnd: @Sendable () -> Void

    /// Sends the request.
    ///
    /// - Parameter onEnd: called once, when the connection is free again or gone.
    static func start(
        _ request: HTTPClient.Request, with clients: LoopClients, endpoint: ModelEndpoint, deadlines: Deadlines,
        onEnd: @escaping @Sendable () -> Void
    ) -> ModelExchange {
        let exchange = ModelExchange(endpoint: endpoint, deadlines: deadlines, onEnd: onEnd)
        let task = clients.next().execute(request: request, delegate: exchange)
        task.futureResult.whenComplete { result in exchange.finished(result) }
        let ended = exchange.state.withLock { state in
            state.task = task
            return state.end != nil
        }
        if ended {
            task.cancel()
        } else {
            exchange.setTimer(at: deadlines.next.at)
        }
        return exchange
    }

    private init(endpoint: ModelEndpoint, deadlines: Deadlines, onEnd: @escaping @Sendable () -> Void) {
        self.state = Mutex(State(deadlines: deadlines))
        self.words = ServerWords(key: endpoint.apiKey)
        self.endpoint = endpoint.name
        self.onEnd = onEnd
    }

    // MARK: The reader

    /// The response's status and header. Throws `ModelError`, or `CancellationError` after ``cancel()``.
    func head() async throws -> HTTPResponseHead {
        while true {
            switch self.state.withLock({ Self.headStep(&$0) }) {
            case .head(let head): return head
            case .failed(let error): throw error
            case .wait(let timerAt): await self.change(awaitsHead: true, timerAt: timerAt)
            case .bytes, .ended: throw ModelError(.malformed, "\(self.endpoint) answered without a head.")
            }
        }
    }

    /// The next bytes of the body, `nil` at its end. Throws `ModelError`, or `CancellationError` after ``cancel()``.
    func next() async throws -> ByteBuffer? {
        while true {
            switch self.state.withLock({ Self.nextStep(&$0) }) {
            case .bytes(let bytes, let room):
                room?.succeed()
                return bytes
            case .ended, .head: return nil
            case .failed(let error): throw error
            case .wait(let timerAt): await self.change(awaitsHead: false, timerAt: timerAt)
            }
        }
    }

    /// Bytes that have come already, `nil` when the reader would have to wait.
    func available() -> ByteBuffer? {
        switch self.state.withLock({ $0.parts.isEmpty ? .ended : Self.nextStep(&$0) }) {
        case .bytes(let bytes, let room):
            room?.succeed()
            return bytes
        case .ended, .head, .failed, .wait: return nil
        }
    }

    /// Tells that a token came: the time to the next begins with the next wait.
    func tokenReceived() {
        self.state.withLock { $0.deadlines.tokenReceived() }
    }

    /// Tells that the answer is complete and only the rest of the body is awaited.
    func answerEnded() {
        self.state.withLock { $0.deadlines.ending(at: .now, grace: ModelsLimits.finishGrace) }
    }

    /// Ends the request at once; the connection is closed.
    func cancel() {
        self.fail(CancellationError())
    }

    /// Leaves a response whose answer is complete: what is left of the body is thrown away within limits, and the
    /// connection used again.
    func detach() {
        let (room, timerAt) = self.state.withLock { state -> (EventLoopPromise<Void>?, ContinuousClock.Instant?) in
            guard state.end == nil else { return (nil, nil) }
            state.drains = ModelsLimits.drainBytes
            state.parts = []
            state.bufferedBytes = 0
            state.deadlines.ending(at: .now, grace: ModelsLimits.finishGrace)
            defer { state.room = nil }
            return (state.room, Self.earlierTimer(state))
        }
        room?.succeed()
        if let timerAt { self.setTimer(at: timerAt) }
    }

    private static func headStep(_ state: inout State) -> Step {
        if let head = state.head { return .head(head) }
        switch state.end {
        case .failure(let error): return .failed(error)
        case .success: return .ended
        case nil: return .wait(timerAt: nil)
        }
    }

    private static func nextStep(_ state: inout State) -> Step {
        if let bytes = state.parts.popFirst() {
            state.bufferedBytes -= bytes.readableBytes
            guard state.parts.isEmpty, let room = state.room else { return .bytes(bytes, room: nil) }
            state.room = nil
            return .bytes(bytes, room: room)
        }
        switch state.end {
        case .failure(let error): return .failed(error)
        case .success: return .ended
        case nil:
            state.deadlines.waiting(at: .now)
            return .wait(timerAt: Self.earlierTimer(state))
        }
    }

    private static func earlierTimer(_ state: State) -> ContinuousClock.Instant? {
        let due = state.deadlines.next.at
        guard let timerAt = state.timerAt, timerAt <= due else { return due }
        return nil
    }

    private func change(awaitsHead: Bool, timerAt: ContinuousClock.Instant?) async {
        if let timerAt { self.setTimer(at: timerAt) }
        await withCheckedContinuation { continuation in
            let ready = self.state.withLock { state in
                if !state.parts.isEmpty || state.end != nil || (state.head != nil && awaitsHead) { return true }
                precondition(state.reader == nil, "a response has one reader")
                state.reader = continuation
                return false
            }
            if ready { continuation.resume() }
        }
    }

    // MARK: Deadlines

    private func setTimer(at due: ContinuousClock.Instant) {
        guard let loop = self.state.withLock({ $0.end == nil ? $0.task?.eventLoop : nil }) else { return }
        let wait = max(.zero, ContinuousClock.now.duration(to: due))
        let timer = loop.scheduleTask(in: TimeAmount(wait)) { self.timerFired() }
        let old = self.state.withLock { state -> Scheduled<Void>? in
            guard state.end == nil else { return timer }
            // Two may set it at once, the reader and the timer itself: the earlier stays.
            if let timerAt = state.timerAt, timerAt <= due { return timer }
            defer {
                state.timer = timer
                state.timerAt = due
            }
            return state.timer
        }
        old?.cancel()
    }

    private func timerFired() {
        let now = ContinuousClock.now
        let (passed, next) = self.state.withLock { state -> (Deadlines.Kind?, ContinuousClock.Instant) in
            state.timer = nil
            state.timerAt = nil
            return (state.deadlines.passed(at: now), state.deadlines.next.at)
        }
        if let passed {
            self.fail(self.error(for: passed))
        } else {
            self.setTimer(at: next)
        }
    }

    private func error(for deadline: Deadlines.Kind) -> ModelError {
        switch deadline {
        case .connect: ModelError(.timeout, "\(self.endpoint) accepted no connection in time.")
        case .firstToken: ModelError(.timeout, "\(self.endpoint) did not begin its answer in time.")
        case .nextToken: ModelError(.timeout, "\(self.endpoint) stopped in the middle of its answer.")
        case .rest: ModelError(.timeout, "\(self.endpoint) did not end its response in time.")
        case .total: ModelError(.timeout, "The answer took longer than it may.")
        }
    }

    // MARK: The end

    private func fail(_ error: any Error) {
        let task = self.state.withLock { $0.end == nil ? $0.task : nil }
        self.end(.failure(error))
        task?.fail(reason: error)
    }

    private func finished(_ result: Result<Void, any Error>) {
        let hadHead = self.state.withLock { $0.head != nil }
        self.end(result.mapError { ModelError($0, endpoint: self.endpoint, hadHead: hadHead, words: self.words) })
        self.onEnd()
    }

    private func end(_ result: Result<Void, any Error>) {
        let (reader, room, timer) = self.state.withLock { state in
            guard state.end == nil else {
                return (nil, nil, nil) as (CheckedContinuation<Void, Never>?, EventLoopPromise<Void>?, Scheduled<Void>?)
            }
            state.end = result
            // What came before a failure is still read; after a cancellation nobody reads.
            if case .failure(is CancellationError) = result { state.parts = [] }
            defer {
                state.reader = nil
                state.room = nil
                state.timer = nil
            }
            return (state.reader, state.room, state.timer)
        }
        timer?.cancel()
        room?.succeed()
        reader?.resume()
    }

    // MARK: HTTPClientResponseDelegate

    func didSendRequestHead(task: HTTPClient.Task<Void>, _ head: HTTPRequestHead) {
        self.state.withLock { $0.deadlines.connected() }
    }

    func didReceiveHead(task: HTTPClient.Task<Void>, _ head: HTTPResponseHead) -> EventLoopFuture<Void> {
        let reader = self.state.withLock { state in
            state.head = head
            defer { state.reader = nil }
            return state.reader
        }
        reader?.resume()
        return task.eventLoop.makeSucceededVoidFuture()
    }

    func didReceiveBodyPart(task: HTTPClient.Task<Void>, _ buffer: ByteBuffer) -> EventLoopFuture<Void> {
        var overflow = false
        let (reader, room) = self.state.withLock {
            state -> (CheckedContinuation<Void, Never>?, EventLoopPromise<Void>?) in
            if let drains = state.drains {
                state.drains = drains - buffer.readableBytes
                overflow = drains < buffer.readableBytes
                return (nil, nil)
            }
            guard state.end == nil else { return (nil, nil) }
            state.parts.append(buffer)
            state.bufferedBytes += buffer.readableBytes
            if state.bufferedBytes >= ModelsLimits.responseBufferBytes {
                state.room = task.eventLoop.makePromise()
            }
            defer { state.reader = nil }
            return (state.reader, state.room)
        }
        reader?.resume()
        if overflow { self.cancel() }
        return room?.futureResult ?? task.eventLoop.makeSucceededVoidFuture()
    }

    func didFinishRequest(task: HTTPClient.Task<Void>) {}
}

extension TimeAmount {
    fileprivate init(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        // Bounded to a year, far below where the sum would overflow.
        self = .nanoseconds(min(seconds, 31_536_000) * 1_000_000_000 + attoseconds / 1_000_000_000)
    }
}
