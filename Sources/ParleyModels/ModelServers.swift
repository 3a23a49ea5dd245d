//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
public import AsyncHTTPClient
public import Logging
public import NIOCore
import ParleyCore

/// The configured model servers, in order of preference, and the HTTP clients that reach them.
///
/// Shared by ``OpenAIChatModel`` and ``OpenAIProxy``, so that caps, breakers and retries hold for both.
/// Call ``shutdown()`` before letting go of it.
public final class ModelServers: Sendable {
    struct Candidate: Sendable {
        let server: ModelServer
        /// The name that people know the model by.
        let model: String
    }

    let servers: [ModelServer]
    private let clients: LoopClients

    /// - Throws: ``ModelConfigurationError`` when there is no endpoint, too many, or two of one name.
    public init(
        _ endpoints: [ModelEndpoint], eventLoopGroup: any EventLoopGroup = HTTPClient.defaultEventLoopGroup,
        logger: Logger = Logger(label: "parley.models")
    ) throws(ModelConfigurationError) {
        guard !endpoints.isEmpty else { throw ModelConfigurationError("no model server is configured") }
        guard endpoints.count <= ModelsLimits.endpoints else {
            throw ModelConfigurationError("more than \(ModelsLimits.endpoints) model servers are configured")
        }
        guard Set(endpoints.map(\.name)).count == endpoints.count else {
            throw ModelConfigurationError("two model servers have one name")
        }
        let connect = endpoints.map(\.limits.connect).max() ?? .seconds(10)
        let clients = LoopClients(group: eventLoopGroup, configuration: Self.configuration(connect: connect))
        self.clients = clients
        self.servers = endpoints.map { ModelServer($0, clients: clients, logger: logger) }
    }

    /// The client's defaults would queue the ninth answer, follow redirects with the key, and try to connect for ten
    /// seconds where nothing listens.
    static func configuration(connect: Duration) -> HTTPClient.Configuration {
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = ModelsLimits.connectionsPerServer
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.connectionPool.idleTimeout = .seconds(ModelsLimits.idleConnectionLife.components.seconds)
        configuration.timeout.connect = .milliseconds(connect.milliseconds)
        return configuration
    }

    /// Closes all connections; running answers fail.
    public func shutdown() async {
        await self.clients.shutdown()
    }

    /// The names that may be chosen, the default first; never empty.
    func models() async -> [ModelInfo] {
        var infos: [ModelInfo] = []
        var seen = Set<String>()
        await withTaskGroup(of: (Int, [String]).self) { group in
            for (index, server) in self.servers.enumerated() {
                group.addTask { (index, await server.catalog.names()) }
            }
            var lists = [[String]](repeating: [], count: self.servers.count)
            for await (index, names) in group { lists[index] = names }
            for (server, names) in zip(self.servers, lists) {
                for name in names where infos.count < ModelsLimits.modelNames && seen.insert(name).inserted {
                    infos.append(ModelInfo(name: name, continuesAnswers: server.endpoint.continuesAnswers))
                }
            }
        }
        return infos.isEmpty ? [ModelInfo(name: Self.unnamed)] : infos
    }

    /// Stands for a model that nobody has named, when its server cannot be asked for its models either.
    static let unnamed = "default"

    /// The servers to try, in order.
    ///
    /// - Parameters:
    ///   - model: the name that was asked for; `nil` takes each server's default.
    ///   - continuing: whether only servers will do that continue an answer.
    func candidates(for model: String?, continuing: Bool) async throws -> [Candidate] {
        var able = self.servers
        if continuing {
            able = able.filter(\.endpoint.continuesAnswers)
            guard !able.isEmpty else {
                throw ModelError(.refused, "No configured model server continues an answer.")
            }
        }
        var candidates: [Candidate] = []
        if let model, model != Self.unnamed {
            let known = able.filter { $0.catalog.has(model) != false }
            candidates = (known.isEmpty ? able : known).map { Candidate(server: $0, model: model) }
        } else {
            for server in able {
                guard let name = await server.catalog.defaultName() else { continue }
                candidates.append(Candidate(server: server, model: name))
            }
            // A server that cannot be asked for its models can tell why when it is asked for an answer.
            if candidates.isEmpty { candidates = able.map { Candidate(server: $0, model: Self.unnamed) } }
        }
        // Those that would make us wait come after those that are free, in the order of preference otherwise.
        var free: [Candidate] = []
        var busy: [Candidate] = []
        for candidate in candidates {
            if candidate.server.isFree { free.append(candidate) } else { busy.append(candidate) }
        }
        return free + busy
    }
}
