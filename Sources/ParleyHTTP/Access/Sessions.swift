//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Hummingbird
import OpenSSLCrypto
import ParleyCore
import Synchronization

/// Opens, finds and ends the sessions of browsers. The cookie holds a 256-bit secret; the store only its hash.
final class Sessions: Sendable {
    private struct Cached: Sendable {
        var user: User
        var until: ContinuousClock.Instant
    }

    static let cookieName = "parley_session"

    private let store: any AccountStore
    private let secureCookies: Bool
    private let cache = Mutex<[[UInt8]: Cached]>([:])

    init(store: any AccountStore, secureCookies: Bool) {
        self.store = store
        self.secureCookies = secureCookies
    }

    /// Opens a session.
    ///
    /// - Returns: the cookie for the browser.
    func open(for user: User, now: Timestamp = .now()) async throws -> Cookie {
        let secret = SecretToken.generate()
        let session = Session(
            idHash: sha256(secret), userID: user.id, createdAt: now, lastSeenAt: now,
            expiresAt: now.advanced(by: HTTPLimits.sessionLife))
        try await self.store.create(session)
        return self.cookie(secret, maxAge: Int(HTTPLimits.sessionLife.inSeconds))
    }

    /// Whose session the request carries, if any.
    func identity(of request: Request) async throws -> Identity? {
        guard let secret = request.cookies[Self.cookieName]?.value, !secret.isEmpty else { return nil }
        let idHash = sha256(secret)
        let now = ContinuousClock.now
        if let cached = self.cache.withLock({ $0[idHash] }), cached.until > now {
            return Identity(user: cached.user, proof: .session(idHash: idHash))
        }
        guard let found = try await self.store.session(idHash: idHash, now: .now()) else { return nil }
        let idleSince = found.session.lastSeenAt.advanced(by: HTTPLimits.sessionIdleLife)
        guard idleSince > Timestamp.now() else { return nil }
        if found.session.lastSeenAt.advanced(by: HTTPLimits.sessionTouchInterval) < Timestamp.now() {
            try? await self.store.touch(sessionIDHash: idHash, at: .now())
        }
        self.remember(idHash, user: found.user, now: now)
        return Identity(user: found.user, proof: .session(idHash: idHash))
    }

    private func remember(_ idHash: [UInt8], user: User, now: ContinuousClock.Instant) {
        let entry = Cached(
            user: user, until: now.advanced(by: HTTPLimits.sessionCacheLife))
        self.cache.withLock { cache in
            if cache.count >= HTTPLimits.cachedSessions {
                cache = cache.filter { $0.value.until > now }
            }
            if cache.count < HTTPLimits.cachedSessions {
                cache[idHash] = entry
            }
        }
    }

    /// Ends a session.
    ///
    /// - Returns: a cookie that removes the browser's.
    func end(idHash: [UInt8]) async throws -> Cookie {
        self.cache.withLock { $0[idHash] = nil }
        try await self.store.deleteSession(idHash: idHash)
        return self.cookie("", maxAge: 0)
    }

    private func cookie(_ value: String, maxAge: Int) -> Cookie {
        Cookie(
            name: Self.cookieName, value: value, maxAge: maxAge, path: "/", secure: self.secureCookies,
            httpOnly: true, sameSite: .lax)
    }
}
