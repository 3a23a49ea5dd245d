//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import NIOCore
import NIOWebSocket
import Testing

@testable import WebSocketServer

@Suite struct WebSocketConnectionStateTests {
    private static let start = NIODeadline.uptimeNanoseconds(1_000_000_000_000)

    private func state(_ change: (inout WebSocketConfiguration) -> Void = { _ in }) -> WebSocketConnectionState {
        var configuration = WebSocketConfiguration()
        change(&configuration)
        return WebSocketConnectionState(WebSocketSettings(configuration), now: Self.start)
    }

    private func frame(
        _ opcode: WebSocketOpcode, _ payload: [UInt8] = [], fin: Bool = true, rsv1: Bool = false, masked: Bool = true
    ) -> WebSocketFrame {
        let key: WebSocketMaskingKey = [1, 2, 3, 4]
        var data = ByteBuffer(bytes: payload)
        if masked { data.webSocketMask(key) }
        return WebSocketFrame(fin: fin, rsv1: rsv1, opcode: opcode, maskKey: masked ? key : nil, data: data)
    }

    private static func opcode(_ number: UInt8) -> WebSocketOpcode {
        WebSocketOpcode(encodedWebSocketOpcode: number) ?? .text
    }

    private func closeFrame(_ code: UInt16, _ reason: [UInt8] = []) -> WebSocketFrame {
        self.frame(.connectionClose, [UInt8(code >> 8), UInt8(code & 255)] + reason)
    }

    private func at(_ seconds: Int64) -> NIODeadline { Self.start + .seconds(seconds) }

    /// The code of the Close frame that ends the connection.
    private func code(_ action: WebSocketConnectionState.Action) -> UInt16? {
        guard case .end(let frame?) = action else { return nil }
        return frame.getInteger(at: frame.readerIndex + 2)
    }

