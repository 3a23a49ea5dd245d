//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCore
import Synchronization

/// Slows guessing of passwords: so many sign-ins per address and per account in a window of time.
///
/// A fixed window per key: simple, bounded in memory, and strict enough beside a hash that takes a third of a second.
struct SignInCounter<Instant: InstantProtocol & Sendable>: Sendable where Instant.Duration == Duration {
    private struct Window {
        var start: Instant
        var count: Int
    }

    private var windows: [String: Window] = [:]

    /// Counts a try for all keys.
    ///
    /// - Returns: how long to wait when one of them is over the limit; then nothing is counted.
    mutating func admit(_ keys: [String], now: Instant) -> Duration? {
        if self.windows.count >= HTTPLimits.countedSignIns {
            self.windows = self.windows.filter { $0.value.start.advanced(by: HTTPLimits.signInWindow) > now }
            // Still full: somebody floods. Nobody new is let in until windows end.
            if self.windows.count >= HTTPLimits.countedSignIns { return HTTPLimits.signInWindow }
        }
        for key in keys {
            if let window = self.windows[key], window.count >= HTTPLimits.signInsPerWindow {
                let end = window.start.advanced(by: HTTPLimits.signInWindow)
                if end > now { return now.duration(to: end) }
            }
        }
        for key in keys {
            if let window = self.windows[key], window.start.advanced(by: HTTPLimits.signInWindow) > now {
                self.windows[key]?.count = window.count + 1
            } else {
                self.windows[key] = Window(start: now, count: 1)
            }
        }
        return nil
    }
}

/// ``SignInCounter`` behind a lock.
final class SignInThrottle: Sendable {
    private let counter = Mutex(SignInCounter<ContinuousClock.Instant>())

    /// - Throws: a 429 `Problem`.
    func check(address: String, email: String) throws {
        let wait = self.counter.withLock {
            $0.admit(["address \(address)", "email \(email)"], now: ContinuousClock.now)
        }
        if let wait {
            throw Problem.tooManyRequests(
                retryAfterSeconds: Int(wait.inSeconds.rounded(.up)), "Too many sign-ins. Try again later.")
        }
    }
}
