//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// A wake-up call for one task that listens: several before it is heard are one.
public struct Signal: Sendable {
    public let stream: AsyncStream<Void>
    private let continuation: AsyncStream<Void>.Continuation

    public init() {
        (self.stream, self.continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    public func send() {
        self.continuation.yield()
    }

    /// Ends the waiting of the one who listens.
    public func finish() {
        self.continuation.finish()
    }
}
