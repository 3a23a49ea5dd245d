//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCore
import Testing

@Suite("A reader's position")
struct ReaderPositionTests {
    let turnID = TurnID.generate()

    func event(_ epoch: Int, _ sequence: Int, _ kind: TurnEvent.Kind) -> TurnEvent {
        TurnEvent(turnID: self.turnID, id: EventID(epoch: epoch, sequence: sequence), kind: kind)
    }

    @Test("shows each delta once, whatever is repeated")
    func dropsRepeats() {
        var reader = ReaderPosition()
        let events = [
            self.event(1, 1, .started(model: "m")), self.event(1, 2, .delta("Hel")), self.event(1, 3, .delta("lo")),
        ]
        for event in events { #expect(reader.apply(event) == .applied) }
        for event in events { #expect(reader.apply(event) == .dropped) }
        #expect(reader.text == "Hello")
    }

    @Test("asks again when an event is missing, and has not moved")
    func noticesGaps() {
        var reader = ReaderPosition()
        #expect(reader.apply(self.event(1, 2, .delta("x"))) == .gap)
        #expect(reader.last == .start)
        #expect(reader.apply(self.event(1, 1, .started(model: "m"))) == .applied)
        #expect(reader.apply(self.event(1, 3, .delta("x"))) == .gap)
        #expect(reader.apply(self.event(2, 2, .delta("x"))) == .gap)
        #expect(reader.text.isEmpty)
    }

    @Test("obeys a replace from any later id, counting Unicode scalars")
    func obeysReplace() {
        var reader = ReaderPosition(last: EventID(epoch: 1, sequence: 9), text: "e\u{301}👩‍🚀z")
        // e, acute, woman, joiner, rocket, z: six scalars, three characters.
        #expect(reader.apply(self.event(2, 7, .replace(from: 5, text: "!"))) == .applied)
        #expect(reader.text == "e\u{301}👩‍🚀!")
        #expect(reader.apply(self.event(2, 8, .delta("?"))) == .applied)
        #expect(reader.apply(self.event(2, 9, .replace(from: 99, text: ""))) == .gap)
        #expect(reader.text == "e\u{301}👩‍🚀!?")
    }

    @Test("knows the end")
    func knowsTheEnd() {
        var reader = ReaderPosition()
        _ = reader.apply(self.event(1, 1, .stopped(messageID: .generate())))
        #expect(reader.isFinished)
    }
}
