//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Synchronization
import Testing

@testable import ParleyModels

@Suite("The cap on concurrent requests")
struct RequestGateTests {
    @Test("those beyond the limit wait, those beyond the queue are refused")
    func state() {
        var gate = GateState(limit: 2, queueLimit: 2)
        let decisions = (0..<5).map { _ in gate.enter() }
        #expect(decisions == [.entered, .entered, .queued(1), .queued(2), .full])
        let next = gate.release()
        #expect(next == 1)
        let left = [gate.leave(2), gate.leave(2)]
        #expect(left == [true, false])
        let nobody = [gate.release(), gate.release()]
        #expect(nobody == [nil, nil])
        #expect(gate.running == 0)
    }

    @Test("a place that is given back goes to the longest waiter", .timeLimit(.minutes(1)))
    func fifo() async {
        let gate = RequestGate(limit: 1, queueLimit: 10)
        #expect(await gate.enter(patience: .seconds(60)) == .entered)
        let order = Numbers()
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<5 {
                group.addTask {
                    #expect(await gate.enter(patience: .seconds(60)) == .entered)
                    order.values.withLock { $0.append(number) }
                    gate.release()
                }
                while gate.waiting < number + 1 { await Task.yield() }
            }
            gate.release()
        }
        #expect(order.values.withLock { $0 } == [0, 1, 2, 3, 4])
        #expect(gate.running == 0)
    }

    @Test("a wait ends at its deadline and with its task, and leaves nothing behind", .timeLimit(.minutes(1)))
    func leaving() async {
        let gate = RequestGate(limit: 1, queueLimit: 1)
        #expect(await gate.enter(patience: .seconds(60)) == .entered)
        #expect(await gate.enter(patience: .milliseconds(20)) == .timedOut)
        await withTaskGroup(of: Void.self) { group in
            group.addTask { #expect(await gate.enter(patience: .seconds(60)) == .cancelled) }
            while gate.waiting == 0 { await Task.yield() }
            #expect(await gate.enter(patience: .seconds(60)) == .full)
            group.cancelAll()
        }
        #expect(gate.waiting == 0)
        gate.release()
        #expect(gate.running == 0)
        #expect(gate.hasRoom)
    }

    @Test("no place is lost when waits end in every way at once", .timeLimit(.minutes(1)), arguments: 0..<5)
    func noLoss(round: Int) async {
        let gate = RequestGate(limit: 3, queueLimit: 50)
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<200 {
                group.addTask {
                    guard await gate.enter(patience: .microseconds(number * 10)) == .entered else { return }
                    await Task.yield()
                    gate.release()
                }
                if number == 150 { group.cancelAll() }
            }
        }
        #expect(gate.running == 0)
        #expect(gate.waiting == 0)
    }
}

/// Numbers in the order in which several tasks gave them.
private final class Numbers: Sendable {
    let values = Mutex<[Int]>([])
}
