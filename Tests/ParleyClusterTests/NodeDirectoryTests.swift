//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCore
import Testing

@testable import ParleyCluster

@Suite("The list of nodes that one reader believes in")
struct NodeDirectoryTests {
    /// A reader with a clock that is moved by hand.
    private struct Reader {
        var directory = NodeDirectory<ContinuousClock.Instant>(now: Timestamp(milliseconds: 0))
        var now = ContinuousClock.now
        var wall = Timestamp(milliseconds: 0)
        var storeID = "one"

        mutating func pass(_ seconds: Int) {
            self.now = self.now.advanced(by: .seconds(seconds))
            self.wall = self.wall.advanced(by: .seconds(seconds))
        }

        /// A reading, five seconds after the one before, in which these were heard just now.
        mutating func read(_ names: String, late: [String: Int] = [:], withdrawn: String = "") {
            self.pass(5)
            self.directory.read(
                RegistryReading(
                    storeID: self.storeID, now: self.wall,
                    nodes: names.map {
                        .init(record: Self.node($0), age: .seconds(late[String($0)] ?? 0))
                    }, withdrawn: Dictionary(uniqueKeysWithValues: withdrawn.map { (NodeID(String($0)), 1) })),
                now: self.now)
        }

        static func node(_ name: Character, epoch: Int = 1) -> NodeRecord {
            NodeRecord(
                id: NodeID(String(name)), address: "http://\(name)", version: "1", epoch: epoch,
                startedAt: Timestamp(milliseconds: 0))
        }

        var names: String { self.directory.list.nodes.map(\.record.id.name).joined() }
        var isFrozen: Bool { self.directory.list.isFrozen }
        var suspects: String {
            self.directory.list.nodes.filter(\.isSuspect).map(\.record.id.name).joined()
        }
    }

    @Test("nodes come and, one after another, go")
    func ordinary() {
        var reader = Reader()
        reader.read("ab")
        #expect(reader.names == "ab" && !reader.isFrozen)
        reader.read("cab")
        #expect(reader.names == "abc")
        reader.read("ab")
        reader.read("a")
        #expect(reader.names == "a" && !reader.isFrozen)
        #expect(reader.directory.list.asOf == reader.wall)
    }

    @Test("one that misses heartbeats is suspect after three and gone after five")
    func missed() {
        var reader = Reader()
        reader.read("abc", late: ["a": 7])
        #expect(reader.suspects == "")
        reader.read("abc", late: ["a": 8])
        #expect(reader.suspects == "a" && reader.names == "abc")
        reader.read("abc", late: ["a": 12])
        #expect(reader.names == "bc")
    }

    @Test("half may vanish at once, more than half may not: then the list stands, all vanished suspect")
    func preservesItself() {
        var reader = Reader()
        reader.read("abcd")
        reader.read("ab")
        #expect(reader.names == "ab" && !reader.isFrozen)
        reader.read("abcd")
        let believed = reader.wall
        reader.read("a")
        #expect(reader.names == "abcd" && reader.isFrozen && reader.suspects == "bcd")
        #expect(reader.directory.list.asOf == believed)
        reader.read("")
        #expect(reader.names == "abcd" && reader.isFrozen)
        reader.read("abc")
        #expect(reader.names == "abc" && !reader.isFrozen && reader.suspects == "")
    }

    @Test("a list that stands is given up in the end")
    func givesUp() {
        var reader = Reader()
        reader.read("abcd")
        reader.read("a")
        let rounds = Int(CoreLimits.nodeListStands.inSeconds) / 5
        for _ in 1..<rounds { reader.read("a") }
        #expect(reader.names == "abcd" && reader.isFrozen)
        reader.read("a")
        #expect(reader.names == "a" && !reader.isFrozen)
        // The next time it stands as long again.
        reader.read("abcd")
        reader.read("a")
        #expect(reader.names == "abcd")
    }

    @Test("nodes that withdraw go at once, however many, unless they started again since")
    func withdraws() {
        var reader = Reader()
        reader.read("abcd")
        reader.read("a", withdrawn: "bcd")
        #expect(reader.names == "a" && !reader.isFrozen)
        reader.read("ab", withdrawn: "b")
        #expect(reader.names == "ab", "an announcement goes before an older withdrawal")
    }

    @Test("while the registry is away the list stands, and afterwards everybody gets the time to be heard again")
    func away() {
        var reader = Reader()
        reader.read("ab")
        reader.directory.missed()
        #expect(reader.names == "ab" && reader.isFrozen)
        reader.read("a")
        #expect(reader.names == "ab" && reader.isFrozen && reader.suspects == "b", "one of two is not more than half")
        reader.read("ab")
        #expect(reader.names == "ab" && !reader.isFrozen)
        reader.read("a")
        reader.read("a")
        #expect(reader.names == "a" && !reader.isFrozen)
    }

    @Test("a registry that was emptied is not believed at once")
    func emptied() {
        var reader = Reader()
        reader.read("ab")
        reader.storeID = "two"
        reader.read("a")
        #expect(reader.names == "ab" && reader.isFrozen)
        reader.read("a")
        reader.read("a")
        reader.read("a")
        #expect(reader.names == "a" && !reader.isFrozen)
    }

    @Test("a node always knows itself, whatever the registry says, until it withdraws or a later start is there")
    func own() {
        var reader = Reader()
        reader.directory.announced(Reader.node("a"), now: reader.wall)
        #expect(reader.names == "a")
        reader.read("")
        #expect(reader.names == "a" && !reader.isFrozen && reader.suspects == "")
        reader.read("b", withdrawn: "a")
        #expect(reader.names == "ab")
        reader.directory.read(
            RegistryReading(
                storeID: "one", now: reader.wall, nodes: [.init(record: Reader.node("a", epoch: 2), age: .zero)],
                withdrawn: [:]), now: reader.now)
        #expect(reader.directory.list.nodes.first?.record.epoch == 2)
        reader.directory.withdrew(NodeID("a"))
        #expect(!reader.names.contains("a"))
    }

    @Test("new nodes are seen while the list stands")
    func grows() {
        var reader = Reader()
        reader.read("abc")
        reader.read("")
        reader.read("x")
        #expect(reader.names == "abcx" && reader.isFrozen)
        reader.read("xyz")
        #expect(reader.names == "abcxyz" && reader.isFrozen)
        reader.read("xyz")
        #expect(reader.names == "xyz" && !reader.isFrozen, "three of six: half, and so they are let go")
    }
}
