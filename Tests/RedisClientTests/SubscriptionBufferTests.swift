//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import NIOCore
import Testing

@testable import RedisClient

struct SubscriptionBufferTests {
    private static func message(_ number: Int) -> RedisSubscription.Element {
        .message(channel: "c", payload: ByteBuffer(string: "\(number)"))
    }

    @Test("a slow reader finds what fits, then the gap, then what came after it")
    func overflow() {
        var buffer = SubscriptionBuffer(capacity: 3)
        for number in 0..<10 { buffer.push(Self.message(number)) }
        #expect(buffer.count == 4)
        #expect(buffer.pop() == Self.message(0))
        #expect(buffer.pop() == Self.message(1))
        buffer.push(Self.message(10))
        #expect(buffer.pop() == Self.message(2))
        #expect(buffer.pop() == .resubscribed)
        #expect(buffer.pop() == Self.message(10))
        #expect(buffer.pop() == nil)
    }

    @Test("it never grows beyond its capacity and one mark, and never hides a gap", arguments: 0..<20)
    func bounded(seed: Int) {
        var generator = SplitMix(state: UInt64(seed))
        var buffer = SubscriptionBuffer(capacity: Int.random(in: 0...5, using: &generator))
        let capacity = buffer
        var (sent, last, gaps) = (0, -1, 0)
        func take() {
            guard let element = buffer.pop() else { return }
            if element == .resubscribed {
                gaps += 1
                last = -1
            } else if case .message(_, let payload) = element, let number = Int(String(buffer: payload)) {
                #expect(last == -1 || number == last + 1, "a message is missing without a mark")
                last = number
            }
        }
        for _ in 0..<1000 {
            switch Int.random(in: 0..<10, using: &generator) {
            case 0: buffer.push(.resubscribed)
            case 1..<6:
                buffer.push(Self.message(sent))
                sent += 1
            default: take()
            }
            #expect(buffer.count <= 6)
        }
        while !buffer.isEmpty { take() }
        #expect(gaps > 0)
        _ = capacity
    }

    @Test("a subscriber waits for a message, takes it at once, and ends")
    func sink() async {
        let sink = SubscriptionSink(capacity: 4)
        async let first = sink.next()
        sink.push(Self.message(1))
        #expect(await first == Self.message(1))
        sink.push(Self.message(2))
        sink.end()
        sink.push(Self.message(3))
        #expect(await sink.next() == Self.message(2))
        #expect(await sink.next() == nil)
    }

    @Test("a cancelled reader ends, and loses nothing", .timeLimit(.minutes(1)))
    func cancelled() async {
        let sink = SubscriptionSink(capacity: 4)
        // Its value is awaited below.
        let task = Task { await sink.next() }
        task.cancel()
        #expect(await task.value == nil)
        sink.push(Self.message(1))
        #expect(await sink.next() == Self.message(1))
    }
}
