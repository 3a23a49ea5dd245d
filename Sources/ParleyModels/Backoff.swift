//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation
import ParleyCore

/// How long to wait before a retry.
struct Backoff: Hashable, Sendable {
    /// The bound of the first wait.
    var base = Duration.milliseconds(200)
    /// The bound of every wait.
    var maximum = Duration.seconds(5)
    /// Attempts at one model server, the first included.
    var attempts = 3

    /// A wait between nothing and `min(maximum, base × 2^retry)`, drawn evenly ("full jitter"), so that callers that
    /// failed together do not come back together. A server's `Retry-After` is waited out first.
    ///
    /// - Parameters:
    ///   - retry: 0 for the first retry.
    ///   - random: evenly in 0..<1.
    func delay(beforeRetry retry: Int, retryAfter: Duration?, random: Double) -> Duration {
        let bound = min(self.maximum, self.base * (1 << min(retry, 16)))
        return (retryAfter ?? .zero) + bound * random
    }
}

/// Reads the header field `Retry-After` (RFC 9110 section 10.2.3).
enum RetryAfter {
    /// Whole (or, as some servers give, broken) seconds, or an HTTP date; `nil` for anything else. Never negative and
    /// never above ``ModelsLimits/retryAfterMaximum``.
    static func parse(_ value: String, now: Date = Date()) -> Duration? {
        let text = value.trimmingCharacters(in: .whitespaces)
        let maximum = ModelsLimits.retryAfterMaximum.inSeconds
        if let first = text.utf8.first, (0x30...0x39).contains(first) {
            guard let seconds = Double(text), seconds.isFinite else { return nil }
            return .seconds(min(seconds, maximum))
        }
        guard let date = Self.date(text) else { return nil }
        return .seconds(min(max(0, date.timeIntervalSince(now)), maximum))
    }

    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// IMF-fixdate, the only form that may be sent: `Sun, 06 Nov 1994 08:49:37 GMT`.
    private static func date(_ text: String) -> Date? {
        let parts = text.split(separator: " ")
        guard parts.count == 6, parts[0].hasSuffix(","), parts[5] == "GMT", let day = Int(parts[1]),
            let month = Self.months.firstIndex(where: { $0 == parts[2] }), let year = Int(parts[3])
        else { return nil }
        let time = parts[4].split(separator: ":").compactMap { Int($0) }
        guard time.count == 3, let zone = TimeZone(secondsFromGMT: 0) else { return nil }
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = zone
        return calendar.date(
            from: DateComponents(
                year: year, month: month + 1, day: day, hour: time[0], minute: time[1], second: time[2]))
    }
}
