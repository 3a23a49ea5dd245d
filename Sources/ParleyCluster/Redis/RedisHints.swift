//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Logging
import NIOCore
import RedisClient

/// Channels on which nodes tell each other that something changed. What was said while nobody listened is lost, so a
/// reader looks at the truth whenever it begins to listen, and whenever it may have missed something.
struct RedisHints: Sendable {
    let client: RedisClient
    let channels: [String]
    /// Messages that wait for a slow reader.
    let capacity: Int
    let logger: Logger

    /// Listens until cancelled, or until the client is shut down.
    ///
    /// - Parameters:
    ///   - onGap: something may have been missed; also at the beginning.
    ///   - onMessage: a channel and what was said there.
    func read(onGap: () async -> Void, onMessage: (String, ByteBuffer) async -> Void) async {
        while !Task.isCancelled {
            do throws(RedisError) {
                let subscription = try await self.client.subscribe(self.channels, capacity: self.capacity)
                defer { subscription.cancel() }
                await onGap()
                for await element in subscription {
                    switch element {
                    case .message(let channel, let payload): await onMessage(channel, payload)
                    case .resubscribed: await onGap()
                    }
                }
            } catch {
                self.logger.debug(
                    "cannot listen", metadata: ["channels": "\(self.channels)", "error": "\(error)"])
            }
            guard (try? await Task.sleep(for: ClusterLimits.subscribeInterval)) != nil else { return }
        }
    }
}

extension [UInt8] {
    /// Two digits for each byte.
    var hexadecimal: String {
        let digits = Array<UInt8>("0123456789abcdef".utf8)
        return String(decoding: self.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    init?(hexadecimal text: some StringProtocol) {
        let digits = text.utf8.compactMap { Character(UnicodeScalar($0)).hexDigitValue }
        guard digits.count == text.utf8.count, digits.count.isMultiple(of: 2) else { return nil }
        self = stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] * 16 + digits[$0 + 1]) }
    }
}

/// A name that nobody has had before: 128 random bits.
func unusedName() -> String {
    var generator = SystemRandomNumberGenerator()
    return String(generator.next(), radix: 36) + String(generator.next(), radix: 36)
}
