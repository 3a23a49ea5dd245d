//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import AsyncHTTPClient
import Foundation
import Logging
import NIOCore
import NIOFoundationCompat
import NIOHTTP1
import ParleyChat
import ParleyCluster
import ParleyCore
import ParleyHTTP
import ParleyStore
import Testing

/// The whole surface on a free port of this machine, over a real store, for one test.
struct TestServer: Sendable {
    let port: Int
    let store: SQLiteStore
    let routes: [String: Set<String>]
    let spoolFolder: String

    var origin: String { "http://127.0.0.1:\(self.port)" }

    /// Runs the server while the body runs.
    static func run(
        mode: HTTPSettings.Mode = .open, model: any ChatModel = SayingModel(),
        search: any KnowledgeSearch = WordSearch(), embedder: (any Embedder)? = nil,
        fetcher: (any LinkFetcher)? = nil, documents: (any DocumentStore)? = nil,
        access: ChatServer.Access? = nil, nodes: any NodeRegistry = InProcessNodeRegistry(),
        _ body: @escaping @Sendable (TestServer) async throws -> Void
    ) async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("parley-\(UUID())").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let store = try SQLiteStore(path: folder + "/parley.sqlite")
        if mode == .open { try await store.create(User.local, passwordHash: nil, onlyIfFirst: false) }
        let cluster = InProcessCluster()
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let quiet = logger
        let engine = TurnEngine(
            node: NodeID("test"),
            dependencies: .init(
                store: store, conversations: store, leases: cluster, log: cluster, commands: cluster, model: model),
            logger: logger)
        let documents: any DocumentStore = documents ?? store
        let server = try ChatServer(
            settings: HTTPSettings(
                mode: mode, nodeID: "test", version: "0", commit: "0", usesLocalModel: true),
            dependencies: .init(
                chat: Chat(store: store, log: cluster, commands: cluster, engine: engine), engine: engine,
                conversations: store, accounts: store,
                access: access ?? .init(sessions: store), nodes: nodes, health: store, model: model, forwarder: nil,
                knowledge: .init(
                    documents: documents, search: search, memories: store, jobs: store,
                    embedder: embedder, fetcher: fetcher, spoolFolder: folder + "/spool",
                    status: { .degraded(reason: "no embedder: words only") }),
                metrics: { "" }))
        let (ports, running) = AsyncStream.makeStream(of: Int.self)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await cluster.run() }
            group.addTask { try await engine.run() }
            group.addTask {
                try await server.run(host: "127.0.0.1", port: 0, logger: quiet, onRunning: { running.yield($0) })
            }
            for await port in ports {
                let spool = folder + "/spool"
                try await body(TestServer(port: port, store: store, routes: server.routes, spoolFolder: spool))
                break
            }
            group.cancelAll()
        }
    }

    /// One request; redirects are not followed and nothing is added.
    func request(
        _ method: String, _ path: String, cookie: String? = nil, headers: [String: String] = [:],
        body: Data? = nil
    ) async throws -> TestReply {
        var request = HTTPClientRequest(url: self.origin + path)
        request.method = HTTPMethod(rawValue: method)
        if body != nil { request.headers.add(name: "Content-Type", value: "application/json") }
        for (name, value) in headers { request.headers.replaceOrAdd(name: name, value: value) }
        if let cookie { request.headers.add(name: "Cookie", value: cookie) }
        if let body { request.body = .bytes(ByteBuffer(data: body)) }
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(20))
        let bytes = try await response.body.collect(upTo: 8 * 1024 * 1024)
        return TestReply(status: Int(response.status.code), headers: response.headers, body: Data(buffer: bytes))
    }

    func request(
        _ method: String, _ path: String, cookie: String? = nil, json: [String: Any]
    ) async throws -> TestReply {
        let body = try JSONSerialization.data(withJSONObject: json)
        return try await self.request(method, path, cookie: cookie, body: body)
    }

    /// Opens a session in open mode.
    func openSession() async throws -> String {
        let reply = try await self.request("POST", "/api/session", json: [:])
        return try #require(reply.cookie)
    }

    func newConversation(_ cookie: String) async throws -> String {
        let reply = try await self.request("POST", "/api/conversations", cookie: cookie, json: [:])
        return try #require(reply.json["id"] as? String)
    }

    /// Sends a message and returns the turn.
    func send(_ text: String, to conversation: String, cookie: String) async throws -> [String: Any] {
        let reply = try await self.request(
            "POST", "/api/conversations/\(conversation)/messages", cookie: cookie, json: ["content": text])
        #expect(reply.status == 202)
        return try #require(reply.json["turn"] as? [String: Any])
    }

    /// The events of a turn, to its end.
    func events(of turn: String, cookie: String, after: String? = nil) async throws -> [ServerEvent] {
        var headers = ["Accept": "text/event-stream"]
        headers["Last-Event-ID"] = after
        let reply = try await self.request("GET", "/api/turns/\(turn)/events", cookie: cookie, headers: headers)
        return ServerEvent.parse(String(decoding: reply.body, as: UTF8.self))
    }
}

/// What came back.
struct TestReply: Sendable {
    var status: Int
    var headers: HTTPHeaders
    var body: Data

    var json: [String: Any] {
        (try? JSONSerialization.jsonObject(with: self.body) as? [String: Any]) ?? [:]
    }

    var text: String { String(decoding: self.body, as: UTF8.self) }

    /// The cookie as it is sent back.
    var cookie: String? {
        self.headers["Set-Cookie"].first?.split(separator: ";").first.map(String.init)
    }

    func header(_ name: String) -> String? {
        self.headers.first(name: name)
    }

    func list(_ name: String) -> [[String: Any]] {
        self.json[name] as? [[String: Any]] ?? []
    }
}

/// One server-sent event.
struct ServerEvent: Sendable {
    var id: String
    var name: String
    var data: Data

    var json: [String: Any] {
        (try? JSONSerialization.jsonObject(with: self.data) as? [String: Any]) ?? [:]
    }

    static func parse(_ stream: String) -> [ServerEvent] {
        stream.components(separatedBy: "\n\n").compactMap { block in
            var fields: [String: String] = [:]
            for line in block.split(separator: "\n") {
                guard let colon = line.firstIndex(of: ":") else { continue }
                fields[String(line[..<colon])] = String(line[line.index(after: colon)...].drop { $0 == " " })
            }
            guard let id = fields["id"], let name = fields["event"], let data = fields["data"] else { return nil }
            return ServerEvent(id: id, name: name, data: Data(data.utf8))
        }
    }
}

/// Repeats the question in words.
struct SayingModel: ChatModel {
    func models() async -> [ModelInfo] { [ModelInfo(name: "saying")] }

    func answer(
        _ request: ChatRequest, receive: (ModelEvent) async throws -> Void
    ) async throws -> ModelCompletion {
        try await receive(.started(model: "saying"))
        for word in (request.messages.last?.content ?? "").split(separator: " ") {
            try await receive(.delta("\(word) "))
        }
        return ModelCompletion(finishReason: .stop)
    }
}
