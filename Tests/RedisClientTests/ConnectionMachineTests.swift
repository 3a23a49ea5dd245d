//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import NIOCore
import Testing

@testable import RedisClient

struct ConnectionMachineTests {
    private static func at(_ seconds: Int64) -> NIODeadline { .uptimeNanoseconds(0) + .seconds(seconds) }

    private static func expect(
        _ replies: Int = 1, caller: Int64 = 2, connection: Int64 = 2, endsAtError: Bool = false
    ) -> ConnectionMachine<String>.Expectation {
        .init(
            replies: replies, endsAtError: endsAtError, callerDeadline: Self.at(caller),
            connectionDeadline: Self.at(connection))
    }

    private static func complete(_ received: ConnectionMachine<String>.Received) -> (String?, RedisValue)? {
        if case .complete(let waiter, let value) = received { (waiter, value) } else { nil }
    }

    /// A machine cannot be copied into `#expect`.
    private func same<T: Equatable>(_ a: T, _ b: T, at location: SourceLocation = #_sourceLocation) {
        #expect(a == b, sourceLocation: location)
    }

    private func same(
        _ complete: (String?, RedisValue)?, _ waiter: String?, _ value: RedisValue,
        at location: SourceLocation = #_sourceLocation
    ) {
        #expect(complete?.0 == waiter && complete?.1 == value, sourceLocation: location)
    }

    private static let failure = RedisError(.closed, "gone", wasSent: true)

    @Test("replies go to those who asked, in their order")
    func order() throws {
        var machine = ConnectionMachine<String>(keepAlive: nil, now: Self.at(0))
        machine.sent("a", Self.expect())
        machine.sent("b", Self.expect())
        let first = try #require(Self.complete(machine.received(.integer(1), at: Self.at(0))))
        let second = try #require(Self.complete(machine.received(.integer(2), at: Self.at(0))))
        #expect(first == ("a", .integer(1)))
        #expect(second == ("b", .integer(2)))
        guard case .unexpected = machine.received(.integer(3), at: Self.at(0)) else {
            Issue.record("a third reply was taken")
            return
        }
    }

    @Test("a pipeline is complete with its last reply, also with errors among them")
    func pipeline() throws {
        var machine = ConnectionMachine<String>(keepAlive: nil, now: Self.at(0))
        machine.sent("a", Self.expect(3))
        let error = RedisValue.error(RedisError(reply: "ERR no"))
        same(Self.complete(machine.received(.integer(1), at: Self.at(0)))?.1, nil)
        same(Self.complete(machine.received(error, at: Self.at(0)))?.1, nil)
        let whole = try #require(Self.complete(machine.received(.integer(3), at: Self.at(0))))
        #expect(whole == ("a", .array([.integer(1), error, .integer(3)])))
    }

    @Test("an error ends a SUBSCRIBE of many channels at once")
    func endsAtError() throws {
        var machine = ConnectionMachine<String>(keepAlive: nil, now: Self.at(0))
        machine.sent("a", Self.expect(3, endsAtError: true))
        machine.sent("b", Self.expect())
        let error = RedisValue.error(RedisError(reply: "NOPERM no"))
        same(Self.complete(machine.received(error, at: Self.at(0))), "a", error)
        same(Self.complete(machine.received(.integer(1), at: Self.at(0))), "b", .integer(1))
    }

    @Test("a caller in a hurry is let go and the reply dropped, and the connection goes on")
    func hurry() throws {
        var machine = ConnectionMachine<String>(keepAlive: nil, now: Self.at(0))
        machine.sent("a", Self.expect(caller: 1, connection: 3))
        machine.sent("b", Self.expect(caller: 3, connection: 3))
        same(machine.nextWake, Self.at(1))
        let due = machine.due(at: Self.at(1))
        #expect(due.late == ["a"] && due.failure == nil)
        same(machine.nextWake, Self.at(3))
        same(Self.complete(machine.received(.integer(1), at: Self.at(2))), nil, .integer(1))
        same(Self.complete(machine.received(.integer(2), at: Self.at(2))), "b", .integer(2))
    }

    @Test("a reply that does not come ends the connection, and all who wait learn it")
    func silence() {
        var machine = ConnectionMachine<String>(keepAlive: nil, now: Self.at(0))
        machine.sent("a", Self.expect(caller: 2, connection: 2))
        machine.sent("b", Self.expect(caller: 9, connection: 9))
        same(machine.due(at: Self.at(1)).failure, nil)
        let due = machine.due(at: Self.at(2))
        #expect(due.late == ["a"])
        #expect(due.failure?.code == .timedOut)
        same(machine.close(because: Self.failure), ["b"])
        same(machine.close(because: Self.failure), [])
        same(machine.refusal, Self.failure)
    }

    @Test("an idle connection is tested, a busy one is not")
    func keepAlive() {
        var machine = ConnectionMachine<String>(keepAlive: .seconds(2), now: Self.at(0))
        same(machine.nextWake, Self.at(2))
        same(machine.due(at: Self.at(1)).ping, false)
        same(machine.due(at: Self.at(2)).ping, true)
        machine.sent(nil, Self.expect(caller: 4, connection: 4))
        same(machine.due(at: Self.at(3)).ping, false)
        _ = machine.received(.simple("PONG"), at: Self.at(3))
        same(machine.nextWake, Self.at(5))
        machine.receivedPush(at: Self.at(4))
        same(machine.nextWake, Self.at(6))
        machine.sent(nil, Self.expect(caller: 8, connection: 8))
        same(machine.due(at: Self.at(8)).failure?.code, .timedOut)
    }

    @Test("a draining connection closes with its last reply, or when its time is over")
    func drain() {
        var machine = ConnectionMachine<String>(keepAlive: .seconds(2), now: Self.at(0))
        machine.sent("a", Self.expect(caller: 9, connection: 9))
        machine.drain(because: Self.failure, until: Self.at(3))
        same(machine.refusal, Self.failure)
        same(machine.isDrained, false)
        same(machine.nextWake, Self.at(3))
        same(machine.due(at: Self.at(3)).failure, Self.failure)
        _ = machine.received(.integer(1), at: Self.at(2))
        same(machine.isDrained, true)
        same(machine.due(at: Self.at(2)).ping, false)
    }

    @Test("pauses grow, stay within their bounds and begin anew")
    func backoff() {
        var backoff = Backoff(shortest: .milliseconds(50), longest: .seconds(1))
        var generator = SplitMix(state: 1)
        for attempt in 0..<100 {
            let whole = min(Duration.seconds(1), .milliseconds(50) * (1 << min(attempt, 10)))
            let pause = backoff.next(using: &generator)
            #expect(pause >= whole / 2 && pause <= whole)
        }
        backoff.reset()
        #expect(backoff.next(using: &generator) <= .milliseconds(50))
    }
}
