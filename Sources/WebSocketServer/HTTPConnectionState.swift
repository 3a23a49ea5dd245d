//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import NIOCore

/// What an HTTP/1.1 connection is waiting for and until when: a value without I/O.
///
/// It guards against clients that open a connection and send nothing, send a header or a body byte by byte, or never
/// read. The driver is ``HTTPConnectionHandler``, which asks for ``deadline`` after every event.
struct HTTPConnectionState {
    enum Action: Equatable {
        case none
        /// Close now; nothing is under way.
        case close
        /// End the outbound half and drop what still comes in, so that the client can read the answer to the end:
        /// closing with unread data would make the kernel throw it away.
        case closeAndLinger
        /// Answer 408, then as ``closeAndLinger``.
        case refuseSlowHeader
    }

    private let timeouts: HTTPConnectionTimeouts
    /// Until when the next header must be complete; nil while a request is read or answered.
    private var headerDeadline: NIODeadline?
    /// A part of a header has come, its end has not.
    private var isHeaderPartial = false
    private var sawPartSinceReadComplete = false
    private(set) var isReadingBody = false
    private(set) var requestsInProgress = 0
    /// The connection ends with the last of the requests under way.
    private var endsWithLastRequest = false
    /// The response under way says that it is the last.
    private var endsWithResponse = false
    private var bodyBytes = 0
    private var bodyWaited = TimeAmount.zero
    /// Since when the server has been wanting to read.
    private var readingSince: NIODeadline?
    private var unwritableSince: NIODeadline?
    private var lingerDeadline: NIODeadline?

    init(timeouts: HTTPConnectionTimeouts, now: NIODeadline) {
        self.timeouts = timeouts
        self.headerDeadline = now + TimeAmount(timeouts.requestHeader)
    }

    /// The connection ends with the response under way.
    var closesAfterResponse: Bool {
        self.endsWithResponse || (self.endsWithLastRequest && self.requestsInProgress <= 1)
    }

    var isLingering: Bool { self.lingerDeadline != nil }

    /// When ``timerFired(now:)`` is wanted; nil for never.
    var deadline: NIODeadline? {
        if let lingerDeadline { return lingerDeadline }
        let stall = self.unwritableSince.map { $0 + TimeAmount(self.timeouts.writeStall) }
        return [self.headerDeadline, self.bodyDeadline, stall].compactMap { $0 }.min()
    }

    private var bodyDeadline: NIODeadline? {
        guard self.isReadingBody, let readingSince else { return nil }
        let earned = Duration.seconds(self.bodyBytes) / self.timeouts.requestBodyBytesPerSecond
        return readingSince + TimeAmount(self.timeouts.requestBodyGrace + earned) - self.bodyWaited
    }

    // MARK: Reading

    /// The head of a request. `mayContinue` is false when the client ends the connection with it (HTTP/1.0,
    /// `Connection: close`) or when nothing after it can be parsed, because it asks for an upgrade.
    mutating func readHead(mayContinue: Bool) {
        self.sawPartSinceReadComplete = true
        self.isHeaderPartial = false
        self.headerDeadline = nil
        self.isReadingBody = true
        self.bodyBytes = 0
        self.bodyWaited = .zero
        self.requestsInProgress += 1
        if !mayContinue { self.endsWithLastRequest = true }
    }

    mutating func readBody(bytes: Int, now: NIODeadline) {
        self.sawPartSinceReadComplete = true
        self.bodyBytes += bytes
        self.pauseBodyClock(now: now)
    }

    mutating func readEnd(now: NIODeadline) {
        self.sawPartSinceReadComplete = true
        self.isReadingBody = false
        self.pauseBodyClock(now: now)
        if self.requestsInProgress == 0 { self.awaitHeader(now: now) }
    }

    /// Some bytes have been read. When none of them completed a part, they belong to a header.
    mutating func readCompleted(now: NIODeadline) {
        defer { self.sawPartSinceReadComplete = false }
        self.pauseBodyClock(now: now)
        guard !self.sawPartSinceReadComplete, !self.isReadingBody, !self.isHeaderPartial else { return }
        self.isHeaderPartial = true
        guard self.requestsInProgress == 0, let headerDeadline else { return }
        self.headerDeadline = min(headerDeadline, now + TimeAmount(self.timeouts.requestHeader))
    }

    /// The server wants to read.
    mutating func readRequested(now: NIODeadline) {
        if self.readingSince == nil { self.readingSince = now }
    }

    private mutating func pauseBodyClock(now: NIODeadline) {
        guard let readingSince else { return }
        self.bodyWaited = self.bodyWaited + (now - readingSince)
        self.readingSince = nil
    }

    private mutating func awaitHeader(now: NIODeadline) {
        let wait = self.isHeaderPartial ? self.timeouts.requestHeader : self.timeouts.keepAliveIdle
        self.headerDeadline = now + TimeAmount(wait)
    }

    // MARK: Writing

    /// The head of a final response. `mayContinue` is false when it says `Connection: close`.
    mutating func writeHead(mayContinue: Bool) {
        if !mayContinue { self.endsWithResponse = true }
    }

    /// The last part of a response has been written.
    mutating func writeEnd(now: NIODeadline) -> Action {
        let closes = self.closesAfterResponse
        self.requestsInProgress = max(0, self.requestsInProgress - 1)
        if closes { return self.isReadingBody ? self.linger(now: now) : .close }
        if self.requestsInProgress == 0, !self.isReadingBody { self.awaitHeader(now: now) }
        return .none
    }

    mutating func writabilityChanged(_ isWritable: Bool, now: NIODeadline) {
        self.unwritableSince = isWritable ? nil : self.unwritableSince ?? now
    }

    // MARK: Ending

    /// The bytes that came are no HTTP; the answer to them is the last.
    mutating func parsingFailed() {
        self.endsWithLastRequest = true
        self.headerDeadline = nil
        // A body that breaks off belongs to a request that is counted already.
        if !self.isReadingBody { self.requestsInProgress += 1 }
        self.isReadingBody = true
        self.readingSince = nil
    }

    /// The server is shutting down: a resting connection ends at once, a busy one after its response.
    mutating func quiesce() -> Action {
        guard self.requestsInProgress > 0 || self.isReadingBody else { return .close }
        self.endsWithLastRequest = true
        return .none
    }

    /// The server has ended its half, or is about to.
    mutating func linger(now: NIODeadline) -> Action {
        guard self.lingerDeadline == nil else { return .none }
        self.lingerDeadline = now + TimeAmount(self.timeouts.linger)
        return .closeAndLinger
    }

    mutating func timerFired(now: NIODeadline) -> Action {
        guard let deadline, deadline <= now else { return .none }
        guard self.lingerDeadline == nil, self.isHeaderPartial, self.requestsInProgress == 0,
            deadline == self.headerDeadline
        else { return .close }
        _ = self.linger(now: now)
        return .refuseSlowHeader
    }
}
