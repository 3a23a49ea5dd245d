//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation
import ParleyCluster
import ParleyCore
import Testing

@Suite("How long an append takes", .timeLimit(.minutes(2)))
struct RedisLatencyTests {
    private static let isWanted = ProcessInfo.processInfo.environment["PARLEY_MEASURE"] != nil

    @Test(
        "of one answer and of a hundred at once, and until a reader on another node has it",
        .enabled(if: isWanted, "set PARLEY_MEASURE to measure"), arguments: [1, 20, 100])
    func appends(writers: Int) async throws {
        try await RedisNodes.run(2) { nodes in
            let clock = ContinuousClock()
            let times = try await withThrowingTaskGroup(of: [(Duration, Duration)].self) { group in
                for _ in 0..<writers {
                    group.addTask { try await Self.oneAnswer(nodes, events: 200, pause: .milliseconds(25), clock) }
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            print("\(writers) answers at 40 events/s: append \(Self.text(times.map(\.0)))")
            print("\(writers) answers at 40 events/s: seen elsewhere after \(Self.text(times.map(\.1)))")
            let began = clock.now
            _ = try await withThrowingTaskGroup(of: [(Duration, Duration)].self) { group in
                for _ in 0..<writers {
                    group.addTask { try await Self.oneAnswer(nodes, events: 200, pause: .zero, clock) }
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            let rate = Double(writers * 200) / (began.duration(to: clock.now) / .seconds(1))
            print("\(writers) answers without a pause: \(Int(rate)) events/s, read on another node")
        }
    }

    /// What each append took, and when a reader on the other node had its event, counted from before the append.
    private static func oneAnswer(
        _ nodes: RedisNodes, events: Int, pause: Duration, _ clock: ContinuousClock
    ) async throws -> [(Duration, Duration)] {
        let turn = TurnID.generate()
        let lease = try await nodes.a.begin(turn)
        async let arrivals = Self.arrivals(nodes.b, turn, clock)
        if pause > .zero { try await clock.sleep(for: .milliseconds(200)) }
        var began: [ContinuousClock.Instant] = []
        var took: [Duration] = []
        for number in 1...events {
            if pause > .zero { try await clock.sleep(for: pause) }
            let now = clock.now
            began.append(now)
            if number == events {
                try await nodes.a.end(number, lease)
            } else {
                try await nodes.a.say(["a few words "], from: number, lease)
            }
            took.append(now.duration(to: clock.now))
        }
        return zip(took, zip(began, try await arrivals)).map { ($0, $1.0.duration(to: $1.1)) }
    }

    private static func arrivals(
        _ node: RedisCluster, _ turn: TurnID, _ clock: ContinuousClock
    ) async throws -> [ContinuousClock.Instant] {
        var arrivals: [ContinuousClock.Instant] = []
        var position = EventID.start
        while true {
            let events = try await node.read(turn: turn, after: position, limit: 500).events
            arrivals += events.map { _ in clock.now }
            if events.last?.kind.isTerminal == true { return arrivals }
            position = events.last?.id ?? position
            try await node.waitForEvents(turn: turn, after: position, atMost: .seconds(5))
        }
    }

    private static func text(_ times: [Duration]) -> String {
        let sorted = times.sorted()
        func at(_ share: Double) -> String {
            String(format: "%.2f", sorted[Int(Double(sorted.count - 1) * share)] / .milliseconds(1))
        }
        return "p50 \(at(0.5)) ms, p99 \(at(0.99)) ms, at most \(at(1)) ms"
    }
}
