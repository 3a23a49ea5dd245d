//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import NIOCore
import NIOHTTP1
public import ParleyCore
import Synchronization

/// Embeds with a model server that speaks OpenAI's `POST /v1/embeddings`.
///
/// Caps, breakers, deadlines and the budget of retries are those of the ``ModelServers``. Texts go in batches, one
/// after another; the next server is asked when one cannot. The first answer tells the dimension, and every later one
/// must have it.
public final class OpenAIEmbedder: Embedder {
    private let servers: ModelServers
    private let name: String
    private let encoding: EmbeddingEncoding
    /// What is asked of the server; most models have one dimension and refuse the question.
    private let askedDimension: Int?
    private let maximumTokens: Int
    private let dimension: Mutex<Int?>

    /// - Parameters:
    ///   - model: the server's name of the model, or an alias of its endpoint.
    ///   - dimension: what the vectors must have; `nil` takes what the first answer has.
    ///   - asksForDimension: whether the server is told the dimension, for models that can shorten their vectors.
    ///   - encoding: how the server is asked to write vectors; either is understood.
    ///   - maximumTokens: the model's longest input, in tokens; longer texts are cut by an estimate.
    public init(
        _ servers: ModelServers, model: String, dimension: Int? = nil, asksForDimension: Bool = false,
        encoding: EmbeddingEncoding = .float, maximumTokens: Int = ModelsLimits.embeddingTokens
    ) {
        self.servers = servers
        self.name = model
        self.encoding = encoding
        self.askedDimension = asksForDimension ? dimension : nil
        self.maximumTokens = maximumTokens
        self.dimension = Mutex(dimension)
    }

    public var model: EmbeddingModel {
        get async throws(EmbedderError) {
            if let known = self.known { return known }
            _ = try await self.embed(["dimension"], purpose: .query)
            guard let known = self.known else {
                throw EmbedderError(.malformed, "The dimension of \(self.name) is not known.")
            }
            return known
        }
    }

    private var known: EmbeddingModel? {
        self.dimension.withLock { $0 }.map {
            EmbeddingModel(name: self.name, dimension: $0, maximumTokens: self.maximumTokens)
        }
    }

    public func embed(_ texts: [String], purpose: EmbeddingPurpose) async throws(EmbedderError) -> [[Float]] {
        let texts = texts.map { self.fit($0) }
        var vectors: [[Float]] = []
        vectors.reserveCapacity(texts.count)
        while vectors.count < texts.count {
            let batch = Self.batch(of: texts, from: vectors.count)
            vectors += try await self.embed(batch)
        }
        return vectors
    }

    /// About four bytes a token, which is what common tokenizers make of English; never none for a text that has
    /// anything.
    public func tokens(in text: String) -> Int {
        (text.utf8.count + 3) / 4
    }

    /// The text as the server takes it: not empty, and cut where it would be too long at four bytes a token.
    private func fit(_ text: String) -> String {
        // Servers refuse empty inputs.
        guard text.utf8.contains(where: { $0 > 0x20 }) else { return "." }
        return text.cut(toBytes: min(self.maximumTokens * 4, ModelsLimits.embeddingTextBytes))
    }

    /// The texts from `start` on that go in one request.
    static func batch(of texts: [String], from start: Int) -> ArraySlice<String> {
        var end = start
        var bytes = 0
        while end < texts.count, end - start < ModelsLimits.embeddingTexts {
            bytes += texts[end].utf8.count
            if bytes > ModelsLimits.embeddingRequestBytes, end > start { break }
            end += 1
        }
        return texts[start..<end]
    }

    // MARK: One batch

    private func embed(_ batch: ArraySlice<String>) async throws(EmbedderError) -> [[Float]] {
        let start = ContinuousClock.now
        var failures = Failures()
        do {
            for candidate in try await self.servers.candidates(for: self.name, continuing: false) {
                do {
                    return try await self.ask(candidate.server, batch, start: start)
                } catch let error as ModelError where error.mayTryAnotherServer {
                    failures.note(error)
                }
            }
            throw failures.mostTelling
        } catch let error as EmbedderError {
            throw error
        } catch let error as ModelError {
            throw EmbedderError(error)
        } catch {
            throw EmbedderError(.cancelled, "The texts are no longer wanted.")
        }
    }

    /// Asks one server, more than once when that may help.
    private func ask(
        _ server: ModelServer, _ batch: ArraySlice<String>, start: ContinuousClock.Instant
    ) async throws -> [[Float]] {
        let total = start.advanced(by: min(server.endpoint.limits.total, ModelsLimits.embeddingDeadline))
        let body = ByteBuffer(
            bytes: EmbeddingsBody.request(
                batch, model: server.endpoint.serverName(for: self.name), encoding: self.encoding,
                dimension: self.askedDimension))
        server.noteFirstRequest()
        var retries = Retries(server, until: total)
        while true {
            do {
                return try await self.attempt(server, body, count: batch.count, total: total)
            } catch let error as ModelError where error.mayTrySameServer {
                guard let delay = retries.delay(after: error) else { throw error }
                try await Task.sleep(for: delay)
            }
        }
    }

    private func attempt(
        _ server: ModelServer, _ body: ByteBuffer, count: Int, total: ContinuousClock.Instant
    ) async throws -> [[Float]] {
        // What hangs is given up after the time to a first token; a slow answer may take the whole time.
        let until = min(ContinuousClock.now.advanced(by: server.endpoint.limits.firstToken), total)
        let response = try await server.open(
            "embeddings", body: body, headers: ["Content-Type": "application/json", "Accept": "application/json"],
            until: until, total: total)
        do {
            let answer = try await Self.read(response.exchange, endpoint: server.endpoint.name)
            let vectors = try self.vectors(in: answer, count: count, endpoint: server.endpoint.name)
            server.succeeded(response.ticket)
            server.metrics.requestEnded("completed")
            return vectors
        } catch let error as EmbedderError {
            response.exchange.cancel()
            let reported = ModelError(.malformed, error.message)
            server.ended(response.ticket, with: reported)
            // A wrong dimension stays wrong; anything else that is no answer may be one the next time.
            if error.code == .wrongDimension { throw error }
            throw reported
        } catch {
            response.exchange.cancel()
            server.ended(response.ticket, with: error)
            throw error
        }
    }

    private static func read(_ exchange: ModelExchange, endpoint: String) async throws -> ByteBuffer {
        try await withTaskCancellationHandler {
            var body = ByteBuffer()
            while var bytes = try await exchange.next() {
                guard body.readableBytes + bytes.readableBytes <= ModelsLimits.embeddingAnswerBytes else {
                    throw EmbedderError(.malformed, "\(endpoint) answered with too many bytes.")
                }
                body.writeBuffer(&bytes)
                exchange.tokenReceived()
            }
            return body
        } onCancel: {
            exchange.cancel()
        }
    }

    /// Reads the vectors and holds them to the dimension, which the first answer sets.
    private func vectors(in body: ByteBuffer, count: Int, endpoint: String) throws(EmbedderError) -> [[Float]] {
        let expected = self.dimension.withLock { $0 }
        let vectors = try EmbeddingsBody.vectors(in: body, count: count, dimension: expected, endpoint: endpoint)
        guard let found = vectors.first?.count else { return vectors }
        // Two first answers may come at once.
        let agreed = self.dimension.withLock { dimension in
            let agreed = dimension ?? found
            dimension = agreed
            return agreed
        }
        guard agreed == found else {
            throw EmbedderError(
                .wrongDimension, "\(endpoint) gave a vector of \(found) numbers where \(agreed) are wanted.")
        }
        return vectors
    }
}
