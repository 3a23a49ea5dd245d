//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import ParleyCore
import Synchronization

/// The names of one model server's models: configured, or asked for and kept a while.
final class ModelCatalog: Sendable {
    private struct Kept {
        var names: [String] = []
        var freshUntil: ContinuousClock.Instant?
    }

    private let endpoint: ModelEndpoint
    private let clients: LoopClients
    private let kept = Mutex(Kept())
    /// One fetch at a time; the others wait for it and find its result.
    private let turnstile = RequestGate(limit: 1, queueLimit: 1024)

    init(endpoint: ModelEndpoint, clients: LoopClients) {
        self.endpoint = endpoint
        self.clients = clients
    }

    /// The names that may be chosen, best first: the default, the aliases, the configured or fetched names. May be
    /// empty when the server cannot be asked and nothing is configured.
    func names() async -> [String] {
        let own = [self.endpoint.defaultModel].compactMap { $0 } + self.endpoint.aliases.keys.sorted()
        let listed = self.endpoint.models.isEmpty ? await self.fetched() : self.endpoint.models
        var seen = Set<String>()
        return (own + listed).filter { seen.insert($0).inserted }
    }

    /// What is asked when a request names no model; the server is asked for its list only when nothing is configured.
    func defaultName() async -> String? {
        if let name = self.endpoint.defaultModel ?? self.endpoint.models.first { return name }
        return await self.fetched().first ?? self.endpoint.aliases.keys.sorted().first
    }

    /// What is known without asking: `true` or `false` when there is a list, `nil` when there is none.
    func has(_ name: String) -> Bool? {
        if self.endpoint.aliases[name] != nil || self.endpoint.defaultModel == name { return true }
        let listed = self.endpoint.models.isEmpty ? self.kept.withLock { $0.names } : self.endpoint.models
        return listed.isEmpty ? nil : listed.contains(name)
    }

    private func fetched() async -> [String] {
        if let names = self.fresh { return names }
        guard await self.turnstile.enter(patience: self.endpoint.limits.modelList) == .entered else {
            return self.kept.withLock { $0.names }
        }
        defer { self.turnstile.release() }
        if let names = self.fresh { return names }
        let names = try? await self.fetch()
        return self.kept.withLock { kept in
            if let names { kept.names = names }
            let life = names == nil ? ModelsLimits.modelListRetry : ModelsLimits.modelListLife
            kept.freshUntil = .now.advanced(by: life)
            return kept.names
        }
    }

    private var fresh: [String]? {
        self.kept.withLock { kept in
            guard let until = kept.freshUntil, ContinuousClock.now < until else { return nil }
            return kept.names
        }
    }

    private func fetch() async throws -> [String] {
        var headers = HTTPHeaders([("Accept", "application/json"), ("User-Agent", "parley")])
        if let key = self.endpoint.apiKey { headers.add(name: "Authorization", value: key.authorization) }
        let end = ContinuousClock.now.advanced(by: self.endpoint.limits.modelList)
        let exchange = ModelExchange.start(
            try HTTPClient.Request(url: self.endpoint.url("models"), headers: headers), with: self.clients,
            endpoint: self.endpoint,
            deadlines: ExchangeDeadlines(
                connect: end, firstToken: end, nextToken: self.endpoint.limits.modelList, total: end)
        ) {}
        return try await withTaskCancellationHandler {
            defer { exchange.cancel() }
            let head = try await exchange.head()
            guard head.status == .ok else { throw ModelError(.refused, "no list of models") }
            var body: [UInt8] = []
            while let bytes = try await exchange.next() {
                body.append(contentsOf: bytes.readableBytesView)
                guard body.count <= ModelsLimits.modelListBytes else {
                    throw ModelError(.malformed, "the list of models is too long")
                }
            }
            return try Self.names(in: body)
        } onCancel: {
            exchange.cancel()
        }
    }

    private struct List: Decodable {
        struct Entry: Decodable {
            var id: String
        }
        var data: [Entry]
    }

    /// The ids of a list of models that can chat.
    static func names(in body: [UInt8]) throws -> [String] {
        let list = try JSONDecoder().decode(List.self, from: Data(body))
        let names = list.data.map(\.id).filter { id in
            !id.isEmpty && id.utf8.count <= CoreLimits.modelNameBytes
                && !Self.otherPurposes.contains { id.localizedCaseInsensitiveContains($0) }
        }
        return Array(names.prefix(ModelsLimits.modelNames))
    }

    /// Parts of the names of models that do not chat, as OpenAI and others list them.
    private static let otherPurposes = [
        "embed", "whisper", "tts", "dall-e", "moderation", "davinci-002", "babbage-002", "transcribe", "realtime",
        "gpt-image", "sora", "rerank", "instruct-0914", "turbo-instruct", "gpt-audio", "computer-use", "deep-research",
    ]
}
