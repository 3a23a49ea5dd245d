//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation
import ParleyCluster
import ParleyCore
import RedisForTest
import SeededRandom
import Synchronization
import Testing

/// What the database knows of some turns: the fence behind all others.
private final class Durable: Sendable {
    struct Row: Sendable {
        var epoch = 0
        var text: String?
    }

    private let rows = Mutex<[TurnID: Row]>([:])

    func row(_ turn: TurnID) -> Row { self.rows.withLock { $0[turn] ?? Row() } }

    func claim(_ turn: TurnID, epoch: Int) -> Bool {
        self.rows.withLock { rows in
            guard epoch > rows[turn, default: Row()].epoch, rows[turn]?.text == nil else { return false }
            rows[turn, default: Row()].epoch = epoch
            return true
        }
    }

    func finish(_ turn: TurnID, epoch: Int, text: String) -> Bool {
        self.rows.withLock { rows in
            guard rows[turn]?.epoch == epoch, rows[turn]?.text == nil else { return false }
            rows[turn]?.text = text
            return true
        }
    }
}

/// What a reader has on the screen.
private struct Screen {
    var text = ""
    var position = EventID.start
    var isFinished = false

    /// - Returns: whether the event was due.
    mutating func show(_ event: TurnEvent) -> Bool {
        guard event.id > self.position, !self.isFinished else { return false }
        self.position = event.id
        switch event.kind {
        case .delta(let new): self.text += new
        case .replace(let from, let new):
            guard from <= self.text.count else { return false }
            self.text = self.text.prefix(from) + new
        default: self.isFinished = event.kind.isTerminal
        }
        return true
    }
}

@Suite("Answers under random faults of Redis and of their owners", .timeLimit(.minutes(2)))
struct RedisSoakTests {
    private static let numbers = 120
    private static let whole = (1...numbers).map { "\($0) " }.joined()

