//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// When one request to a model server has taken too long. A pure value; the caller brings the time.
///
/// The client library's own deadline ends at the response head, so none of these is left to it.
struct ExchangeDeadlines<Instant: InstantProtocol>: Sendable where Instant.Duration == Duration {
    enum Kind: Hashable, Sendable {
        case connect
        case firstToken
        case nextToken
        /// After the end of the answer: the rest of the body.
        case rest
        case total
    }

    struct Due: Hashable, Sendable {
        var kind: Kind
        var at: Instant
    }

    private var connect: Instant?
    private var token: Due?
    private let total: Instant
    private let nextToken: Duration

    /// - Parameters:
    ///   - connect: the end of the time to connect.
    ///   - firstToken: the end of the time to the first token; `nil` when the whole answer comes at once.
    ///   - nextToken: from one token to the next.
    init(connect: Instant, firstToken: Instant?, nextToken: Duration, total: Instant) {
        self.connect = connect
        self.token = firstToken.map { Due(kind: .firstToken, at: $0) }
        self.nextToken = nextToken
        self.total = total
    }

    /// The deadline that comes first.
    var next: Due {
        var next = Due(kind: .total, at: self.total)
        if let token = self.token, token.at < next.at { next = token }
        if let connect = self.connect, connect < next.at { next = Due(kind: .connect, at: connect) }
        return next
    }

    /// The request was sent.
    mutating func connected() {
        self.connect = nil
    }

    /// A token was read. The time to the next begins when the reader waits for it, not while the reader is busy.
    mutating func tokenReceived() {
        self.token = nil
    }

    /// The reader waits for more.
    mutating func waiting(at now: Instant) {
        if self.token == nil {
            self.token = Due(kind: .nextToken, at: now.advanced(by: self.nextToken))
        }
    }

    /// The answer is there; its rest must come soon.
    mutating func ending(at now: Instant, grace: Duration) {
        let at = now.advanced(by: grace)
        if let token = self.token, token.kind == .rest, token.at <= at { return }
        self.token = Due(kind: .rest, at: at)
    }

    /// The deadline that has passed, if any.
    func passed(at now: Instant) -> Kind? {
        let next = self.next
        return now >= next.at ? next.kind : nil
    }
}
