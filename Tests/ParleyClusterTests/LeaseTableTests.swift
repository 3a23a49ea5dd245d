//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCluster
import ParleyCore
import Testing

/// A table by reference, since `#expect` cannot call what mutates a value.
private final class Table {
    private var value = LeaseTable<ContinuousClock.Instant>()

    func acquire(turn: TurnID, node: NodeID, afterEpoch: Int, now: ContinuousClock.Instant) -> Lease? {
        self.value.acquire(turn: turn, node: node, afterEpoch: afterEpoch, now: now)
    }

    func renew(_ lease: Lease, now: ContinuousClock.Instant) -> Bool { self.value.renew(lease, now: now) }
    func release(_ lease: Lease) { self.value.release(lease) }
    func holds(_ lease: Lease) -> Bool { self.value.holds(lease) }
    func isLive(_ turn: TurnID, now: ContinuousClock.Instant) -> Bool { self.value.isLive(turn, now: now) }
}

/// A log by reference, for the same reason.
private final class Log {
    private var value = TurnLog(turnID: .generate())

    var events: [TurnEvent] { self.value.events }
    var isFinished: Bool { self.value.isFinished }

    func append(_ kinds: [TurnEvent.Kind], firstSequence: Int, epoch: Int, limit: Int = 100) -> TurnLog.Append {
        self.value.append(kinds, firstSequence: firstSequence, epoch: epoch, limit: limit)
    }

    func events(after position: EventID, limit: Int) -> ArraySlice<TurnEvent> {
        self.value.events(after: position, limit: limit)
    }
}

@Suite("Leases")
struct LeaseTableTests {
    let turn = TurnID.generate()
    let a = NodeID("a")
    let b = NodeID("b")
    let start = ContinuousClock.now

    @Test("one holder at a time; the next epoch is higher, also after expiry and release")
    func exclusive() throws {
        let table = Table()
        let first = try #require(table.acquire(turn: self.turn, node: self.a, afterEpoch: 0, now: self.start))
        #expect(first.epoch == 1)
        #expect(table.acquire(turn: self.turn, node: self.b, afterEpoch: 0, now: self.start) == nil)
        let later = self.start.advanced(by: CoreLimits.leaseLife)
        let second = try #require(table.acquire(turn: self.turn, node: self.b, afterEpoch: 0, now: later))
        #expect(second.epoch == 2)
        #expect(!table.holds(first))
        #expect(!table.renew(first, now: later))
        table.release(first)
        #expect(table.holds(second))
        table.release(second)
        #expect(!table.holds(second))
        let third = try #require(table.acquire(turn: self.turn, node: self.a, afterEpoch: 9, now: later))
        #expect(third.epoch == 10)
    }

    @Test("a renewal carries on from now; a lapsed lease is ours again if nobody took it, and not if somebody did")
    func renewal() throws {
        let table = Table()
        let lease = try #require(table.acquire(turn: self.turn, node: self.a, afterEpoch: 0, now: self.start))
        let soon = self.start.advanced(by: CoreLimits.leaseLife - .milliseconds(1))
        #expect(table.renew(lease, now: soon))
        #expect(table.isLive(self.turn, now: self.start.advanced(by: CoreLimits.leaseLife)))
        let late = soon.advanced(by: CoreLimits.leaseLife)
        #expect(!table.isLive(self.turn, now: late))
        #expect(table.renew(lease, now: late))
        #expect(table.isLive(self.turn, now: late))
        let tooLate = late.advanced(by: CoreLimits.leaseLife)
        let next = try #require(table.acquire(turn: self.turn, node: self.b, afterEpoch: 0, now: tooLate))
        #expect(!table.renew(lease, now: tooLate))
        #expect(!table.holds(lease))
        #expect(table.holds(next))
    }
}

@Suite("The log of a turn")
struct TurnLogTests {
    @Test("is contiguous, skips repeats, refuses holes, older epochs, and anything after the end")
    func rules() {
        let log = Log()
        #expect(log.append([.started(model: "m"), .delta("a")], firstSequence: 1, epoch: 1) == .appended(2))
        #expect(log.append([.delta("a"), .delta("b")], firstSequence: 2, epoch: 1) == .appended(1))
        #expect(log.append([.delta("x")], firstSequence: 5, epoch: 1) == .gap)
        #expect(log.append([.delta("x")], firstSequence: 2, epoch: 2) == .gap)
        #expect(log.append([.started(model: "m")], firstSequence: 1, epoch: 3) == .appended(1))
        #expect(log.append([.delta("z")], firstSequence: 4, epoch: 1) == .fenced)
        #expect(log.append([.stopped(messageID: .generate())], firstSequence: 2, epoch: 3) == .appended(1))
        #expect(log.append([.delta("z")], firstSequence: 3, epoch: 3) == .fenced)
        #expect(log.isFinished)
        #expect(log.events.map(\.id.description) == ["1-1", "1-2", "1-3", "3-1", "3-2"])
    }

    @Test("reads after any position")
    func reading() {
        let log = Log()
        _ = log.append([.started(model: "m"), .delta("a"), .delta("b")], firstSequence: 1, epoch: 1)
        _ = log.append([.replace(from: 0, text: "")], firstSequence: 1, epoch: 2)
        #expect(log.events(after: .start, limit: 2).map(\.id.description) == ["1-1", "1-2"])
        #expect(log.events(after: EventID(epoch: 1, sequence: 2), limit: 9).map(\.id.description) == ["1-3", "2-1"])
        #expect(log.events(after: EventID(epoch: 1, sequence: 99), limit: 9).map(\.id.description) == ["2-1"])
        #expect(log.events(after: EventID(epoch: 2, sequence: 1), limit: 9).isEmpty)
    }

    @Test("keeps a place for the end when it is full")
    func full() {
        let log = Log()
        #expect(log.append([.delta("a"), .delta("b")], firstSequence: 1, epoch: 1, limit: 3) == .appended(2))
        #expect(log.append([.delta("c")], firstSequence: 3, epoch: 1, limit: 3) == .full)
        #expect(log.append([.stopped(messageID: .generate())], firstSequence: 3, epoch: 1, limit: 3) == .appended(1))
    }
}
