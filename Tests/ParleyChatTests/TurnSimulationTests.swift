//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyChat
import ParleyCluster
import ParleyCore
import Testing

/// A year of crashes in seconds: turns are made by nodes that die, sleep through their lease and lose sight of a shared
/// store that goes away, is emptied or forgets the end of its log, while readers come late, read slowly, change nodes
/// and read again. Everything follows from the seed.
@Suite("Turns under crashes, pauses and slow readers")
struct TurnSimulationTests {
    @Test("each reader shows each character once and ends with the stored text", arguments: 0..<40)
    func eachCharacterOnce(block: UInt64) throws {
        for seed in block * 25..<(block + 1) * 25 {
            _ = try SimulatedWorld.live(seed: seed)
        }
    }

    @Test("the simulation meets what it is made for")
    func meetsTheFaults() throws {
        var seen: [String: Int] = [:]
        for seed in UInt64(0)..<300 {
            seen.merge(try SimulatedWorld.live(seed: seed).seen) { $0 + $1 }
        }
        for fault in [
            "fenced append", "fenced finish", "takeover", "claim refused", "everything lost", "store emptied",
            "store went away", "end of the log lost", "begun while the store was away", "kept on the owner's node",
            "lease restored", "lost lease was another's", "takeover heard of from the database",
            "crash before terminal event", "replace", "restart in the same words", "restart in other words",
            "continuation", "end read from the database", "progress read from the database",
        ] {
            #expect(seen[fault, default: 0] > 0, "\(fault) never happened")
        }
    }

    @Test("the simulation finds what is broken on purpose", arguments: SimulatedWorld.Mutation.allCases)
    func findsDefects(_ mutation: SimulatedWorld.Mutation) {
        let found = (UInt64(0)..<1000).contains { seed in
            (try? SimulatedWorld.live(seed: seed, mutation: mutation)) == nil
        }
        #expect(found)
    }
}
