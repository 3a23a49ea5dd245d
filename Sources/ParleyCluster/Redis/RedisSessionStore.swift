//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
public import Logging
import NIOCore
public import ParleyCore
public import RedisClient
public import ServiceLifecycle

/// The sessions of many nodes on the Redis that they share, and the news of their ends.
///
/// | key | what |
/// |---|---|
/// | `parley:session:<hash>` | hash: user, created, seen, expires (ms); goes by itself at the session's end |
/// | `parley:sessions:<user>` | sorted set: the user's sessions by their end |
/// | `parley:signouts` | channel: hashes of sessions that were ended, told in the step that ended them |
///
/// A Redis that was emptied has signed everybody out. Redis keeps sessions by the nodes' clocks, since they live for
/// days and are dated for people; seconds of difference do not matter.
public final class RedisSessionStore: SessionStore {
    private let client: RedisClient
    private let prefix: String
    private let logger: Logger
    private let ends = Broadcast<SessionSignal>(capacity: ClusterLimits.waitingHints)

    /// - Parameter prefix: what all keys begin with.
    public init(client: RedisClient, prefix: String = "parley:", logger: Logger) {
        self.client = client
        self.prefix = prefix
        self.logger = logger
    }

    private var sessionPrefix: String { self.prefix + "session:" }
    private var userPrefix: String { self.prefix + "sessions:" }
    private var channel: String { self.prefix + "signouts" }

    private func key(_ idHash: [UInt8]) -> String { self.sessionPrefix + idHash.hexadecimal }
    private func key(_ user: UserID) -> String { self.userPrefix + user.description }

    private func run(
        _ script: RedisScript, _ keys: [String], _ arguments: [RedisArgument]
    ) async throws(StoreError) -> RedisValue {
        do throws(RedisError) {
            return try await self.client.run(script, keys: keys, arguments: arguments)
        } catch {
            throw StoreError(error)
        }
    }

    public func create(_ session: Session) async throws(StoreError) {
        let result = try await self.run(
            SessionScripts.create, [self.key(session.idHash), self.key(session.userID)],
            [
                .string(session.idHash.hexadecimal), .string(session.userID.description), .ms(session.createdAt),
                .ms(session.lastSeenAt), .ms(session.expiresAt), .ms(session.endsAt),
                .integer(CoreLimits.sessionsPerUser), .string(self.sessionPrefix), .string(self.channel),
            ])
        guard (try? result.string()) == "OK" else { throw StoreError(.conflict, "The session is taken.") }
    }

    public func session(idHash: [UInt8], now: Timestamp) async throws(StoreError) -> Session? {
        let fields: [RedisValue]
        do throws(RedisError) {
            fields = try await self.client.send(
                RedisCommand("HMGET", .string(self.key(idHash)), "user", "created", "seen", "expires")
            ).array()
        } catch {
            throw StoreError(error)
        }
        guard fields.count == 4, let text = try? fields[0].string(), let user = UserID(text) else { return nil }
        return Self.session(idHash, user, fields.dropFirst(), now: now)
    }

    /// A session from `created`, `seen` and `expires`, unless it has ended or is none.
    private static func session(
        _ idHash: [UInt8], _ user: UserID, _ times: ArraySlice<RedisValue>, now: Timestamp
    ) -> Session? {
        let times = times.compactMap { try? $0.integer() }.map { Timestamp(milliseconds: Int64($0)) }
        guard times.count == 3 else { return nil }
        let session = Session(
            idHash: idHash, userID: user, createdAt: times[0], lastSeenAt: times[1], expiresAt: times[2])
        return session.endsAt > now ? session : nil
    }

    public func touch(sessionIDHash: [UInt8], at time: Timestamp) async throws(StoreError) {
        _ = try await self.run(
            SessionScripts.touch, [self.key(sessionIDHash)],
            [
                .string(sessionIDHash.hexadecimal), .ms(time),
                .integer(Int(CoreLimits.sessionIdleLife.milliseconds)), .string(self.userPrefix),
            ])
    }

    public func sessions(of user: UserID, now: Timestamp) async throws(StoreError) -> [Session] {
        let found = try await self.run(SessionScripts.list, [self.key(user)], [.string(self.sessionPrefix)])
        let rows = (try? found.array()) ?? []
        let sessions = rows.compactMap { row -> Session? in
            guard let fields = try? row.array(), fields.count == 4, let hash = try? fields[0].string(),
                let idHash = [UInt8](hexadecimal: hash)
            else { return nil }
            return Self.session(idHash, user, fields.dropFirst(), now: now)
        }
        return sessions.sorted { left, right in
            left.lastSeenAt == right.lastSeenAt
                ? left.idHash.lexicographicallyPrecedes(right.idHash) : left.lastSeenAt > right.lastSeenAt
        }
    }

    public func deleteSession(idHash: [UInt8]) async throws(StoreError) {
        _ = try await self.run(
            SessionScripts.delete, [self.key(idHash)],
            [.string(idHash.hexadecimal), .string(self.userPrefix), .string(self.channel)])
    }

    public func deleteSessions(of user: UserID, except kept: [UInt8]?) async throws(StoreError) -> [[UInt8]] {
        let ended = try await self.run(
            SessionScripts.deleteAll, [self.key(user)],
            [
                .string(kept?.hexadecimal ?? ""), .string(self.sessionPrefix), .string(self.channel),
                .integer(ClusterLimits.signoutsPerMessage),
            ])
        return ((try? ended.strings()) ?? []).compactMap { [UInt8](hexadecimal: $0) }
    }

    /// Redis forgets them by itself.
    public func purgeSessions(now: Timestamp) async throws(StoreError) {}
}

// MARK: Signals

extension RedisSessionStore: SessionSignals, Service {
    public func signals() async -> AsyncStream<SessionSignal> {
        self.ends.listen()
    }

    /// Listens to what other nodes end, until cancelled; without it there are no signals.
    public func run() async throws {
        let hints = RedisHints(
            client: self.client, channels: [self.channel], capacity: ClusterLimits.waitingHints, logger: self.logger)
        await hints.read {
            self.ends.tell(.mayHaveMissed)
        } onMessage: { _, payload in
            let hashes = String(buffer: payload).split(separator: " ").compactMap { [UInt8](hexadecimal: $0) }
            self.ends.tell(hashes.map { .ended(idHash: $0) }, gap: .mayHaveMissed)
        }
    }
}

extension RedisArgument {
    /// A time in milliseconds since 1970.
    fileprivate static func ms(_ time: Timestamp) -> RedisArgument {
        .integer(Int(time.milliseconds))
    }
}

extension StoreError {
    /// What a failure of Redis means to one who keeps things there.
    init(_ error: RedisError) {
        switch error.code {
        case .server("OOM"): self.init(.full, "Redis has no memory left.", cause: error)
        case .decoding, .protocolViolation, .tooLarge, .configuration:
            self.init(.internal, "Redis answers what was not expected.", cause: error)
        case .unreachable, .timedOut, .closed, .cancelled, .server, .authentication, .poolExhausted:
            self.init(.unavailable, "Redis cannot be used now.", cause: error)
        }
    }
}
