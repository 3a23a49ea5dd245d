//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation
public import Logging
public import ParleyCore
public import RedisClient
public import ServiceLifecycle
import Synchronization

/// The nodes that share one Redis.
///
/// | key | what |
/// |---|---|
/// | `parley:{nodes}:seen` | sorted set: node by its last heartbeat, in ms of Redis time |
/// | `parley:{nodes}:records` | hash: node, and what it says of itself in JSON |
/// | `parley:{nodes}:epochs` | hash: node, and the epoch of its latest start |
/// | `parley:{nodes}:left` | sorted set: nodes that withdrew, by when |
/// | `parley:{nodes}:born` | a random name that a Redis has until it is emptied |
/// | `parley:{nodes}:news` | channel: a node that came, changed or went |
///
/// The news are hints: at each of them, and every few seconds anyway, the whole registry is read. What is then believed
/// is up to ``NodeDirectory``.
public final class RedisNodeRegistry: NodeRegistry {
    private let client: RedisClient
    private let logger: Logger
    private let keys: [String]
    private let channel: String
    private let directory: Mutex<NodeDirectory<ContinuousClock.Instant>>
    /// What this node said of itself last.
    private let announced = Mutex<NodeRecord?>(nil)
    private let listeners = NodeListListeners()
    private let wish = Signal()

    /// - Parameter prefix: what all keys begin with.
    public init(client: RedisClient, prefix: String = "parley:", logger: Logger) {
        self.client = client
        self.logger = logger
        self.keys = ["seen", "records", "epochs", "left", "born"].map { "\(prefix){nodes}:\($0)" }
        self.channel = "\(prefix){nodes}:news"
        self.directory = Mutex(NodeDirectory(now: .now()))
    }

    public func announce(_ node: NodeRecord) async throws(ClusterError) -> Int {
        let hasChanged = self.announced.withLock { !($0?.isLike(node) ?? false) }
        do throws(RedisError) {
            let answer = try await self.client.run(
                NodeScripts.announce, keys: self.keys,
                arguments: [
                    .string(node.id.name), .integer(node.epoch), .string(NodeRow(node).json), .string(self.channel),
                    hasChanged ? "1" : "0", .integer(Int(ClusterLimits.nodeMemory.milliseconds)),
                ])
            guard let epoch = try? answer.integer() else {
                // Another process is this node now, and the registry says how it is.
                self.directory.withLock { $0.withdrew(node.id) }
                throw RedisError(.server("FENCED"), "")
            }
            var node = node
            node.epoch = epoch
            self.remember(node)
            self.tell()
            return epoch
        } catch {
            guard error.serverPrefix != "FENCED" else { throw .superseded(node) }
            if node.epoch > 0 { self.directory.withLock { $0.announced(node, now: .now()) } }
            self.lostSight()
            throw ClusterError(error)
        }
    }

    private func remember(_ node: NodeRecord) {
        self.announced.withLock { $0 = node }
        self.directory.withLock { $0.announced(node, now: .now()) }
    }

    public func withdraw(_ node: NodeID, epoch: Int) async throws(ClusterError) {
        do throws(RedisError) {
            let result = try await self.client.run(
                NodeScripts.withdraw, keys: self.keys,
                arguments: [.string(node.name), .integer(epoch), .string(self.channel)])
            guard (try? result.integer()) == 1 else { return }
        } catch {
            throw ClusterError(error)
        }
        self.announced.withLock { if $0?.id == node { $0 = nil } }
        self.directory.withLock { $0.withdrew(node) }
        self.tell()
    }

    public func list() async -> NodeList {
        self.directory.withLock { $0.list }
    }

    public func changes() async -> AsyncStream<NodeList> {
        self.listeners.listen()
    }

    private func tell() {
        self.listeners.tell(self.directory.withLock { $0.list })
    }

    private func lostSight() {
        self.directory.withLock { $0.missed() }
        self.tell()
    }
}

// MARK: Reading

