//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import AsyncHTTPClient
import Foundation
import Logging
import NIOCore
import NIOHTTP1
import ParleyCore
import Synchronization

/// One model server at run time: its configuration, and what is known of its state.
final class ModelServer: Sendable {
    typealias Instant = ContinuousClock.Instant

    /// A response whose head says yes.
    struct Response: Sendable {
        let exchange: ModelExchange
        let head: HTTPResponseHead
        let ticket: CircuitBreaker<Instant>.Ticket
    }

    let endpoint: ModelEndpoint
    let gate: RequestGate
    let metrics: ModelMetrics
    let catalog: ModelCatalog
    private let clients: LoopClients
    private let logger: Logger
    private let breaker: Mutex<CircuitBreaker<Instant>>
    private let budget: Mutex<RetryBudget<Instant>>

    init(_ endpoint: ModelEndpoint, clients: LoopClients, logger: Logger) {
        self.endpoint = endpoint
        self.clients = clients
        var logger = logger
        logger[metadataKey: "endpoint"] = "\(endpoint.name)"
        self.logger = logger
        let limits = endpoint.limits
        self.gate = RequestGate(limit: limits.concurrentRequests, queueLimit: limits.queuedRequests)
        self.metrics = ModelMetrics(endpoint: endpoint.name)
        self.breaker = Mutex(
            CircuitBreaker(settings: .init(failureThreshold: limits.breakerFailures, openFor: limits.breakerOpen)))
        self.budget = Mutex(RetryBudget(start: .now))
        self.catalog = ModelCatalog(endpoint: endpoint, clients: clients)
    }

    // MARK: Health

    /// Whether a request would be sent at once.
    var isFree: Bool { self.gate.hasRoom && self.isHealthy }

    /// Whether the breaker lets requests through.
    var isHealthy: Bool { self.breaker.withLock { $0.wouldAdmit(at: .now) } }

    var breakerState: CircuitBreaker<Instant>.State { self.breaker.withLock { $0.state } }

    func noteFirstRequest() { self.budget.withLock { $0.noteRequest(at: .now) } }

    func takeRetry() -> Bool { self.budget.withLock { $0.takeRetry(at: .now) } }

    /// Tells the breaker how a request went.
    func succeeded(_ ticket: CircuitBreaker<Instant>.Ticket) {
        self.report { $0.succeeded(ticket) }
    }

    /// Tells the breaker and the figures how a request ended.
    func ended(_ ticket: CircuitBreaker<Instant>.Ticket, with error: any Error) {
        guard let error = error as? ModelError else {
            self.report { $0.abandoned(ticket) }
            self.metrics.requestEnded("cancelled")
            return
        }
        self.report { breaker in
            switch error.code {
            case .unreachable, .timeout, .truncated, .malformed, .serverError: breaker.failed(ticket, at: .now)
            case .rateLimited, .unauthorized, .refused, .tooLong: breaker.succeeded(ticket)
            case .overloaded: breaker.abandoned(ticket)
            }
        }
        self.metrics.requestEnded(error.code.rawValue)
        self.logger.info(
            "model request failed", metadata: ["code": "\(error.code.rawValue)", "reason": "\(error.message)"])
    }

    private func report(_ change: (inout CircuitBreaker<Instant>) -> Void) {
        let (before, after) = self.breaker.withLock { breaker in
            let before = breaker.state
            change(&breaker)
            return (before, breaker.state)
        }
        guard before != after else { return }
        self.metrics.breakerState(after.rawValue)
        switch after {
        case .open: self.logger.warning("model server left alone for a while after failures")
        case .closed: self.logger.notice("model server answers again")
        case .halfOpen: break
        }
    }

    // MARK: Requests

    /// Sends a request once it has a place, and waits for the head.
    ///
    /// - Parameters:
    ///   - until: the end of the time to the first token; `nil` when the answer comes whole.
    ///   - total: the end of all time.
    ///   - accepts: whether a status other than 2xx is wanted too.
    /// - Throws: `ModelError` for everything but a 2xx head, `CancellationError`.
    func open(
        _ route: String, method: HTTPMethod = .POST, body: ByteBuffer?, headers: HTTPHeaders = [:], until: Instant?,
        nextToken: Duration? = nil, total: Instant, accepts: (HTTPResponseStatus) -> Bool = { _ in false }
    ) async throws -> Response {
        try await self.enter(before: min(until ?? total, total))
        let ticket: CircuitBreaker<Instant>.Ticket
        do {
            ticket = try self.admit()
        } catch {
            self.gate.release()
            throw error
        }
        let exchange: ModelExchange
        do {
            let request = try self.request(route, method: method, body: body, headers: headers)
            exchange = ModelExchange.start(
                request, with: self.clients, endpoint: self.endpoint,
                deadlines: ExchangeDeadlines(
                    connect: .now.advanced(by: self.endpoint.limits.connect), firstToken: until,
                    nextToken: nextToken ?? self.endpoint.limits.nextToken, total: total)
            ) { [gate = self.gate] in gate.release() }
        } catch {
            self.gate.release()
            let error = ModelError(.refused, "\(self.endpoint.name) cannot be asked: its address is not usable.")
            self.ended(ticket, with: error)
            throw error
        }
        return try await withTaskCancellationHandler {
            do {
                let head = try await exchange.head()
                if (200..<300).contains(head.status.code) || accepts(head.status) {
                    return Response(exchange: exchange, head: head, ticket: ticket)
                }
                throw await self.refusal(head, exchange)
            } catch {
                exchange.cancel()
                self.ended(ticket, with: error)
                throw error
            }
        } onCancel: {
            exchange.cancel()
        }
    }

