//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCore
import Testing

@testable import ParleyCluster

/// A mirror by reference, since `#expect` cannot call what mutates a value.
private final class Mirror {
    var value = TurnMirror(turnID: .generate())

    @discardableResult
    func append(_ texts: [String], from sequence: Int, _ lease: Lease) -> TurnLog.Append {
        self.value.append(texts.map { .delta($0) }, firstSequence: sequence, lease: lease)
    }

    func accepted(_ epoch: Int, _ sequence: Int) -> Bool {
        self.value.accepted(upTo: EventID(epoch: epoch, sequence: sequence))
    }

    func merge(_ ids: [(Int, Int)]) -> Bool? {
        self.value.merge(
            ids.map { id in
                TurnEvent(
                    turnID: self.value.log.turnID, id: EventID(epoch: id.0, sequence: id.1),
                    kind: .delta("\(id.0)-\(id.1)"))
            })
    }

    func show() -> Bool { self.value.show() }

    var seen: [String] { self.value.page(after: .start, limit: 100).events.map(\.id.description) }
    var unsent: [String] { self.value.unsent()?.events.map(\.id.description) ?? [] }
}

@Suite("A node's copy of a turn's log")
struct TurnMirrorTests {
    private let mirror = Mirror()
    private let first = Lease(turnID: .generate(), node: NodeID("a"), epoch: 1)
    private var later: Lease { Lease(turnID: self.first.turnID, node: NodeID("a"), epoch: 3) }

    @Test("shows an event when Redis has accepted it, and not before")
    func loggedBeforeVisible() {
        #expect(self.mirror.append(["a", "b"], from: 1, self.first) == .appended(2))
        #expect(self.mirror.seen.isEmpty)
        #expect(!self.mirror.value.page(after: .start, limit: 9).exists)
        #expect(self.mirror.unsent == ["1-1", "1-2"])
        #expect(self.mirror.value.unsent()?.previous == .start)
        #expect(self.mirror.accepted(1, 1))
        #expect(self.mirror.seen == ["1-1"])
        #expect(self.mirror.unsent == ["1-2"])
        #expect(self.mirror.value.unsent()?.previous.description == "1-1")
        #expect(self.mirror.accepted(1, 2))
        #expect(!self.mirror.accepted(1, 2))
        #expect(!self.mirror.value.hasUnsent)
    }

    @Test("shows events while Redis is away and sends them afterwards")
    func away() {
        self.mirror.append(["a", "b"], from: 1, self.first)
        #expect(self.mirror.show())
        #expect(self.mirror.seen == ["1-1", "1-2"])
        #expect(self.mirror.unsent == ["1-1", "1-2"])
        #expect(!self.mirror.accepted(1, 2))
        #expect(self.mirror.unsent.isEmpty)
    }

    @Test("sends again what Redis lost, and takes nothing back from readers")
    func lostTail() {
        self.mirror.append(["a", "b", "c"], from: 1, self.first)
        #expect(self.mirror.accepted(1, 3))
        self.mirror.value.found(last: EventID(epoch: 1, sequence: 1))
        #expect(self.mirror.seen == ["1-1", "1-2", "1-3"])
        #expect(self.mirror.unsent == ["1-2", "1-3"])
        #expect(self.mirror.value.unsent()?.previous.description == "1-1")
    }

    @Test("a late answer about fewer events does not undo a newer one")
    func lateAnswer() {
        self.mirror.append(["a", "b"], from: 1, self.first)
        #expect(self.mirror.accepted(1, 2))
        #expect(!self.mirror.accepted(1, 1))
        #expect(self.mirror.seen == ["1-1", "1-2"])
        #expect(self.mirror.unsent.isEmpty)
    }

