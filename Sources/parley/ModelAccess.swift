//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Logging
import ParleyCore
import ParleyKnowledge
import ParleyModels
import ParleyStore

/// The model that answers: model servers when any is configured, the local model otherwise.
struct ModelAccess: Sendable {
    let model: any ChatModel
    let forwarder: (any CompletionForwarder)?
    /// Whether no model server is configured.
    var isLocal: Bool { self.servers == nil }
    private let servers: ModelServers?

    /// - Throws: `ModelConfigurationError` for an address that is none; an error of the manual's index.
    init(settings: Settings, logger: Logger) throws {
        let endpoints = try Self.endpoints(settings)
        guard !endpoints.isEmpty else {
            let manual = ManualLoader(folder: settings.guideFolder).load()
            if manual.passages.isEmpty {
                logger.warning("the manual was not found", metadata: ["folder": "\(settings.guideFolder)"])
            }
            self.model = LocalModel(search: try SQLitePassageIndex(manual.passages))
            self.forwarder = nil
            self.servers = nil
            return
        }
        let servers = try ModelServers(endpoints)
        self.model = OpenAIChatModel(servers)
        self.forwarder = OpenAIProxy(servers)
        self.servers = servers
    }

    func shutdown() async {
        await self.servers?.shutdown()
    }

    private static func endpoints(_ settings: Settings) throws -> [ModelEndpoint] {
        let openAI = settings.openAI
        var limits = ModelEndpoint.Limits()
        limits.connect = .seconds(openAI.connectSeconds)
        limits.firstToken = .seconds(openAI.firstTokenSeconds)
        limits.nextToken = .seconds(openAI.nextTokenSeconds)
        limits.total = .seconds(openAI.totalSeconds)
        limits.concurrentRequests = openAI.concurrentRequests
        return try openAI.baseURLs.enumerated().map { index, url in
            let keys = openAI.apiKeys
            let key = index < keys.count ? keys[index] : keys.last
            return try ModelEndpoint(
                baseURL: url, apiKey: key.flatMap { APIKey($0) }, defaultModel: settings.model,
                continuation: openAI.continuesAnswers ? .continueFinalMessage : .none, limits: limits)
        }
    }
}
