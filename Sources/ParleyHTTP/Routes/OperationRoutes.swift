//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import HTTPTypes
import Hummingbird
import NIOCore
import ParleyChat
import ParleyCore

/// What an operator asks: health, readiness, metrics, version, and the description of the API.
struct OperationRoutes {
    private struct Version: Encodable {
        var version: String
        var commit: String
        var nodeID: String
    }

    private typealias Component = ComponentCondition

    private struct Readiness: Encodable {
        var status: String
        var components: [String: Component]
    }

    let settings: HTTPSettings
    let health: any StoreHealth
    let engine: TurnEngine
    /// How well the knowledge base can be searched.
    let knowledge: @Sendable () -> KnowledgeStatus
    /// How the shared Redis is; `nil` when this node is alone.
    let redis: @Sendable () -> ComponentCondition?
    let metrics: @Sendable () -> String
    let description: ByteBuffer

    func add(to table: inout RouteTable) {
        table.get("/healthz") { _, _ in try Reply.json(Component(name: "alive")) }
        table.get("/readyz") { _, _ in try await self.ready() }
        table.get("/metrics") { _, _ in
            Reply.text(self.metrics(), type: "text/plain; version=0.0.4; charset=utf-8")
        }
        table.get("/api/version") { _, _ in
            try Reply.json(
                Version(version: settings.version, commit: settings.commit, nodeID: settings.nodeID))
        }
        table.get("/openapi.json") { _, _ in
            Response(
                status: .ok, headers: [.contentType: "application/json; charset=utf-8", .cacheControl: "no-cache"],
                body: .init(byteBuffer: self.description))
        }
    }

    private func ready() async throws -> Response {
        var database = Component(name: "ready")
        do {
            try await self.health.check()
        } catch {
            database = Component(name: "unavailable", detail: error.message)
        }
        let turns = Component(name: self.engine.isDraining ? "draining" : "ready")
        // Without vectors a node still serves: search by words goes on.
        let status = self.knowledge()
        let knowledge = Component(name: status.name, detail: status.detail)
        var components = ["database": database, "turns": turns, "knowledge": knowledge]
        // A node whose Redis is away goes on alone; were all of them called not ready, nobody would be served.
        components["redis"] = self.redis()
        let isReady = database.name == "ready" && turns.name == "ready"
        return try Reply.json(
            Readiness(
                status: isReady ? "ready" : "unavailable",
                components: components),
            status: isReady ? .ok : .serviceUnavailable)
    }
}
