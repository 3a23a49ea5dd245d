//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Hummingbird
import Logging
import OpenSSLCrypto
import ParleyCore
import Synchronization

/// Opens, finds and ends the sessions of browsers. The cookie holds a 256-bit secret; the store only its hash.
///
/// A session that ends anywhere loses its WebSockets on every node: here at once, elsewhere by a signal, and where
/// signals may have been missed by looking up the sessions of all open sockets again.
final class Sessions: Sendable {
    static let cookieName = "parley_session"

    private let store: any SessionStore
    private let accounts: any AccountStore
    private let signals: (any SessionSignals)?
    private let sockets: SocketRegistry
    private let secureCookies: Bool
    private let cache = Mutex(SessionCache<ContinuousClock.Instant>())

    /// - Parameter signals: `nil` when no other node shares the store.
    init(
        store: any SessionStore, accounts: any AccountStore, signals: (any SessionSignals)?, sockets: SocketRegistry,
        secureCookies: Bool
    ) {
        self.store = store
        self.accounts = accounts
        self.signals = signals
        self.sockets = sockets
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
        guard let user = try await self.user(idHash) else { return nil }
        return Identity(user: user, proof: .session(idHash: idHash))
    }

    private func user(_ idHash: [UInt8]) async throws -> User? {
        if let user = self.cache.withLock({ $0.user(idHash, now: .now) }) { return user }
        do throws(StoreError) {
            return try await self.lookUp(idHash)
        } catch {
            // While the store is away those go on whom this node knows.
            guard error.isRetryable, let user = self.cache.withLock({ $0.userOfOld(idHash, now: .now) }) else {
                throw error
            }
            return user
        }
    }

    /// Asks the stores, and writes the use down.
    private func lookUp(_ idHash: [UInt8]) async throws(StoreError) -> User? {
        guard let session = try await self.store.session(idHash: idHash, now: .now()),
            let user = try await self.account(session.userID)
        else {
            self.cache.withLock { $0.forget(idHash) }
            return nil
        }
        if session.lastSeenAt.advanced(by: HTTPLimits.sessionTouchInterval) < Timestamp.now() {
            try? await self.store.touch(sessionIDHash: idHash, at: .now())
        }
        return self.cache.withLock { $0.remember(idHash, user: user, now: .now) } ? user : nil
    }

    private func account(_ id: UserID) async throws(StoreError) -> User? {
        do throws(StoreError) {
            return try await self.accounts.user(id)
        } catch {
            guard error.code == .notFound else { throw error }
            return nil
        }
    }

    /// The sessions of a user, the last used first.
    func list(of user: User) async throws -> [Session] {
        try await self.store.sessions(of: user.id, now: .now())
    }

    /// Ends a session and closes its sockets.
    ///
    /// - Returns: a cookie that removes the browser's.
    @discardableResult
    func end(idHash: [UInt8]) async throws -> Cookie {
        try await self.store.deleteSession(idHash: idHash)
        self.ended([idHash])
        return self.cookie("", maxAge: 0)
    }

    /// Ends all sessions of a user but one, and closes their sockets.
    func endOthers(of user: User, than idHash: [UInt8]) async throws {
        self.ended(try await self.store.deleteSessions(of: user.id, except: idHash))
    }

    private func ended(_ idHashes: [[UInt8]]) {
        self.cache.withLock { cache in
            for idHash in idHashes { cache.end(idHash, now: .now) }
        }
        for idHash in idHashes { self.sockets.close(sessionIDHash: idHash) }
    }

    private func cookie(_ value: String, maxAge: Int) -> Cookie {
        Cookie(
            name: Self.cookieName, value: value, maxAge: maxAge, path: "/", secure: self.secureCookies,
            httpOnly: true, sameSite: .lax)
    }
}

// MARK: Sockets

extension Sessions {
    /// Whether a session ended since it was found for a request that is under way.
    func hasEnded(_ idHash: [UInt8]) -> Bool {
        self.cache.withLock { $0.hasEnded(idHash, now: .now) }
    }

    /// Closes the sockets of sessions that end on other nodes or by their time, until cancelled.
    func run(logger: Logger) async {
        await withDiscardingTaskGroup { group in
            if let signals = self.signals {
                group.addTask { await self.listen(to: signals, logger: logger) }
            }
            group.addTask {
                while (try? await Task.sleep(for: HTTPLimits.sessionSweepInterval)) != nil {
                    await self.sweep(logger: logger)
                }
            }
        }
    }

    private func listen(to signals: any SessionSignals, logger: Logger) async {
        for await signal in await signals.signals() {
            switch signal {
            case .ended(let idHash): self.ended([idHash])
            case .mayHaveMissed:
                self.cache.withLock { $0.doubt() }
                await self.sweep(logger: logger)
            }
        }
    }

    /// Looks up the sessions of all open sockets, and closes those of sessions that are no more. While the store is
    /// away they stay open.
    func sweep(logger: Logger) async {
        for idHash in self.sockets.sessions {
            do throws(StoreError) {
                // A session that is merely long unused must not be kept alive by this look.
                if try await self.store.session(idHash: idHash, now: .now()) == nil { self.ended([idHash]) }
            } catch {
                logger.info("sessions of sockets cannot be looked up", metadata: ["error": "\(error)"])
                return
            }
            if Task.isCancelled { return }
        }
    }
}
