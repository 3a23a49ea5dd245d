//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ArgumentParser
import Logging
import Metrics
import ParleyCore
import PrometheusMetrics

/// `parley serve`: one node of the chat.
struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run the chat: page, REST, WebSocket and OpenAI-compatible API.",
        discussion: """
            With nothing configured it listens on http://127.0.0.1:8080, keeps its data in ./data and needs no \
            sign-in. Bound to any other address it requires accounts; the first one made is the administrator's.

            Settings come from flags, then the environment (PARLEY_PORT, PARLEY_DATA_DIR, …, OPENAI_API_KEY, \
            OPENAI_BASE_URL), then a .env file in the working folder, then the file that --config names. Secrets \
            are never flags. `parley doctor` shows what is in force.
            """)

    @OptionGroup var options: SettingsOptions

    /// - Throws: `StartError` when the data folder or a setting cannot be used.
    private static func node(
        settings: Settings, metrics: PrometheusRegistry, logger: Logger
    ) async throws -> ChatNode {
        do {
            return try await ChatNode(settings: settings, metrics: metrics, logger: logger)
        } catch let error as StoreError {
            throw StartError("the data folder \(settings.dataDir) cannot be used: \(error.message)")
        }
    }

    func run() async throws {
        let settings = try await Settings(options: self.options)
        LoggingSetup.bootstrap(settings)
        let metrics = PrometheusRegistry()
        MetricsSystem.bootstrap(PrometheusMetricsFactory(registry: metrics))
        var logger = Logger(label: "parley")
        logger[metadataKey: "node"] = "\(settings.nodeID)"
        let node = try await Self.node(settings: settings, metrics: metrics, logger: logger)
        try await NodeGroup.run(node, on: node.services, logger: logger)
    }
}
