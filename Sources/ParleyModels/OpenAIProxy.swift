//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
public import NIOCore
import NIOHTTP1
import ParleyCore

/// Hands requests of the OpenAI API on to a model server and its answer back, byte for byte.
///
/// Caps, breakers and deadlines are those of ``OpenAIChatModel``; the next server is tried only before the head of a
/// response. Of the request only an alias in `model` is changed, of the response nothing.
public struct OpenAIProxy: Sendable {
    /// What can be handed on.
    public enum Route: String, Hashable, Sendable, CaseIterable {
        case chatCompletions = "chat/completions"
        case completions = "completions"
        case embeddings = "embeddings"
    }

    /// A response whose body is still to be read.
    public struct Response: Sendable {
        public var status: Int
        /// The header fields that mean something to the caller: the body's type and length, limits, request ids.
        public var headers: [(name: String, value: String)]
        public var body: ProxyBody
    }

    private let servers: ModelServers

    public init(_ servers: ModelServers) {
        self.servers = servers
    }

    /// Sends `body`, a JSON object, to the first server that takes it.
    ///
    /// A refusal of the request itself (4xx) is handed back as it is; what concerns Parley and its servers is thrown.
    /// Dropping the response or cancelling the task that reads it ends the request.
    ///
    /// - Throws: `ModelError`; `.refused` with status 400 when the body is no JSON object. `CancellationError`.
    public func forward(_ route: Route, body: ByteBuffer) async throws -> Response {
        let outline = try Self.outline(of: body)
        let start = ContinuousClock.now
        var failures = Failures()
        for candidate in try await self.servers.candidates(
            for: outline.model ?? ModelServers.unnamed, continuing: false)
        {
            do {
                return try await self.forward(
                    route, Self.body(body, outline, for: candidate.server.endpoint), streams: outline.stream,
                    to: candidate.server, start: start)
            } catch let error as ModelError where error.mayTryAnotherServer {
                failures.note(error)
            }
        }
        throw failures.mostTelling
    }

    private func forward(
        _ route: Route, _ body: ByteBuffer, streams: Bool, to server: ModelServer, start: ContinuousClock.Instant
    ) async throws -> Response {
        let limits = server.endpoint.limits
        server.noteFirstRequest()
        let total = start.advanced(by: limits.total)
        // An answer that comes whole has no first token: only the total counts.
        let response = try await server.open(
            route.rawValue, body: body,
            headers: [
                "Content-Type": "application/json", "Accept": streams ? "text/event-stream" : "application/json",
            ], until: streams ? min(.now.advanced(by: limits.firstToken), total) : nil,
            nextToken: streams ? limits.nextToken : limits.total, total: total, accepts: Self.isForTheCaller)
        let headers = response.head.headers.filter { Self.handedOn($0.name) }
        let status = Int(response.head.status.code)
        guard status >= 400 else {
            return Response(
                status: status, headers: headers,
                body: ProxyBody(ProxyReader(response: response, server: server, sent: start)))
        }
        let (bytes, changed) = try await Self.refusal(response, server: server)
        return Response(
            status: status,
            headers: headers.filter { !changed || $0.name.lowercased() != "content-length" }, body: ProxyBody(bytes))
    }

    /// The body of a refusal, without our key.
    private static func refusal(
        _ response: ModelServer.Response, server: ModelServer
    ) async throws -> (ByteBuffer, changed: Bool) {
        let reader = ProxyReader(response: response, server: server, sent: .now)
        var body = ByteBuffer()
        while body.readableBytes <= ModelsLimits.errorBodyBytes, var bytes = try await reader.next() {
            body.writeBuffer(&bytes)
        }
        let text = String(buffer: body)
        guard body.readableBytes <= ModelsLimits.errorBodyBytes else {
            throw ModelError(
                .refused, "\(server.endpoint.name) refused the request.", status: Int(response.head.status.code))
        }
        guard let key = server.endpoint.apiKey, key.occurs(in: text) else { return (body, false) }
        return (ByteBuffer(string: key.removed(from: text)), true)
    }

    private static func outline(of body: ByteBuffer) throws(ModelError) -> RequestOutline {
        var parser = ChunkParser()
        do throws(ChunkParser.Failure) {
            return try parser.parseRequest(body.readableBytesUInt8Span)
        } catch {
            throw ModelError(.refused, "The body must be a JSON object in UTF-8.", status: 400)
        }
    }

    /// The body with an alias replaced by the server's own name.
    private static func body(_ body: ByteBuffer, _ outline: RequestOutline, for endpoint: ModelEndpoint) -> ByteBuffer {
        guard let model = outline.model, let range = outline.modelRange, let name = endpoint.aliases[model] else {
            return body
        }
        var writer = JSONWriter()
        writer.string(name)
        let view = body.readableBytesView
        var changed = ByteBuffer()
        changed.reserveCapacity(body.readableBytes + writer.bytes.count)
        changed.writeBytes(view.prefix(range.lowerBound))
        changed.writeBytes(writer.bytes)
        changed.writeBytes(view.dropFirst(range.upperBound))
        return changed
    }

    /// Refusals that concern the request, not our key or the server's state; 404 may be known to the next server.
    private static func isForTheCaller(_ status: HTTPResponseStatus) -> Bool {
        switch status.code {
        case 401, 403, 404, 408, 429: false
        case 400..<500: true
        default: false
        }
    }

    private static func handedOn(_ name: String) -> Bool {
        let name = name.lowercased()
        return ["content-type", "content-length", "content-encoding", "cache-control", "retry-after", "x-request-id"]
            .contains(name) || name.hasPrefix("x-ratelimit-")
    }
}

/// The body of a response that is handed on. It can be read once.
public struct ProxyBody: AsyncSequence, Sendable {
    public typealias Element = ByteBuffer

    public struct AsyncIterator: AsyncIteratorProtocol {
        fileprivate var whole: ByteBuffer?
        fileprivate let reader: ProxyReader?

        /// The next bytes. Throws `ModelError` when the server breaks off or a deadline passes.
        public mutating func next() async throws -> ByteBuffer? {
            if let whole = self.whole {
                self.whole = nil
                return whole
            }
            return try await self.reader?.next()
        }
    }

    private let whole: ByteBuffer?
    private let reader: ProxyReader?

    init(_ reader: ProxyReader) {
        self.whole = nil
        self.reader = reader
    }

    init(_ whole: ByteBuffer) {
        self.whole = whole
        self.reader = nil
    }

    public func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(whole: self.whole, reader: self.reader)
    }
}