    private func enter(before end: Instant) async throws {
        let patience = min(self.endpoint.limits.queueWait, ContinuousClock.now.duration(to: end))
        switch await self.gate.enter(patience: patience) {
        case .entered: return
        case .cancelled: throw CancellationError()
        case .full:
            self.metrics.requestEnded(ModelError.Code.overloaded.rawValue)
            throw ModelError(.overloaded, "Too many answers wait for \(self.endpoint.name). Try again soon.")
        case .timedOut:
            self.metrics.requestEnded(ModelError.Code.overloaded.rawValue)
            throw ModelError(.overloaded, "\(self.endpoint.name) is busy with other answers. Try again soon.")
        }
    }

    private func admit() throws(ModelError) -> CircuitBreaker<Instant>.Ticket {
        let (admission, state) = self.breaker.withLock { ($0.admit(at: .now), $0.state) }
        switch admission {
        case .admitted(let ticket):
            if state != .closed { self.metrics.breakerState(state.rawValue) }
            return ticket
        case .refused(let retryAfter):
            self.metrics.requestEnded(ModelError.Code.overloaded.rawValue)
            throw ModelError(
                .overloaded,
                "\(self.endpoint.name) failed several times and is left alone for a moment. Try again soon.",
                retryAfter: retryAfter)
        }
    }

    private func request(
        _ route: String, method: HTTPMethod, body: ByteBuffer?, headers: HTTPHeaders
    ) throws -> HTTPClient.Request {
        var headers = headers
        headers.replaceOrAdd(name: "User-Agent", value: "parley")
        if let key = self.endpoint.apiKey {
            headers.replaceOrAdd(name: "Authorization", value: key.authorization)
        }
        return try HTTPClient.Request(
            url: self.endpoint.url(route), method: method, headers: headers, body: body.map { .byteBuffer($0) })
    }

    /// What a head that says no means, with the server's reason.
    private func refusal(_ head: HTTPResponseHead, _ exchange: ModelExchange) async -> any Error {
        let words = ServerWords(key: self.endpoint.apiKey)
        var body: [UInt8] = []
        do {
            while body.count < ModelsLimits.errorBodyBytes, let bytes = try await exchange.next() {
                body.append(contentsOf: bytes.readableBytesView.prefix(ModelsLimits.errorBodyBytes - body.count))
            }
            exchange.detach()
        } catch is CancellationError {
            return CancellationError()
        } catch {
            // The status says enough without the rest of the body.
        }
        var chunks = ChunkParser()
        let said = (try? chunks.parse(body.span))?.error
        return ModelError(
            status: head.status, said: said?.message.map { words.clean($0) }, code: said?.code,
            retryAfter: head.headers.first(name: "Retry-After").flatMap { RetryAfter.parse($0) },
            endpoint: self.endpoint.name)
    }
}

extension ModelError {
    /// What the status of a refusal means.
    ///
    /// - Parameters:
    ///   - said: the server's reason, cleaned.
    ///   - code: the server's `error.code`.
    init(status: HTTPResponseStatus, said: String?, code: String?, retryAfter: Duration?, endpoint: String) {
        let reason = said.map { $0.isEmpty ? "." : ": \($0)" } ?? "."
        let number = Int(status.code)
        switch status.code {
        case 300..<400:
            self.init(
                .malformed, "\(endpoint) answered with a redirect, which is not followed. Check its address.",
                status: number)
        case 401, 403:
            self.init(.unauthorized, "\(endpoint) did not accept the API key\(reason)", status: number)
        case 408:
            self.init(.timeout, "\(endpoint) gave up on the request\(reason)", status: number, retryAfter: retryAfter)
        case 429 where code == "insufficient_quota":
            self.init(.refused, "The quota at \(endpoint) is used up\(reason)", status: number)
        case 429:
            self.init(
                .rateLimited, "\(endpoint) takes no more requests for now\(reason)", status: number,
                retryAfter: retryAfter)
        case 400..<500:
            self.init(.refused, "\(endpoint) refused the request (\(number))\(reason)", status: number)
        default:
            self.init(
                .serverError, "\(endpoint) failed (\(number))\(reason)", status: number, retryAfter: retryAfter)
        }
    }
}
