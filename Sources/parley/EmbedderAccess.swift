//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation
import Logging
import ParleyCore
import ParleyModels

/// What embeds: a model server when an embedding model is configured, else the local encoder when its model is there,
/// else nothing, and search goes by words alone.
struct EmbedderAccess: Sendable {
    /// `nil` when nothing embeds.
    private(set) var embedder: (any Embedder)?
    /// What embeds, or why nothing does; for people.
    let description: String
    /// Hands requests for embeddings on; `nil` without a model server that embeds.
    var forwarder: (any EmbeddingForwarder)? { self.servers.map { OpenAIProxy($0) } }
    private let servers: ModelServers?

    /// - Throws: `ModelConfigurationError` for an address that is none.
    init(settings: Settings, logger: Logger) throws {
        let name = settings.embedding.model
        if let name, name != LocalEmbedder.modelName, name != Settings.Embedding.noModel {
            let servers = try ModelServers(Self.endpoints(settings))
            self.servers = servers
            self.embedder = OpenAIEmbedder(servers, model: name, dimension: settings.embedding.dimension)
            self.description = "embedding model \(name) at a model server"
            return
        }
        self.servers = nil
        guard name != Settings.Embedding.noModel else {
            self.embedder = nil
            self.description = "no embedding model, as configured; search goes by words alone"
            return
        }
        guard let folder = settings.encoderFolder else {
            self.embedder = nil
            self.description = "no local encoder: run scripts/setup; search goes by words alone"
            return
        }
        do throws(EmbedderError) {
            let local = try LocalEmbedder(folder: folder, threads: settings.embedding.threads)
            self.embedder = local
            self.description = "local encoder \(local.model.name) in \(folder) (\(local.kernels))"
        } catch {
            logger.error("the local encoder cannot be used", metadata: ["reason": "\(error.message)"])
            self.embedder = nil
            self.description = "\(error.message) Search goes by words alone."
        }
    }

    /// The same, with the vectors of questions kept in a cache.
    func cachingQueries(in cache: SharedCache) -> EmbedderAccess {
        var access = self
        access.embedder = self.embedder.map { QueryVectorCache(embedder: $0, cache: cache) }
        return access
    }

    func shutdown() async {
        await self.servers?.shutdown()
    }

    private static func endpoints(_ settings: Settings) throws -> [ModelEndpoint] {
        let openAI = settings.openAI
        var limits = ModelEndpoint.Limits()
        limits.connect = .seconds(openAI.connectSeconds)
        limits.firstToken = .seconds(openAI.firstTokenSeconds)
        limits.total = .seconds(openAI.totalSeconds)
        limits.concurrentRequests = openAI.concurrentRequests
        let urls = settings.embedding.baseURL.map { [$0] } ?? openAI.baseURLs
        guard !urls.isEmpty else {
            throw ModelConfigurationError(
                "an embedding model is configured but no model server: set OPENAI_API_KEY, OPENAI_BASE_URL or "
                    + "OPENAI_EMBEDDING_BASE_URL")
        }
        return try urls.enumerated().map { index, url in
            let keys = openAI.apiKeys
            // A server of its own gets a key of its own, so that no key goes to a host that it is not for.
            let key =
                settings.embedding.baseURL == nil
                ? (index < keys.count ? keys[index] : keys.last) : settings.embedding.apiKey
            return try ModelEndpoint(baseURL: url, apiKey: key.flatMap { APIKey($0) }, limits: limits)
        }
    }
}
