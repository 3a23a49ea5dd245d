//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import NIOCore
import Testing

@testable import WebSocketServer

@Suite struct WebSocketQueuesTests {
    private func settings(_ change: (inout WebSocketConfiguration) -> Void = { _ in }) -> WebSocketSettings {
        var configuration = WebSocketConfiguration()
        change(&configuration)
        return WebSocketSettings(configuration)
    }

    private func frame(_ count: Int) -> ByteBuffer { ByteBuffer(repeating: 7, count: count) }

    @Test("the outbox accepts, then warns, then refuses, and wakes the handler once")
    func outbox() {
        var outbox = WebSocketOutbox(
            self.settings {
                $0.congestionBytes = 10; $0.outboundBytes = 20
            })
        #expect(outbox.append(self.frame(8)) == (.accepted, true))
        #expect(outbox.append(self.frame(8)) == (.congested, false))
        #expect(outbox.append(self.frame(5)) == (.refused, false))
        #expect(outbox.append(self.frame(4)) == (.congested, false))
        let two = outbox.take(countMax: 2, bytesMax: 100)
        #expect(two.map(\.readableBytes) == [8, 8])
        #expect(outbox.isRelieved)
        #expect(outbox.append(self.frame(1)) == (.accepted, true))
        let one = outbox.take(countMax: 9, bytesMax: 4)
        #expect(one.map(\.readableBytes) == [4])
        #expect(!outbox.isEmpty)
    }

    @Test("the outbox is bounded in messages too")
    func outboxMessages() {
        var outbox = WebSocketOutbox(
            self.settings {
                $0.congestionMessages = 1; $0.outboundMessages = 2
            })
        #expect((0..<3).map { _ in outbox.append(self.frame(0)).result } == [.accepted, .congested, .refused])
    }

    @Test("after a close nothing is accepted, and the first close stands")
    func outboxClose() {
        var outbox = WebSocketOutbox(self.settings())
        _ = outbox.append(self.frame(1))
        let first = outbox.requestClose(.goingAway, reason: "a")
        let second = outbox.requestClose(.normalClosure, reason: "b")
        #expect(!first && !second, "The frame before them has woken the handler.")
        #expect(outbox.close?.code == .goingAway)
        #expect(outbox.append(self.frame(1)) == (.closed, false))
        let rest = outbox.take(countMax: 9, bytesMax: 9)
        #expect(rest.count == 1)
        outbox.shut()
        #expect(outbox.isEmpty)
    }

    @Test("the inbox starts one task, is full at its limit and resumes at half")
    func inbox() {
        var inbox = WebSocketInbox(self.settings { $0.inboundMessages = 4 })
        let message = WebSocketInbox.Event.message(.binary(self.frame(1)))
        #expect(inbox.append(message) == (true, false))
        #expect(inbox.append(message) == (false, false))
        #expect(inbox.append(message) == (false, false))
        #expect(inbox.append(message) == (false, true))
        #expect(inbox.next() == (message, false))
        #expect(inbox.next() == (message, true))
        #expect(inbox.next() == (message, false))
        #expect(inbox.next() == (message, false))
        #expect(inbox.next() == (nil, false))
        #expect(inbox.append(message) == (true, false))
    }

    @Test("the inbox is full by bytes too")
    func inboxBytes() {
        var inbox = WebSocketInbox(self.settings { $0.inboundBytes = 10 })
        #expect(inbox.append(.message(.binary(self.frame(10)))) == (true, true))
        let (_, resumes) = inbox.next()
        #expect(resumes)
    }

    @Test("frames carry their length as RFC 6455 section 5.2 has it")
    func framing() {
        let cases: [(Int, [UInt8])] = [
            (0, [0x82, 0]), (125, [0x82, 125]), (126, [0x82, 126, 0, 126]), (65_535, [0x82, 126, 255, 255]),
            (65_536, [0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        ]
        for (count, header) in cases {
            let frame = WebSocketOutboundMessage.binary([UInt8](repeating: 7, count: count)).frame
            #expect(Array(frame.readableBytesView.prefix(header.count)) == header)
            #expect(frame.readableBytes == header.count + count)
        }
        #expect(Array(WebSocketOutboundMessage.text("é").frame.readableBytesView) == [0x81, 2, 0xC3, 0xA9])
    }

    @Test("a long reason is cut between scalars to what fits a control frame")
    func longReason() {
        let frame = WebSocketFrameWriter.close(.normalClosure, reason: String(repeating: "é", count: 100))
        #expect(frame.readableBytes == 2 + 2 + 122)
    }
}
