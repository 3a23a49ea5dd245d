//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
public import NIOCore
import NIOHTTP1
public import NIOPosix

/// A model server that does what it is told: it speaks OpenAI's `/v1/models`, `/v1/chat/completions` and
/// `/v1/embeddings` on the loopback interface, with chosen delays, lengths and faults.
///
/// A request is answered by the next script of ``enqueue(_:)``, else by the script in its model's name
/// (`scripted-…`, see ``ModelScript/init(modelName:text:)``), else by the default script.
public final class ScriptedModelServer: Sendable {
    /// A request as it came.
    public struct Request: Hashable, Sendable {
        public var method: String
        public var path: String
        /// Names in lower case.
        public var headers: [String: String]
        public var body: String
    }

    /// How many requests are kept for ``requests``.
    public static let keptRequests = 1000

    private let playbook: Playbook
    private let channel: any Channel

    /// The port that was given.
    public let port: Int
    /// `http://127.0.0.1:PORT/v1`.
    public var baseURL: String { "http://127.0.0.1:\(self.port)/v1" }

    private init(playbook: Playbook, channel: any Channel, port: Int) {
        self.playbook = playbook
        self.channel = channel
        self.port = port
    }

    /// Starts to listen.
    ///
    /// - Parameters:
    ///   - port: 0 takes a free one.
    ///   - text: what `scripted-text` answers.
    ///   - records: whether requests are kept; a benchmark has no use for them.
    public static func start(
        port: Int = 0, script: ModelScript = ModelScript(), text: String? = nil, records: Bool = true,
        group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton
    ) async throws -> ScriptedModelServer {
        let playbook = Playbook(script: script, text: text, records: records)
        let channel = try await ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 4096)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    playbook.opened(channel)
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline(
                        withPipeliningAssistance: false, withErrorHandling: false)
                    try channel.pipeline.syncOperations.addHandler(ScriptedConnection(playbook: playbook))
                }
            }
            .bind(host: "127.0.0.1", port: port).get()
        return ScriptedModelServer(
            playbook: playbook, channel: channel, port: channel.localAddress?.port ?? port)
    }

    /// Runs `body` with a server that is shut down afterwards.
    public static func with<Result>(
        _ script: ModelScript = ModelScript(), text: String? = nil,
        body: (ScriptedModelServer) async throws -> Result
    ) async throws -> Result {
        let server = try await Self.start(script: script, text: text)
        do {
            let result = try await body(server)
            await server.shutdown()
            return result
        } catch {
            await server.shutdown()
            throw error
        }
    }

    /// Stops listening and closes all connections.
    public func shutdown() async {
        try? await self.channel.close().get()
        for channel in self.playbook.read({ Array($0.open.values) }) {
            try? await channel.close().get()
        }
    }

    /// Waits until the server no longer listens.
    public func closed() async {
        try? await self.channel.closeFuture.get()
    }

    // MARK: The script

    /// Sets what is done with requests that bring no script in their model's name.
    public func setScript(_ script: ModelScript) {
        self.playbook.change { $0.script = script }
    }

    /// Sets what is done with the next requests for completions, one script each.
    public func enqueue(_ scripts: ModelScript...) {
        self.playbook.change { $0.queued += scripts }
    }

    /// Sets what `/v1/models` lists. Of the script only the first delay, the status and `hangBeforeHead` are heeded.
    public func setModels(_ models: [String], script: ModelScript? = nil) {
        self.playbook.change {
            $0.models = models
            $0.modelsScript = script
        }
    }

    // MARK: What happened

    /// The requests so far, the latest ``keptRequests``.
    public var requests: [Request] { self.playbook.read { $0.requests } }
    /// All requests for completions so far.
    public var requestCount: Int { self.playbook.read { $0.requestCount } }
    /// All requests for the list of models so far.
    public var modelRequestCount: Int { self.playbook.read { $0.modelRequestCount } }
    /// Answers whose connection the client closed before their end.
    public var cancelledCount: Int { self.playbook.read { $0.cancelled } }
    /// Answers that were written to their end.
    public var completedCount: Int { self.playbook.read { $0.completed } }
    /// Connections that were opened.
    public var connectionCount: Int { self.playbook.read { $0.connections } }

    /// Waits until so many requests for completions have come, or the task is cancelled.
    public func waitForRequests(_ count: Int) async {
        await self.playbook.wait { $0.requestCount >= count }
    }

    /// Waits until the client has closed the connections of so many unfinished answers, or the task is cancelled.
    public func waitForCancelled(_ count: Int) async {
        await self.playbook.wait { $0.cancelled >= count }
    }

    /// Waits until so many answers were written to their end, or the task is cancelled.
    public func waitForCompleted(_ count: Int) async {
        await self.playbook.wait { $0.completed >= count }
    }
}
