//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyChat
import ParleyCluster
import ParleyCore
import Testing

/// A year of crashes in seconds: turns are made by nodes that die, sleep through their lease and lose the log, while
/// readers come late, read slowly and read again. Everything follows from the seed.
@Suite("Turns under crashes, pauses and slow readers")
struct TurnSimulationTests {
    @Test("each reader shows each character once and ends with the stored text", arguments: 0..<40)
    func eachCharacterOnce(block: UInt64) throws {
        for seed in block * 25..<(block + 1) * 25 {
            var world = SimulatedWorld(seed: seed)
            world.run(steps: 400)
            try world.settle()
            try world.check()
        }
    }

    @Test("the simulation meets what it is made for")
    func meetsTheFaults() throws {
        var seen: [String: Int] = [:]
        for seed in UInt64(0)..<300 {
            var world = SimulatedWorld(seed: seed)
            world.run(steps: 400)
            try world.settle()
            seen.merge(world.seen) { $0 + $1 }
        }
        for fault in [
            "fenced append", "fenced finish", "takeover", "log lost", "crash before terminal event", "replace",
            "restart in the same words", "restart in other words", "continuation", "read from the database",
        ] {
            #expect(seen[fault, default: 0] > 0, "\(fault) never happened")
        }
    }
}
