//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyChat
import ParleyCore
import Testing

@Suite("An attempt at an answer")
struct TurnAttemptTests {
    @Test("a restart in the same words says nothing until it is past them")
    func sameWords() {
        var attempt = TurnAttempt(epoch: 2, base: "Hello wor", logSurvived: true, continuing: false)
        #expect(attempt.started(model: "m") == [.started(model: "m")])
        #expect(attempt.delta("Hello ").isEmpty)
        #expect(attempt.text == "Hello wor")
        #expect(attempt.delta("world") == [.delta("ld")])
        #expect(attempt.text == "Hello world")
        #expect(attempt.nextSequence == 3)
    }

    @Test("a restart in other words replaces from the first difference")
    func otherWords() {
        var attempt = TurnAttempt(epoch: 2, base: "Hello world", logSurvived: true, continuing: false)
        _ = attempt.started(model: "m")
        #expect(attempt.delta("Help") == [.replace(from: 3, text: "p")])
        #expect(attempt.delta("!") == [.delta("!")])
        #expect(attempt.text == "Help!")
        #expect(attempt.scalarCount == 5)
    }

    @Test("a restart that says less cuts the rest at the end")
    func lessWords() {
        var attempt = TurnAttempt(epoch: 2, base: "Hello world", logSurvived: true, continuing: false)
        _ = attempt.started(model: "m")
        #expect(attempt.delta("Hello").isEmpty)
        #expect(attempt.completing() == [.replace(from: 5, text: "")])
        #expect(attempt.text == "Hello")
    }

    @Test("after a lost log the epoch opens with the whole base, even an empty one")
    func lostLog() {
        var attempt = TurnAttempt(epoch: 2, base: "", logSurvived: false, continuing: false)
        #expect(attempt.started(model: "m") == [.started(model: "m"), .replace(from: 0, text: "")])
        var other = TurnAttempt(epoch: 3, base: "abc", logSurvived: false, continuing: true)
        #expect(other.started(model: "m") == [.started(model: "m"), .replace(from: 0, text: "abc")])
        #expect(other.isContinuing)
        #expect(other.delta("d") == [.delta("d")])
    }
}
