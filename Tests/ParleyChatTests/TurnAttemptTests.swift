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
        var attempt = TurnAttempt(epoch: 2, base: "Hello wor", continuing: false)
        _ = attempt.started(model: "m")
        #expect(attempt.delta("Hello ").isEmpty)
        #expect(attempt.text == "Hello wor")
        #expect(attempt.delta("world") == [.delta("ld")])
        #expect(attempt.text == "Hello world")
        #expect(attempt.nextSequence == 5)
    }

    @Test("a restart in other words replaces from the first difference")
    func otherWords() {
        var attempt = TurnAttempt(epoch: 2, base: "Hello world", continuing: false)
        _ = attempt.started(model: "m")
        #expect(attempt.delta("Help") == [.replace(from: 3, text: "p")])
        #expect(attempt.delta("!") == [.delta("!")])
        #expect(attempt.text == "Help!")
        #expect(attempt.scalarCount == 5)
    }

    @Test("a restart that says less cuts the rest at the end")
    func lessWords() {
        var attempt = TurnAttempt(epoch: 2, base: "Hello world", continuing: false)
        _ = attempt.started(model: "m")
        #expect(attempt.delta("Hello").isEmpty)
        #expect(attempt.completing() == [.replace(from: 5, text: "")])
        #expect(attempt.text == "Hello")
    }

    @Test("an epoch above 1 opens with the whole text so far, even an empty one, before the model is heard of")
    func opening() {
        var attempt = TurnAttempt(epoch: 2, base: "", continuing: false)
        #expect(attempt.opening(model: "m") == [.started(model: "m"), .replace(from: 0, text: ""), .sources([])])
        #expect(attempt.opening(model: "m").isEmpty)
        #expect(attempt.started(model: "m").isEmpty)
        var other = TurnAttempt(epoch: 3, base: "abc", continuing: true)
        #expect(other.started(model: "m") == [.started(model: "m"), .replace(from: 0, text: "abc"), .sources([])])
        #expect(other.isContinuing)
        #expect(other.delta("d") == [.delta("d")])
    }

    @Test("a model that answers under another name than the opening said is told of; the text is not said again")
    func otherModel() {
        var attempt = TurnAttempt(epoch: 2, base: "abc", continuing: true)
        _ = attempt.opening(model: "")
        #expect(attempt.started(model: "m") == [.started(model: "m")])
        #expect(attempt.started(model: "m").isEmpty)
        #expect(attempt.model == "m" && attempt.nextSequence == 5)
    }

    @Test("the first epoch opens with nothing but the model")
    func firstEpoch() {
        var attempt = TurnAttempt(epoch: 1, base: "", continuing: false)
        #expect(attempt.opening(model: "m").isEmpty)
        #expect(attempt.started(model: "m") == [.started(model: "m")])
    }
}
