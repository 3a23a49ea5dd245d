//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import NIOCore
import Testing

@testable import WebSocketServer

@Suite struct HTTPConnectionStateTests {
    private static let start = NIODeadline.uptimeNanoseconds(1_000_000_000_000)
    private let timeouts = HTTPConnectionTimeouts(
        requestHeader: .seconds(10), keepAliveIdle: .seconds(60), requestBodyGrace: .seconds(20),
        requestBodyBytesPerSecond: 100, writeStall: .seconds(30), linger: .seconds(5))

    private func at(_ seconds: Int64) -> NIODeadline { Self.start + .seconds(seconds) }
    private func state() -> HTTPConnectionState { HTTPConnectionState(timeouts: self.timeouts, now: Self.start) }

    /// A request is read whole and answered at `second`.
    private func exchange(_ state: inout HTTPConnectionState, at second: Int64) -> HTTPConnectionState.Action {
        state.readHead(mayContinue: true)
        state.readEnd(now: self.at(second))
        state.readCompleted(now: self.at(second))
        state.writeHead(mayContinue: true)
        return state.writeEnd(now: self.at(second))
    }

    @Test("a silent connection is closed without an answer")
    func silent() {
        var state = self.state()
        #expect(state.deadline == self.at(10))
        #expect(state.timerFired(now: self.at(9)) == .none)
        #expect(state.timerFired(now: self.at(10)) == .close)
    }

    @Test("a header that comes byte by byte is refused at the deadline, which no byte moves")
    func slowHeader() {
        var state = self.state()
        for second in 1..<10 { state.readCompleted(now: self.at(Int64(second))) }
        #expect(state.deadline == self.at(10))
        #expect(state.timerFired(now: self.at(10)) == .refuseSlowHeader)
        #expect(state.timerFired(now: self.at(15)) == .close)
    }

    @Test("between requests the idle time counts, from the first byte of a header the header's")
    func keepAlive() {
        var state = self.state()
        #expect(self.exchange(&state, at: 1) == .none)
        #expect(state.deadline == self.at(61))
        state.readCompleted(now: self.at(30))
        #expect(state.deadline == self.at(40))
        state.readCompleted(now: self.at(39))
        #expect(state.timerFired(now: self.at(40)) == .refuseSlowHeader)
    }

    @Test("no deadline runs while the application makes its answer")
    func answering() {
        var state = self.state()
        state.readHead(mayContinue: true)
        state.readEnd(now: self.at(1))
        state.readCompleted(now: self.at(1))
        state.readRequested(now: self.at(1))
        #expect(state.deadline == nil)
        #expect(state.timerFired(now: self.at(1000)) == .none)
    }

    @Test("a header that began behind a request under way gets its time after the answer")
    func pipelinedPartialHeader() {
        var state = self.state()
        state.readHead(mayContinue: true)
        state.readEnd(now: self.at(1))
        state.readCompleted(now: self.at(1))
        state.readCompleted(now: self.at(2))
        #expect(state.deadline == nil)
        #expect(state.writeEnd(now: self.at(50)) == .none)
        #expect(state.deadline == self.at(60))
    }

    @Test("a body has its grace, and what it brings buys time")
    func slowBody() {
        var state = self.state()
        state.readHead(mayContinue: true)
        state.readCompleted(now: Self.start)
        state.readRequested(now: Self.start)
        #expect(state.deadline == self.at(20))
        state.readBody(bytes: 500, now: self.at(10))
        state.readRequested(now: self.at(10))
        #expect(state.deadline == self.at(25))
        #expect(state.timerFired(now: self.at(25)) == .close)
    }

    @Test("time in which the application does not read is not the client's")
    func slowApplication() {
        var state = self.state()
        state.readHead(mayContinue: true)
        state.readBody(bytes: 1, now: self.at(1))
        state.readCompleted(now: self.at(1))
        #expect(state.deadline == nil)
        state.readRequested(now: self.at(500))
        #expect(state.deadline == self.at(520) + .milliseconds(10))
    }

    @Test("a client that leaves its answer unread is closed")
    func stalledWrite() {
        var state = self.state()
        state.readHead(mayContinue: true)
        state.readEnd(now: self.at(1))
        state.writabilityChanged(false, now: self.at(2))
        #expect(state.deadline == self.at(32))
        state.writabilityChanged(true, now: self.at(20))
        #expect(state.deadline == nil)
        state.writabilityChanged(false, now: self.at(30))
        #expect(state.timerFired(now: self.at(60)) == .close)
    }

    @Test("shutdown closes a resting connection at once and a busy one after its answer")
    func quiesce() {
        var resting = self.state()
        #expect(resting.quiesce() == .close)
        var busy = self.state()
        busy.readHead(mayContinue: true)
        busy.readEnd(now: self.at(1))
        #expect(busy.quiesce() == .none)
        #expect(busy.closesAfterResponse)
        #expect(busy.writeEnd(now: self.at(2)) == .close)
    }

    @Test("the last of several requests ends the connection, not the ones before it")
    func pipelinedLast() {
        var state = self.state()
        for mayContinue in [true, true, false] {
            state.readHead(mayContinue: mayContinue)
            state.readEnd(now: self.at(1))
        }
        let actions = (0..<3).map { _ in state.writeEnd(now: self.at(2)) }
        #expect(actions == [.none, .none, .close])
    }

    @Test("an answer that comes before the end of its request is left readable")
    func earlyAnswer() {
        var state = self.state()
        state.readHead(mayContinue: true)
        state.writeHead(mayContinue: false)
        #expect(state.writeEnd(now: self.at(1)) == .closeAndLinger)
        #expect(state.deadline == self.at(6))
        #expect(state.timerFired(now: self.at(6)) == .close)
    }

    @Test("a connection that may continue does, and waits for the rest of a body first")
    func restOfBody() {
        var state = self.state()
        state.readHead(mayContinue: true)
        #expect(state.writeEnd(now: self.at(1)) == .none)
        #expect(state.deadline == nil)
        state.readEnd(now: self.at(2))
        #expect(state.deadline == self.at(62))
    }
}
