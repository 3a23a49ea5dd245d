//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import NIOCore
import NIOHTTP1
public import ParleyCore

/// Answers from model servers that speak the OpenAI API.
public struct OpenAIChatModel: ChatModel {
    private let servers: ModelServers

    public init(_ servers: ModelServers) {
        self.servers = servers
    }

    public func models() async -> [ModelInfo] {
        await self.servers.models()
    }

    public func answer(
        _ request: ChatRequest, receive: (ModelEvent) async throws -> Void
    ) async throws -> ModelCompletion {
        let candidates = try await self.servers.candidates(
            for: request.model, continuing: request.continuing?.isEmpty == false)
        let start = ContinuousClock.now
        var failures = Failures()
        for candidate in candidates {
            var run = AnswerRun(request: request, candidate: candidate, start: start)
            do {
                return try await run.answer(receive: receive)
            } catch let error as ModelError where !run.hasBegun && error.mayTryAnotherServer {
                failures.note(error)
            }
        }
        throw failures.mostTelling
    }
}

/// The failures of several servers, of which one is told.
struct Failures {
    private var first: ModelError?
    private var firstOfServer: ModelError?

    mutating func note(_ error: ModelError) {
        self.first = self.first ?? error
        if error.code != .overloaded { self.firstOfServer = self.firstOfServer ?? error }
    }

    /// The most preferred server's, unless that only refused for being busy.
    var mostTelling: ModelError {
        self.firstOfServer ?? self.first ?? ModelError(.unreachable, "No model server is configured.")
    }
}

extension ModelError {
    /// Whether the same server may do better at once.
    var mayTrySameServer: Bool {
        self.isRetryable && self.code != .overloaded
    }

    /// Whether the next server may know better: all that may pass, a key that is wrong here, a model that is not here.
    var mayTryAnotherServer: Bool {
        self.isRetryable || self.code == .unauthorized || self.status == 404 || self.status == 429
    }
}

/// One answer by one server: attempts until the first token, then the stream.
private struct AnswerRun {
    let request: ChatRequest
    let server: ModelServer
    /// The name that people know the model by.
    let model: String
    let serverModel: String
    let start: ContinuousClock.Instant
    /// Whether the reader has been told of anything: from here on there is no other attempt.
    private(set) var hasBegun = false

    init(request: ChatRequest, candidate: ModelServers.Candidate, start: ContinuousClock.Instant) {
        self.request = request
        self.server = candidate.server
        self.model = candidate.model
        self.serverModel = candidate.server.endpoint.serverName(for: candidate.model)
        self.start = start
    }

    mutating func answer(receive: (ModelEvent) async throws -> Void) async throws -> ModelCompletion {
        let limits = self.server.endpoint.limits
        let total = self.start.advanced(by: limits.total)
        let firstTokenBy = min(ContinuousClock.now.advanced(by: limits.firstToken), total)
        let body = ByteBuffer(
            bytes: CompletionBody.bytes(for: self.request, model: self.serverModel, endpoint: self.server.endpoint))
        self.server.noteFirstRequest()
        var retries = Retries(self.server, until: firstTokenBy)
        while true {
            do {
                return try await self.attempt(body, until: firstTokenBy, total: total, receive: receive)
            } catch let error as ModelError where !self.hasBegun && error.mayTrySameServer {
                guard let delay = retries.delay(after: error) else { throw error }
                try await Task.sleep(for: delay)
            }
        }
    }

    private mutating func attempt(
        _ body: ByteBuffer, until firstTokenBy: ContinuousClock.Instant, total: ContinuousClock.Instant,
        receive: (ModelEvent) async throws -> Void
    ) async throws -> ModelCompletion {
        let sent = ContinuousClock.now
        let response = try await self.server.open(
            "chat/completions", body: body,
            headers: ["Content-Type": "application/json", "Accept": "text/event-stream"], until: firstTokenBy,
            total: total)
        let exchange = response.exchange
        var stream = CompletionStream(endpoint: self.server.endpoint)
        do {
            let completion = try await self.read(
                exchange, &stream, ticket: response.ticket, sent: sent, receive: receive)
            self.server.metrics.deltasCame(stream.deltas)
            self.server.metrics.requestEnded("completed")
            return completion
        } catch {
            exchange.cancel()
            self.server.metrics.deltasCame(stream.deltas)
            self.server.ended(response.ticket, with: error)
            throw error
        }
    }

    /// Reads the stream to its end and hands on what comes of it.
    private mutating func read(
        _ exchange: ModelExchange, _ stream: inout CompletionStream, ticket: CircuitBreaker<ModelServer.Instant>.Ticket,
        sent: ContinuousClock.Instant, receive: (ModelEvent) async throws -> Void
    ) async throws -> ModelCompletion {
        try await withTaskCancellationHandler {
            while let bytes = try await Self.next(exchange, hasFinished: stream.hasFinished) {
                let tokens = stream.tokens
                do {
                    try Self.feed(bytes, from: exchange, to: &stream)
                } catch {
                    // What came before the fault is kept.
                    try await self.hand(stream.takeText(), to: receive)
                    throw error
                }
                if stream.tokens > tokens {
                    if tokens == 0 {
                        self.server.metrics.firstTokenCame(after: ContinuousClock.now - sent)
                        self.server.succeeded(ticket)
                    }
                    exchange.tokenReceived()
                }
                try await self.hand(stream.takeText(), to: receive)
                if stream.isComplete { break }
                if stream.hasFinished { exchange.answerEnded() }
            }
            let completion = stream.isComplete ? stream.completion : try stream.finish()
            self.server.succeeded(ticket)
            if stream.wasCut { exchange.cancel() } else { exchange.detach() }
            try await self.begin(receive)
            try await self.hand(stream.takeText(), to: receive)
            return completion
        } onCancel: {
            exchange.cancel()
        }
    }

    /// The next bytes; a connection that breaks after the answer's end is only its end.
    private static func next(_ exchange: ModelExchange, hasFinished: Bool) async throws -> ByteBuffer? {
        do {
            return try await exchange.next()
        } catch is ModelError where hasFinished {
            return nil
        }
    }

    /// Reads all that has come, so that the text of several chunks is handed on at once.
    private static func feed(
        _ bytes: ByteBuffer, from exchange: ModelExchange, to stream: inout CompletionStream
    ) throws(ModelError) {
        try stream.feed(bytes)
        while !stream.isComplete, let more = exchange.available() {
            try stream.feed(more)
        }
    }

    private mutating func hand(_ text: String, to receive: (ModelEvent) async throws -> Void) async throws {
        guard !text.isEmpty else { return }
        try await self.begin(receive)
        try await receive(.delta(text))
    }

    private mutating func begin(_ receive: (ModelEvent) async throws -> Void) async throws {
        guard !self.hasBegun else { return }
        self.hasBegun = true
        try await receive(.started(model: self.model))
    }
}