    @Test("a text message is delivered unmasked")
    func text() {
        var state = self.state()
        #expect(
            state.received(self.frame(.text, Array("Grüße".utf8)), now: Self.start)
                == .deliver(.text(ByteBuffer(string: "Grüße"))))
    }

    @Test("fragments are joined, with pings answered between them")
    func fragments() {
        var state = self.state()
        let text = Array("€uro".utf8)
        #expect(state.received(self.frame(.text, [text[0]], fin: false), now: Self.start) == .none)
        #expect(
            state.received(self.frame(.ping, [9]), now: Self.start) == .pong(ByteBuffer(bytes: [9])))
        #expect(
            state.received(self.frame(.continuation, Array(text[1...4]), fin: false), now: Self.start) == .none)
        #expect(state.received(self.frame(.pong), now: Self.start) == .none)
        #expect(
            state.received(self.frame(.continuation, Array(text[5...])), now: Self.start)
                == .deliver(.text(ByteBuffer(string: "€uro"))))
    }

    @Test("an empty message and an empty last fragment are messages")
    func empty() {
        var state = self.state()
        #expect(state.received(self.frame(.binary), now: Self.start) == .deliver(.binary(ByteBuffer())))
        _ = state.received(self.frame(.binary, [1], fin: false), now: Self.start)
        #expect(state.received(self.frame(.continuation), now: Self.start) == .deliver(.binary(ByteBuffer(bytes: [1]))))
    }

    @Test("what breaks the protocol closes with 1002")
    func protocolErrors() {
        let wrong: [[WebSocketFrame]] = [
            [self.frame(.text, rsv1: true)], [self.frame(.text, masked: false)], [self.frame(.continuation)],
            [self.frame(.text, fin: false), self.frame(.text)], [self.frame(.text, fin: false), self.frame(.binary)],
            [self.frame(Self.opcode(3))], [self.frame(Self.opcode(11))], [self.frame(.connectionClose, [3])],
        ]
        for frames in wrong {
            var state = self.state()
            var action = WebSocketConnectionState.Action.none
            for frame in frames { action = state.received(frame, now: Self.start) }
            #expect(self.code(action) == 1002, "\(frames)")
            #expect(state.closure.initiator == .violation)
            #expect(state.received(self.frame(.text), now: Self.start) == .none)
        }
    }

    @Test("text that is no UTF-8 closes with 1007 as soon as that is certain")
    func invalidText() {
        var whole = self.state()
        #expect(self.code(whole.received(self.frame(.text, [0xE2, 0x82]), now: Self.start)) == 1007)
        var early = self.state()
        #expect(
            self.code(early.received(self.frame(.text, [0x41, 0xED, 0xA0], fin: false), now: Self.start)) == 1007)
        var late = self.state()
        #expect(late.received(self.frame(.text, [0xE2, 0x82], fin: false), now: Self.start) == .none)
        #expect(self.code(late.received(self.frame(.continuation, [0x41]), now: Self.start)) == 1007)
        var binary = self.state()
        #expect(
            binary.received(self.frame(.binary, [0xFF]), now: Self.start)
                == .deliver(.binary(ByteBuffer(bytes: [0xFF]))))
    }

    @Test("a message above the limit closes with 1009, and one of too many fragments with 1008")
    func messageLimits() {
        var whole = self.state { $0.messageBytes = 4 }
        #expect(self.code(whole.received(self.frame(.binary, [1, 2, 3, 4, 5]), now: Self.start)) == 1009)
        var parts = self.state { $0.messageBytes = 4 }
        #expect(parts.received(self.frame(.binary, [1, 2, 3], fin: false), now: Self.start) == .none)
        #expect(self.code(parts.received(self.frame(.continuation, [4, 5], fin: false), now: Self.start)) == 1009)
        var many = self.state { $0.messageFragments = 3 }
        _ = many.received(self.frame(.binary, fin: false), now: Self.start)
        _ = many.received(self.frame(.continuation, fin: false), now: Self.start)
        _ = many.received(self.frame(.continuation, fin: false), now: Self.start)
        #expect(self.code(many.received(self.frame(.continuation), now: Self.start)) == 1008)
    }

    @Test("frames that the decoder refuses close with 1009 or 1002")
    func framing() {
        var long = self.state()
        #expect(self.code(long.framingFailed(.invalidFrameLength, now: Self.start)) == 1009)
        var control = self.state()
        #expect(self.code(control.framingFailed(.multiByteControlFrameLength, now: Self.start)) == 1002)
    }

    @Test("a peer's Close is answered with its code")
    func peerCloses() {
        for code: UInt16 in [1000, 1001, 1003, 1007, 1011, 1013, 3000, 4999] {
            var state = self.state()
            #expect(self.code(state.received(self.closeFrame(code, Array("bye".utf8)), now: Self.start)) == code)
            #expect(state.closure == WebSocketClosure(code: .init(rawValue: code), reason: "bye", initiator: .peer))
        }
        var bare = self.state()
        #expect(
            bare.received(self.frame(.connectionClose), now: Self.start)
                == .end(ByteBuffer(bytes: [0x88, 0])))
        #expect(bare.closure.code == .noStatus)
    }

    @Test("a Close with a code that may not be on the wire, or a reason that is no UTF-8, is a violation")
    func badClose() {
        for code: UInt16 in [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535] {
            var state = self.state()
            #expect(self.code(state.received(self.closeFrame(code), now: Self.start)) == 1002, "\(code)")
        }
        var reason = self.state()
        #expect(self.code(reason.received(self.closeFrame(1000, [0xFF]), now: Self.start)) == 1007)
    }

    @Test("the application's close follows its messages, is answered, and then the connection ends")
    func localClose() {
        var state = self.state()
        #expect(state.drained() == .none)
        state.closeRequested(.normalClosure, reason: "done", now: Self.start)
        #expect(state.received(self.frame(.text), now: Self.start) == .none)
        guard case .write(let frame) = state.drained() else {
            Issue.record("no Close frame")
            return
        }
        #expect(Array(frame.readableBytesView) == [0x88, 6, 0x03, 0xE8] + Array("done".utf8))
        #expect(state.drained() == .none)
        #expect(state.received(self.closeFrame(1000), now: Self.start) == .end(nil))
        #expect(state.inputClosed() == .abort)
        #expect(state.closure == WebSocketClosure(code: .normalClosure, reason: "done", initiator: .server))
        #expect(state.deadline == nil)
    }

    @Test("a close that is not answered ends by the clock")
    func closeTimeout() {
        var state = self.state()
        state.closeRequested(.normalClosure, reason: "", now: Self.start)
        _ = state.drained()
        #expect(state.deadline == self.at(5))
        #expect(state.timerFired(now: self.at(4)) == .none)
        #expect(state.timerFired(now: self.at(5)) == .abort)
        var undrained = self.state()
        undrained.closeRequested(.normalClosure, reason: "", now: Self.start)
        #expect(undrained.timerFired(now: self.at(5)) == .abort)
    }

    @Test("silence is answered with a ping, silence after it is the end")
    func silence() {
        var state = self.state()
        #expect(state.deadline == self.at(30))
        #expect(state.timerFired(now: self.at(30)) == .ping)
        #expect(state.deadline == self.at(50))
        state.heard(now: self.at(40))
        #expect(state.deadline == self.at(70))
        #expect(state.timerFired(now: self.at(50)) == .none)
        #expect(state.timerFired(now: self.at(70)) == .ping)
        #expect(state.timerFired(now: self.at(90)) == .abort)
        #expect(state.closure.code == .abnormalClosure)
        #expect(state.closure.initiator == .loss)
    }

    @Test("silence means nothing while the server itself does not read")
    func pausedReading() {
        var state = self.state()
        state.readingPaused(true, now: self.at(1))
        #expect(state.deadline == nil)
        #expect(state.timerFired(now: self.at(100)) == .none)
        state.readingPaused(false, now: self.at(100))
        #expect(state.deadline == self.at(130))
    }

    @Test("a peer that does not read is closed with 1013 after a while, one that reads again is not")
    func slowReader() {
        var state = self.state { $0.pingInterval = .seconds(1000) }
        state.writabilityChanged(false, now: self.at(1))
        state.writabilityChanged(true, now: self.at(20))
        #expect(state.timerFired(now: self.at(31)) == .none)
        state.writabilityChanged(false, now: self.at(40))
        state.writabilityChanged(false, now: self.at(50))
        #expect(state.deadline == self.at(70))
        #expect(self.code(state.timerFired(now: self.at(70))) == 1013)
        #expect(state.timerFired(now: self.at(75)) == .abort)
    }

    @Test("a flood is closed with 1008, a steady pace is not")
    func flood() {
        var steady = self.state {
            $0.frameBurst = 5; $0.framesPerSecond = 2
        }
        for second in 0..<100 {
            for _ in 0..<2 {
                #expect(steady.received(self.frame(.pong), now: self.at(Int64(second))) == .none)
            }
        }
        var flood = self.state {
            $0.frameBurst = 5; $0.framesPerSecond = 2
        }
        for _ in 0..<5 { #expect(flood.received(self.frame(.pong), now: Self.start) == .none) }
        #expect(self.code(flood.received(self.frame(.ping), now: Self.start)) == 1008)
    }

    @Test("a connection that is lost without a Close says so")
    func loss() {
        var state = self.state()
        #expect(state.inputClosed() == .abort)
        #expect(state.closure.code == .abnormalClosure)
        #expect(state.closure.initiator == .loss)
    }
}
