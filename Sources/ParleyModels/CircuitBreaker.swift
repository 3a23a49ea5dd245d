//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// Stops asking a model server that does not answer, and finds out when it does again.
///
/// `closed` → (failures in a row reach the threshold) → `open` → (its time passes) → `half-open`: one request at a time
/// probes; a success closes, a failure opens for twice as long. A pure value; the caller brings the time.
struct CircuitBreaker<Instant: InstantProtocol>: Sendable where Instant.Duration == Duration {
    struct Settings: Hashable, Sendable {
        /// Failures in a row that open the breaker.
        var failureThreshold = ModelsLimits.breakerFailures
        /// How long it stays open the first time.
        var openFor = ModelsLimits.breakerOpen
        /// The longest that it stays open, after doubling.
        var openMaximum = ModelsLimits.breakerOpenMaximum
        /// A probe whose outcome is not reported for so long no longer blocks the next.
        var probeLife = Duration.seconds(60)
    }

    enum State: Int, Hashable, Sendable {
        case closed = 0
        case halfOpen = 1
        case open = 2
    }

    /// Leave to make one request, to be given back with its outcome.
    struct Ticket: Hashable, Sendable {
        fileprivate var generation: Int
        fileprivate var isProbe: Bool
    }

    enum Admission: Hashable, Sendable {
        case admitted(Ticket)
        /// Refused; asking again may help after so long.
        case refused(retryAfter: Duration)
    }

    let settings: Settings
    private(set) var state = State.closed
    /// Counts the changes of state: an outcome of an earlier state says nothing about this one.
    private var generation = 0
    private var failures = 0
    private var openings = 0
    private var openUntil: Instant?
    private var probeUntil: Instant?

    init(settings: Settings = Settings()) {
        self.settings = settings
    }

    /// Asks for leave to make a request.
    mutating func admit(at now: Instant) -> Admission {
        if self.state == .open, let until = self.openUntil, now >= until {
            self.enter(.halfOpen)
        }
        switch self.state {
        case .closed:
            return .admitted(Ticket(generation: self.generation, isProbe: false))
        case .open:
            return .refused(retryAfter: self.openUntil.map { now.duration(to: $0) } ?? .zero)
        case .halfOpen:
            if let until = self.probeUntil, now < until {
                return .refused(retryAfter: .seconds(1))
            }
            self.probeUntil = now.advanced(by: self.settings.probeLife)
            return .admitted(Ticket(generation: self.generation, isProbe: true))
        }
    }

    /// Whether ``admit(at:)`` would give leave.
    func wouldAdmit(at now: Instant) -> Bool {
        var copy = self
        if case .admitted = copy.admit(at: now) { return true }
        return false
    }

    mutating func succeeded(_ ticket: Ticket) {
        guard ticket.generation == self.generation else { return }
        self.failures = 0
        if ticket.isProbe {
            self.openings = 0
            self.enter(.closed)
        }
    }

    mutating func failed(_ ticket: Ticket, at now: Instant) {
        guard ticket.generation == self.generation else { return }
        self.failures += 1
        if ticket.isProbe || self.failures >= self.settings.failureThreshold {
            let doublings = min(self.openings, 16)
            let time = min(self.settings.openFor * (1 << doublings), self.settings.openMaximum)
            self.openings += 1
            self.enter(.open)
            self.openUntil = now.advanced(by: time)
        }
    }

    /// The request ended in a way that says nothing about the server, such as a reader's stop.
    mutating func abandoned(_ ticket: Ticket) {
        guard ticket.generation == self.generation, ticket.isProbe else { return }
        self.probeUntil = nil
    }

    private mutating func enter(_ state: State) {
        self.state = state
        self.generation += 1
        self.failures = 0
        self.openUntil = nil
        self.probeUntil = nil
    }
}