    @Test("every reader sees every character once", arguments: RedisSoakTests.seeds)
    func soak(seed: UInt64) async throws {
        try await RedisNodes.run(3, .everySecond, lease: .milliseconds(500), grace: .milliseconds(500)) { nodes in
            let durable = Durable()
            let turns = (0..<8).map { _ in TurnID.generate() }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for (index, turn) in turns.enumerated() {
                    group.addTask { try await Self.write(turn, nodes, durable, seed: seed &* 31 &+ UInt64(index)) }
                    for node in nodes.nodes {
                        group.addTask { try await Self.read(turn, node, durable, seed) }
                    }
                }
                // The faults go on for as long as answers are made and read.
                try await withThrowingTaskGroup(of: Void.self) { faults in
                    faults.addTask { try? await Self.disturb(nodes.server, seed: seed) }
                    try await group.waitForAll()
                    faults.cancelAll()
                }
            }
        }
    }

    /// `PARLEY_SEEDS=1,2,3` runs others.
    private static let seeds: [UInt64] =
        ProcessInfo.processInfo.environment["PARLEY_SEEDS"]?.split(separator: ",").compactMap { UInt64($0) } ?? [4]

    /// Makes one answer as engines do, on one node after the other until it has ended.
    private static func write(_ turn: TurnID, _ nodes: RedisNodes, _ durable: Durable, seed: UInt64) async throws {
        var random = SeededGenerator(seed: seed)
        while durable.row(turn).text == nil {
            let index = Int.random(in: 0..<3, using: &random)
            let node = nodes.nodes[index]
            let row = durable.row(turn)
            let isKnown = (try? await node.live(among: [turn]).isEmpty) == true || row.epoch == 0
            if isKnown,
                let lease = try? await node.acquire(turn: turn, node: NodeID("\(index)"), afterEpoch: row.epoch)
            {
                if durable.claim(turn, epoch: lease.epoch) {
                    // Some owners die in the middle.
                    let life = Bool.random(using: &random) ? Int.random(in: 1...60, using: &random) : Int.max
                    try await Self.attempt(lease, node, durable, life: life)
                } else {
                    try? await node.release(lease)
                }
            }
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    private static func attempt(_ lease: Lease, _ node: RedisCluster, _ durable: Durable, life: Int) async throws {
        var screen = Screen()
        while true {
            let page = try await node.read(turn: lease.turnID, after: screen.position, limit: 50)
            guard !page.events.isEmpty else { break }
            for event in page.events {
                let isDue = screen.show(event)
                #expect(isDue)
            }
        }
        var next = screen.text.split(separator: " ").count + 1
        var sequence = 1
        do {
            if lease.epoch > 1 {
                let kind =
                    screen.position == .start
                    ? TurnEvent.Kind.replace(from: 0, text: "") : .replace(from: screen.text.count, text: "")
                try await Self.insist(kind, sequence, lease, node, durable)
                sequence += 1
            }
            var said = 0
            while next <= Self.numbers {
                guard said < life else { return }
                try await Self.insist(.delta("\(next) "), sequence, lease, node, durable)
                (next, sequence, said) = (next + 1, sequence + 1, said + 1)
                if said.isMultiple(of: 10) { try await Self.renew(lease, node, durable) }
                try await Task.sleep(for: .milliseconds(10))
            }
            guard durable.finish(lease.turnID, epoch: lease.epoch, text: Self.whole) else { return }
            try await Self.insist(.stopped(messageID: .generate()), sequence, lease, node, durable)
            try? await node.release(lease)
        } catch let error as ClusterError {
            #expect(error.code == .fenced, "\(error)")
        }
    }

    private static func insist(
        _ kind: TurnEvent.Kind, _ sequence: Int, _ lease: Lease, _ node: RedisCluster, _ durable: Durable
    ) async throws {
        while true {
            do {
                return try await node.append([kind], firstSequence: sequence, lease: lease)
            } catch {
                guard error.code == .lost else { throw error }
                try await Self.restore(lease, node, durable)
            }
        }
    }

    private static func renew(_ lease: Lease, _ node: RedisCluster, _ durable: Durable) async throws {
        do {
            try await node.renew(lease)
        } catch {
            switch error.code {
            case .lost: try await Self.restore(lease, node, durable)
            case .unavailable: break
            default: throw error
            }
        }
    }

    private static func restore(_ lease: Lease, _ node: RedisCluster, _ durable: Durable) async throws {
        guard durable.row(lease.turnID).epoch == lease.epoch else { throw ClusterError(.fenced, "the database") }
        do {
            try await node.restore(lease)
        } catch {
            guard error.code == .unavailable || error.code == .lost else { throw error }
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    private static func read(_ turn: TurnID, _ node: RedisCluster, _ durable: Durable, _ seed: UInt64) async throws {
        var screen = Screen()
        while !screen.isFinished {
            let page = try await node.read(turn: turn, after: screen.position, limit: 50)
            for event in page.events {
                let before = screen.position
                let isDue = screen.show(event)
                #expect(isDue, "seed \(seed): \(event.id) after \(before), \(screen.text.count) characters")
            }
            guard page.events.isEmpty else { continue }
            let began = ContinuousClock.now
            try await node.waitForEvents(turn: turn, after: screen.position, atMost: .seconds(2))
            // What the log does not have any more, the database has.
            if began.duration(to: .now) > .seconds(1), durable.row(turn).text != nil { break }
        }
        if screen.isFinished {
            #expect(screen.text == Self.whole, "seed \(seed), \(turn)")
        }
    }

    private static func disturb(_ server: RedisServer, seed: UInt64) async throws {
        var random = SeededGenerator(seed: seed)
        while true {
            try await Task.sleep(for: .milliseconds(Int.random(in: 100...500, using: &random)))
            switch Int.random(in: 0..<5, using: &random) {
            case 0: _ = try? server.command("CLIENT", "KILL", "TYPE", "normal")
            case 1: _ = try? server.command("CLIENT", "KILL", "TYPE", "pubsub")
            case 2: _ = try? server.command("FLUSHALL")
            case 3:
                server.pause()
                try? await Task.sleep(for: .milliseconds(Int.random(in: 50...900, using: &random)))
                server.resume()
            default:
                try? await server.kill()
                try? await Task.sleep(for: .milliseconds(Int.random(in: 0...300, using: &random)))
                while (try? await server.start()) == nil, !Task.isCancelled {}
            }
        }
    }
}
