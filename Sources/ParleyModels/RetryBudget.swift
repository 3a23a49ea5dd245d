//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// Keeps retries a small part of the load, so that they cannot keep a struggling server down.
///
/// In any window of ten seconds there may be `reserve` retries and one more for each `1 / ratio` first requests. A pure
/// value; the caller brings the time.
struct RetryBudget<Instant: InstantProtocol>: Sendable where Instant.Duration == Duration {
    struct Settings: Hashable, Sendable {
        /// Retries per first request.
        var ratio = 0.2
        /// Retries that need no first requests.
        var reserve = 3
        /// The length of the window.
        var window = Duration.seconds(10)
    }

    private static var slotCount: Int { 10 }

    private struct Slot: Sendable {
        var requests = 0
        var retries = 0
    }

    private let settings: Settings
    private let start: Instant
    private var slots = [Slot](repeating: Slot(), count: Self.slotCount)
    /// The number of the newest slot since `start`.
    private var newest = 0

    init(settings: Settings = Settings(), start: Instant) {
        self.settings = settings
        self.start = start
    }

    /// Notes a first request.
    mutating func noteRequest(at now: Instant) {
        self.advance(to: now)
        self.slots[self.newest % Self.slotCount].requests += 1
    }

    /// Takes one retry out of the budget; `false` when it is used up.
    mutating func takeRetry(at now: Instant) -> Bool {
        self.advance(to: now)
        let requests = self.slots.reduce(0) { $0 + $1.requests }
        let retries = self.slots.reduce(0) { $0 + $1.retries }
        let allowed = self.settings.reserve + Int(Double(requests) * self.settings.ratio)
        guard retries < allowed else { return false }
        self.slots[self.newest % Self.slotCount].retries += 1
        return true
    }

    private mutating func advance(to now: Instant) {
        let slotLength = self.settings.window / Self.slotCount
        let number = max(self.newest, Int(self.start.duration(to: now) / slotLength))
        for passed in 0..<min(number - self.newest, Self.slotCount) {
            self.slots[(number - passed) % Self.slotCount] = Slot()
        }
        self.newest = number
    }
}