extension RedisNodeRegistry: Service {
    /// Keeps the list up to date until cancelled.
    public func run() async throws {
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                let hints = RedisHints(
                    client: self.client, channels: [self.channel], capacity: ClusterLimits.waitingHints,
                    logger: self.logger)
                await hints.read {
                    self.wish.send()
                } onMessage: { _, _ in
                    self.wish.send()
                }
            }
            group.addTask {
                let interval = ClusterLimits.registryReadInterval
                while (try? await Task.sleep(for: interval * Double.random(in: 0.9...1.1))) != nil {
                    self.wish.send()
                }
            }
            self.wish.send()
            for await _ in self.wish.stream {
                // A failure is part of the list that follows.
                _ = try? await self.refresh()
                // Many hints at once are answered by one reading.
                guard (try? await Task.sleep(for: ClusterLimits.registryPause)) != nil else { break }
            }
            group.cancelAll()
        }
    }

    /// Reads the registry now.
    ///
    /// - Throws: `.unavailable`; the list then stands as it was.
    @discardableResult
    public func refresh() async throws(ClusterError) -> NodeList {
        do throws(RedisError) {
            let answer = try await self.client.run(
                NodeScripts.read, keys: self.keys,
                arguments: [
                    .string(unusedName()), .integer(Int(CoreLimits.nodeGoneAfter.milliseconds)),
                    .integer(ClusterLimits.registeredNodes),
                ])
            let reading = try Self.reading(answer)
            let list = self.directory.withLock { directory in
                directory.read(reading, now: .now)
                return directory.list
            }
            self.listeners.tell(list)
            return list
        } catch {
            // One that is told to stop has not seen the registry fail.
            if error.code != .cancelled { self.lostSight() }
            throw ClusterError(error)
        }
    }

    private static func reading(_ answer: RedisValue) throws(RedisError) -> RegistryReading {
        let parts = try answer.array()
        guard parts.count == 4 else { throw RedisError(.decoding, "expected a reading of four parts") }
        let now = try parts[1].integer()
        var nodes: [RegistryReading.Sighting] = []
        for value in try parts[2].array() {
            let fields = try value.array()
            guard fields.count == 4, let row = NodeRow(json: try fields[3].string()) else { continue }
            let record = row.record(NodeID(try fields[0].string()), epoch: try fields[2].integer())
            let age = Duration.milliseconds(max(0, now - Int(try fields[1].double())))
            nodes.append(.init(record: record, age: age))
        }
        var withdrawn: [NodeID: Int] = [:]
        for value in try parts[3].array() {
            let fields = try value.array()
            guard fields.count == 2 else { continue }
            withdrawn[NodeID(try fields[0].string())] = try fields[1].integer()
        }
        return RegistryReading(
            storeID: try parts[0].string(), now: Timestamp(milliseconds: Int64(now)), nodes: nodes,
            withdrawn: withdrawn)
    }
}

/// What a node says of itself, as it stands in the registry. Fields that a later release adds are not looked at.
private struct NodeRow: Codable {
    var address: String
    var version: String
    var weight: Int
    var state: String
    var runningTurns: Int
    /// Milliseconds since 1970.
    var startedAt: Int64

    init(_ record: NodeRecord) {
        self.address = record.address
        self.version = record.version
        self.weight = record.weight
        self.state = record.state.rawValue
        self.runningTurns = record.runningTurns
        self.startedAt = record.startedAt.milliseconds
    }

    init?(json: String) {
        guard let row = try? JSONDecoder().decode(NodeRow.self, from: Data(json.utf8)) else { return nil }
        self = row
    }

    var json: String {
        // A struct of texts and integers can always be encoded.
        (try? JSONEncoder().encode(self)).map { String(decoding: $0, as: UTF8.self) } ?? "{}"
    }

    /// A state that only a later release knows counts as one that takes nothing new.
    func record(_ id: NodeID, epoch: Int) -> NodeRecord {
        NodeRecord(
            id: id, address: self.address, version: self.version, weight: self.weight, epoch: epoch,
            state: NodeRecord.State(rawValue: self.state) ?? .serving, runningTurns: self.runningTurns,
            startedAt: Timestamp(milliseconds: self.startedAt))
    }
}

extension NodeRecord {
    /// Whether nothing but the load differs, so that nobody need be told before the next reading.
    fileprivate func isLike(_ other: NodeRecord) -> Bool {
        var other = other
        other.runningTurns = self.runningTurns
        return self == other
    }
}
