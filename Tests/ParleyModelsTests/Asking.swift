//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Logging
import ParleyCore
import ParleyModels
import ParleyTesting
import Testing

/// What a reader was told, and how it ended.
struct Heard: Sendable {
    var events: [ModelEvent] = []
    var completion: ModelCompletion?
    var error: (any Error)?

    /// The deltas joined.
    var text: String {
        self.events.reduce(into: "") { text, event in
            if case .delta(let more) = event { text += more }
        }
    }

    var deltas: Int {
        self.events.count { if case .delta = $0 { true } else { false } }
    }

    var modelError: ModelError? { self.error as? ModelError }
}

extension ChatModel {
    /// Asks and keeps everything that is said.
    func ask(_ request: ChatRequest) async -> Heard {
        var heard = Heard()
        do {
            heard.completion = try await self.answer(request) { heard.events.append($0) }
        } catch {
            heard.error = error
        }
        return heard
    }

    func ask(_ question: String = "Hi", model: String? = "test") async -> Heard {
        await self.ask(ChatRequest(messages: [.init(role: .user, content: question)], model: model))
    }
}

extension ModelEndpoint {
    /// An endpoint for a scripted server, with short deadlines for what should not happen to take long.
    init(
        _ server: ScriptedModelServer, name: String? = nil, key: String? = nil, models: [String] = [],
        limits change: (inout Limits) -> Void = { _ in }
    ) throws {
        var limits = Limits()
        limits.retryBase = .milliseconds(1)
        change(&limits)
        try self.init(
            baseURL: server.baseURL, apiKey: key.flatMap { APIKey($0) }, name: name, models: models, limits: limits)
    }
}

/// Runs `body` with a model over the endpoints, whose client is shut down afterwards.
func withModel<Result>(
    _ endpoints: ModelEndpoint..., body: (OpenAIChatModel, ModelServers) async throws -> Result
) async throws -> Result {
    let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    let servers = try ModelServers(endpoints, logger: silent)
    do {
        let result = try await body(OpenAIChatModel(servers), servers)
        await servers.shutdown()
        return result
    } catch {
        await servers.shutdown()
        throw error
    }
}

/// Asks one scripted server one question.
func askScripted(
    _ script: ModelScript, limits: (inout ModelEndpoint.Limits) -> Void = { _ in }
) async throws -> (heard: Heard, requests: Int) {
    try await ScriptedModelServer.with(script) { server in
        try await withModel(ModelEndpoint(server, limits: limits)) { model, _ in
            (await model.ask(), server.requestCount)
        }
    }
}

extension ScriptedModelServer {
    /// The models of the requests so far.
    var requestedModels: [String] {
        self.requests.compactMap { request in
            request.body.split(separator: #""model":""#).dropFirst().first?.split(separator: "\"").first.map(
                String.init)
        }
    }
}

/// The tests over real sockets, one after another: their deadlines are short, and they would take each other's time.
@Suite("Over the wire", .serialized)
enum WireTests {}