    @Test("forgets what was refused and nobody saw, and refuses the lease from then on")
    func refused() {
        self.mirror.append(["a"], from: 1, self.first)
        #expect(self.mirror.accepted(1, 1))
        self.mirror.append(["b"], from: 2, self.first)
        self.mirror.value.give(self.first)
        #expect(self.mirror.value.log.last.description == "1-1")
        #expect(self.mirror.append(["c"], from: 3, self.first) == .fenced)
        #expect(self.mirror.append(["b"], from: 2, self.first) == .fenced)
        self.mirror.value.take(self.later, stored: EventID(epoch: 1, sequence: 1))
        #expect(self.mirror.append(["x"], from: 1, self.later) == .appended(1))
        #expect(self.mirror.append(["b"], from: 2, self.first) == .fenced)
    }

    @Test("another node's epoch displaces what was never visible, and keeps what was")
    func overtaken() {
        self.mirror.append(["a", "b"], from: 1, self.first)
        #expect(self.mirror.accepted(1, 1))
        #expect(self.mirror.merge([(2, 1), (2, 2)]) == true)
        #expect(self.mirror.seen == ["1-1", "2-1", "2-2"])

        let shown = Mirror()
        shown.append(["a", "b"], from: 1, self.first)
        #expect(shown.show())
        #expect(shown.merge([(1, 1), (2, 1)]) == true)
        #expect(shown.seen == ["1-1", "1-2", "2-1"])
    }

    @Test("an append whose answer was lost is seen in the log")
    func answerLost() {
        self.mirror.append(["a", "b"], from: 1, self.first)
        #expect(self.mirror.merge([(1, 1), (1, 2), (2, 1)]) == true)
        #expect(self.mirror.seen == ["1-1", "1-2", "2-1"])
    }

    @Test("does not take over a log with a hole")
    func hole() {
        #expect(self.mirror.merge([(1, 1), (1, 2)]) == true)
        #expect(self.mirror.merge([(1, 4)]) == nil)
        #expect(self.mirror.seen == ["1-1", "1-2"])
        #expect(self.mirror.merge([(2, 2)]) == nil)
        #expect(self.mirror.merge([(2, 1)]) == true)
        #expect(self.mirror.merge([]) == false)
    }

    @Test("who takes over sends the readers elsewhere what only this node had")
    func takesOverMore() {
        #expect(self.mirror.merge([(1, 1), (1, 2), (1, 3)]) == true)
        self.mirror.value.take(self.later, stored: EventID(epoch: 1, sequence: 1))
        self.mirror.append(["x"], from: 1, self.later)
        #expect(self.mirror.unsent == ["1-2", "1-3", "3-1"])
        #expect(self.mirror.value.unsent()?.previous.description == "1-1")
    }

    @Test("sends in pieces of bounded size")
    func pieces() {
        let long = String(repeating: "x", count: ClusterLimits.bytesPerAppend)
        self.mirror.append([long, "b"], from: 1, self.first)
        #expect(self.mirror.unsent == ["1-1"])
        #expect(self.mirror.value.bytes > ClusterLimits.bytesPerAppend)
        #expect(self.mirror.accepted(1, 1))
        self.mirror.append(Array(repeating: "c", count: 1000), from: 3, self.first)
        #expect(self.mirror.unsent.count == ClusterLimits.eventsPerAppend)
    }
}

@Suite("How long Redis has known what it knows")
struct RedisAgeTests {
    @Test("it is young when emptied, when restarted, and when first seen, and grows up each time")
    func ages() {
        var age = RedisAge<ContinuousClock.Instant>(grace: .seconds(6))
        let start = ContinuousClock.now
        func isYoung(_ run: String, _ seconds: Int, at now: Int) -> Bool {
            age.isYoung(run: run, age: .seconds(seconds), now: start.advanced(by: .seconds(now)))
        }
        #expect(isYoung("a", 100, at: 0))
        #expect(isYoung("a", 105, at: 5))
        #expect(!isYoung("a", 106, at: 6))
        #expect(isYoung("a", 1, at: 20))
        #expect(!isYoung("a", 7, at: 26))
        #expect(isYoung("b", 1000, at: 30))
        #expect(!isYoung("b", 1006, at: 36))
    }
}
