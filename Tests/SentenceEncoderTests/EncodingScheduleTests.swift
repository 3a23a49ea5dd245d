//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Testing

@testable import SentenceEncoder

@Suite("Whose text is encoded next")
struct EncodingScheduleTests {
    private func take(_ count: Int, urgent: Bool = false, from schedule: inout EncodingSchedule) -> [String] {
        (0..<count).compactMap { _ in schedule.next(urgent: urgent)?.text }
    }

    @Test("requests take turns, batch by batch")
    func turns() throws {
        var schedule = EncodingSchedule(limit: 4)
        _ = schedule.add(["a1", "a2", "a3", "a4"], urgent: false)
        _ = schedule.add(["b1", "b2"], urgent: false)
        #expect(self.take(2, from: &schedule) == ["a1", "a2"])
        schedule.takeTurns()
        #expect(self.take(2, from: &schedule) == ["b1", "b2"])
        schedule.takeTurns()
        #expect(self.take(3, from: &schedule) == ["a3", "a4"])
    }

    @Test("a batch goes on with the next request when one has no more texts")
    func fill() {
        var schedule = EncodingSchedule(limit: 4)
        _ = schedule.add(["a"], urgent: true)
        _ = schedule.add(["b"], urgent: true)
        _ = schedule.add(["c"], urgent: false)
        #expect(schedule.hasUrgent)
        #expect(self.take(5, urgent: true, from: &schedule) == ["a", "b"])
        #expect(!schedule.hasUrgent)
    }

    @Test("a text that is given back is the next again", arguments: [1, 3])
    func givenBack(count: Int) throws {
        var schedule = EncodingSchedule(limit: 4)
        _ = schedule.add((0..<count).map { "a\($0)" }, urgent: false)
        _ = schedule.add(["b"], urgent: false)
        let next = schedule.next(urgent: false)
        let first = try #require(next)
        schedule.giveBack(first, urgent: false)
        #expect(schedule.next(urgent: false) == first)
    }

    @Test("vectors come in the order of the texts, when all are there")
    func deliver() throws {
        var schedule = EncodingSchedule(limit: 4)
        _ = schedule.add(["a", "b"], urgent: false)
        let pieces = (schedule.next(urgent: false), schedule.next(urgent: false))
        let first = try #require(pieces.0)
        let second = try #require(pieces.1)
        #expect(schedule.deliver([2], for: second) == nil)
        #expect(!schedule.isEmpty)
        #expect(schedule.deliver([1], for: first) == [[1], [2]])
        #expect(schedule.isEmpty)
    }

    @Test("one request too many is refused, and a place is free again when one ends")
    func limit() throws {
        var schedule = EncodingSchedule(limit: 1)
        let added = schedule.add(["a"], urgent: false)
        let id = try #require(added)
        #expect(schedule.add(["b"], urgent: true) == nil)
        let removed = schedule.remove(id)
        #expect(removed)
        let again = schedule.remove(id)
        #expect(!again)
        #expect(schedule.add(["b"], urgent: true) != nil)
        #expect(schedule.next(urgent: false) == nil)
    }
}
