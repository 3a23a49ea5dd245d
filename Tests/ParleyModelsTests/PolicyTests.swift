//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation
import ParleyCore
import Testing

@testable import ParleyModels

@Suite("Circuit breaker")
struct CircuitBreakerTests {
    typealias Breaker = CircuitBreaker<ContinuousClock.Instant>
    private let start = ContinuousClock.now

    private func at(_ seconds: Double) -> ContinuousClock.Instant { self.start.advanced(by: .seconds(seconds)) }

    private func ticket(_ breaker: inout Breaker, _ seconds: Double) throws -> Breaker.Ticket {
        guard case .admitted(let ticket) = breaker.admit(at: self.at(seconds)) else {
            throw ModelError(.overloaded, "refused")
        }
        return ticket
    }

    private func opened() throws -> Breaker {
        var breaker = Breaker(settings: .init(failureThreshold: 3, openFor: .seconds(5), openMaximum: .seconds(15)))
        for _ in 0..<3 { breaker.failed(try self.ticket(&breaker, 0), at: self.at(0)) }
        return breaker
    }

    @Test("failures in a row open it, a success between them does not let them add up")
    func opens() throws {
        var breaker = Breaker(settings: .init(failureThreshold: 3))
        for round in 0..<5 {
            breaker.failed(try self.ticket(&breaker, 0), at: self.at(0))
            breaker.failed(try self.ticket(&breaker, 0), at: self.at(0))
            #expect(breaker.state == .closed, "round \(round)")
            breaker.succeeded(try self.ticket(&breaker, 0))
        }
        breaker = try self.opened()
        #expect(breaker.state == .open)
        let refusal = breaker.admit(at: self.at(1))
        #expect(refusal == .refused(retryAfter: .seconds(4)))
        #expect(!breaker.wouldAdmit(at: self.at(4.9)))
        #expect(breaker.wouldAdmit(at: self.at(5)))
    }

    @Test("after its time one probe is let through; its success closes")
    func probeSucceeds() throws {
        var breaker = try self.opened()
        let probe = try self.ticket(&breaker, 5)
        #expect(breaker.state == .halfOpen)
        let second = breaker.admit(at: self.at(5.1))
        #expect(second == .refused(retryAfter: .seconds(1)))
        breaker.succeeded(probe)
        #expect(breaker.state == .closed)
        _ = try self.ticket(&breaker, 5.2)
    }

    @Test("a failed probe opens it for twice as long, up to the bound")
    func probeFails() throws {
        var breaker = try self.opened()
        var now = 5.0
        for wait in [10.0, 15, 15] {
            breaker.failed(try self.ticket(&breaker, now), at: self.at(now))
            #expect(!breaker.wouldAdmit(at: self.at(now + wait - 0.1)))
            #expect(breaker.wouldAdmit(at: self.at(now + wait)))
            now += wait
        }
    }

    @Test("an abandoned probe lets the next one through, a lost one does after its life")
    func abandoned() throws {
        var breaker = try self.opened()
        breaker.abandoned(try self.ticket(&breaker, 5))
        _ = try self.ticket(&breaker, 5)
        #expect(!breaker.wouldAdmit(at: self.at(64)))
        #expect(breaker.wouldAdmit(at: self.at(65)))
    }

    @Test("outcomes of requests from before a change of state do not count")
    func lateOutcomes() throws {
        var breaker = Breaker(settings: .init(failureThreshold: 2))
        let early = try self.ticket(&breaker, 0)
        breaker.failed(try self.ticket(&breaker, 0), at: self.at(0))
        breaker.failed(try self.ticket(&breaker, 0), at: self.at(0))
        let probe = try self.ticket(&breaker, 5)
        breaker.succeeded(early)
        #expect(breaker.state == .halfOpen)
        breaker.succeeded(probe)
        breaker.failed(early, at: self.at(6))
        breaker.failed(early, at: self.at(6))
        #expect(breaker.state == .closed)
    }
}

