//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Logging
import ParleyCluster
import ParleyCore
import Synchronization
import Testing

/// Makes a registry that one node reads and writes. The contract runs on every factory in ``all``.
struct NodeRegistryFactory: Sendable, CustomTestStringConvertible {
    let name: String
    let with: @Sendable (@Sendable (any NodeRegistry) async throws -> Void) async throws -> Void

    var testDescription: String { self.name }

    static let all = [NodeRegistryFactory.inProcess, redis]

    static let redis = NodeRegistryFactory(name: "Redis") { body in
        try await SharedRedis.run { redis in
            let registry = RedisNodeRegistry(client: redis.clients[0], logger: quiet)
            try await redis.running([registry]) { try await body(registry) }
        }
    }

    static let inProcess = NodeRegistryFactory(name: "in process") { body in
        try await body(InProcessNodeRegistry())
    }
}

@Suite("A registry of nodes", .timeLimit(.minutes(1)))
struct NodeRegistryContract {
    private func node(_ name: String, epoch: Int = 0, state: NodeRecord.State = .ready, turns: Int = 0) -> NodeRecord {
        NodeRecord(
            id: NodeID(name), address: "http://[::1]:8080/\"ü\"", version: "1.2.3", weight: 50, epoch: epoch,
            state: state, runningTurns: turns, startedAt: Timestamp(milliseconds: 1_700_000_000_123))
    }

    @Test("a node is listed as it announces itself until it withdraws", arguments: NodeRegistryFactory.all)
    func lists(_ factory: NodeRegistryFactory) async throws {
        try await factory.with { registry in
            var node = self.node("a", turns: 3)
            node.epoch = try await registry.announce(node)
            #expect(node.epoch > 0)
            let list = await registry.list()
            #expect(list.nodes.map(\.record) == [node] && !list.isFrozen && !list.nodes[0].isSuspect)
            node.state = .terminating
            #expect(try await registry.announce(node) == node.epoch)
            #expect(await registry.list().nodes.map(\.record) == [node])
            try await registry.withdraw(node.id, epoch: node.epoch)
            #expect(await registry.list().nodes.isEmpty)
            try await registry.withdraw(node.id, epoch: node.epoch)
        }
    }

    @Test("a later start of a node has a higher epoch and fences the earlier", arguments: NodeRegistryFactory.all)
    func fences(_ factory: NodeRegistryFactory) async throws {
        try await factory.with { registry in
            let first = try await registry.announce(self.node("a"))
            let second = try await registry.announce(self.node("a"))
            #expect(second > first)
            await #expect {
                _ = try await registry.announce(self.node("a", epoch: first))
            } throws: {
                ($0 as? ClusterError)?.code == .fenced
            }
            // The earlier one goes, the later stays.
            try await registry.withdraw(NodeID("a"), epoch: first)
            #expect(try await registry.announce(self.node("a", epoch: second)) == second)
            try await registry.withdraw(NodeID("a"), epoch: second)
            #expect(try await registry.announce(self.node("a")) > second, "also after it went")
        }
    }

    @Test("changes are told of, and heartbeats are none", arguments: NodeRegistryFactory.all)
    func changes(_ factory: NodeRegistryFactory) async throws {
        try await factory.with { registry in
            var changes = await registry.changes().makeAsyncIterator()
            var node = self.node("a")
            node.epoch = try await registry.announce(node)
            #expect(try #require(await changes.next()).nodes.map(\.record) == [node])
            _ = try await registry.announce(node)
            node.state = .serving
            _ = try await registry.announce(node)
            #expect(try #require(await changes.next()).nodes.map(\.record.state) == [.serving])
            try await registry.withdraw(node.id, epoch: node.epoch)
            #expect(try #require(await changes.next()).nodes.isEmpty)
        }
    }

    @Test("a heart announces, tells of a change at once, and withdraws", arguments: NodeRegistryFactory.all)
    func heart(_ factory: NodeRegistryFactory) async throws {
        try await factory.with { registry in
            let state = Shared(NodeRecord.State.ready)
            let heart = RegistryHeart(registry: registry, interval: .seconds(100), logger: quiet) {
                self.node("a", state: state.value)
            }
            await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await heart.run() }
                var changes = await registry.changes().makeAsyncIterator()
                // The first may have been before we listened.
                heart.nudge()
                if await registry.list().nodes.isEmpty { _ = await changes.next() }
                state.value = .terminating
                heart.nudge()
                while await registry.list().nodes.first?.record.state != .terminating { _ = await changes.next() }
                await heart.end()
                #expect(await registry.list().nodes.isEmpty)
                heart.nudge()
                await heart.end()
                group.cancelAll()
            }
            #expect(await registry.list().nodes.isEmpty, "it is not announced again after its end")
        }
    }
}

/// A logger that nobody reads.
let quiet: Logger = {
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    return logger
}()

/// A value that a test and what it tests share.
final class Shared<Value: Sendable>: Sendable {
    private let mutex: Mutex<Value>

    init(_ value: Value) {
        self.mutex = Mutex(value)
    }

    var value: Value {
        get { self.mutex.withLock { $0 } }
        set { self.mutex.withLock { $0 = newValue } }
    }

    func update<Result>(_ body: (inout Value) -> sending Result) -> sending Result {
        self.mutex.withLock { body(&$0) }
    }
}