@Suite("Retries")
struct RetryTests {
    @Test("retries are a fifth of the requests of ten seconds, and three")
    func budget() {
        let start = ContinuousClock.now
        var budget = RetryBudget(start: start)
        /// How many of ten retries are allowed.
        func allowed(at seconds: Double) -> Int {
            (0..<10).count { _ in budget.takeRetry(at: start.advanced(by: .seconds(seconds))) }
        }
        #expect(allowed(at: 0) == 3)
        for _ in 0..<10 { budget.noteRequest(at: start.advanced(by: .seconds(1))) }
        #expect(allowed(at: 2) == 2)
        // The first three are forgotten after ten seconds, the two others later.
        #expect(allowed(at: 10.5) == 3)
        #expect(allowed(at: 100) == 3)
    }

    @Test("waits are drawn evenly below a bound that doubles, after what the server asks")
    func backoff() {
        let backoff = Backoff(base: .milliseconds(100), maximum: .seconds(1), attempts: 5)
        #expect(backoff.delay(beforeRetry: 0, retryAfter: nil, random: 0) == .zero)
        #expect(backoff.delay(beforeRetry: 0, retryAfter: nil, random: 0.5) == .milliseconds(50))
        #expect(backoff.delay(beforeRetry: 2, retryAfter: nil, random: 0.5) == .milliseconds(200))
        #expect(backoff.delay(beforeRetry: 1000, retryAfter: nil, random: 0.5) == .milliseconds(500))
        #expect(backoff.delay(beforeRetry: 0, retryAfter: .seconds(2), random: 0.5) == .milliseconds(2050))
    }

    @Test("Retry-After is read as seconds and as an HTTP date, and nothing else")
    func retryAfter() {
        let now = Date(timeIntervalSince1970: 784_111_777)
        #expect(RetryAfter.parse("120", now: now) == .seconds(120))
        #expect(RetryAfter.parse(" 0.5 ", now: now) == .milliseconds(500))
        #expect(RetryAfter.parse("999999999999", now: now) == ModelsLimits.retryAfterMaximum)
        #expect(RetryAfter.parse("Sun, 06 Nov 1994 08:49:37 GMT", now: now) == .zero)
        #expect(RetryAfter.parse("Sun, 06 Nov 1994 08:50:07 GMT", now: now) == .seconds(30))
        #expect(RetryAfter.parse("Sun, 06 Nov 1994 08:49:30 GMT", now: now) == .zero)
        for wrong in [
            "", "soon", "-5", "1e999", "nan", "12 s", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun, 06 Foo 1994 08:49:37 GMT",
        ] {
            #expect(RetryAfter.parse(wrong, now: now) == nil, "\(wrong)")
        }
    }
}

@Suite("Deadlines of a request")
struct ExchangeDeadlinesTests {
    private let start = ContinuousClock.now

    private func at(_ seconds: Double) -> ContinuousClock.Instant { self.start.advanced(by: .seconds(seconds)) }

    @Test("the earliest counts: connect, then first token, then next token, and the total above all")
    func order() {
        var deadlines = ExchangeDeadlines(
            connect: self.at(10), firstToken: self.at(30), nextToken: .seconds(5), total: self.at(60))
        deadlines.waiting(at: self.at(0))
        #expect(deadlines.passed(at: self.at(9)) == nil)
        #expect(deadlines.passed(at: self.at(10)) == .connect)
        deadlines.connected()
        #expect(deadlines.passed(at: self.at(10)) == nil)
        #expect(deadlines.passed(at: self.at(30)) == .firstToken)
        deadlines.tokenReceived()
        #expect(deadlines.passed(at: self.at(59)) == nil)
        deadlines.waiting(at: self.at(31))
        deadlines.waiting(at: self.at(35))
        #expect(deadlines.passed(at: self.at(36)) == .nextToken)
        deadlines.tokenReceived()
        deadlines.ending(at: self.at(40), grace: .seconds(2))
        deadlines.waiting(at: self.at(41))
        #expect(deadlines.passed(at: self.at(42)) == .rest)
        deadlines.tokenReceived()
        deadlines.waiting(at: self.at(58))
        #expect(deadlines.passed(at: self.at(60)) == .total)
    }

    @Test("a reader that takes its time between tokens costs the server nothing")
    func busyReader() {
        var deadlines = ExchangeDeadlines(
            connect: self.at(10), firstToken: self.at(30), nextToken: .seconds(5), total: self.at(600))
        deadlines.connected()
        deadlines.tokenReceived()
        #expect(deadlines.next.kind == .total)
    }
}
