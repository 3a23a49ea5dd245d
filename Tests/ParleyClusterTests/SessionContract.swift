//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation
import ParleyCluster
import ParleyCore
import ParleyStore
import Testing

/// Makes an empty store of sessions. The contract runs on every factory in ``all``.
struct SessionStoreFactory: Sendable, CustomTestStringConvertible {
    /// What the contract works with.
    struct Made: Sendable {
        var store: any SessionStore
        /// Makes a user whom the store takes sessions of.
        var user: @Sendable () async throws -> UserID
    }

    let name: String
    let with: @Sendable (@Sendable (Made) async throws -> Void) async throws -> Void

    var testDescription: String { self.name }

    static let all = [SessionStoreFactory.sqlite, redis]

    static let redis = SessionStoreFactory(name: "Redis") { body in
        try await SharedRedis.run { redis in
            let store = RedisSessionStore(client: redis.clients[0], logger: quiet)
            try await body(Made(store: store) { .generate() })
        }
    }

    static let sqlite = SessionStoreFactory(name: "SQLite") { body in
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("parley-\(UUID())").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let store = try SQLiteStore(path: folder + "/parley.sqlite", durability: .processCrash)
        let made = Made(store: store) {
            let user = User(id: .generate(), name: "Ada", email: nil, role: .member, createdAt: .now())
            try await store.create(user, passwordHash: nil, onlyIfFirst: false)
            return user.id
        }
        try await body(made)
        try await store.close()
    }
}

@Suite("A store keeps sessions", .timeLimit(.minutes(1)))
struct SessionContract {
    /// Sessions are dated around now, since a store may let them end by its own clock.
    private let start = Timestamp.now()

    private func hash(_ byte: UInt8) -> [UInt8] { [UInt8](repeating: byte, count: 32) }

    private func time(_ seconds: Int) -> Timestamp { self.start.advanced(by: .seconds(seconds)) }

    private func session(_ byte: UInt8, of user: UserID, seen: Int = 0, expires: Int = 1000) -> Session {
        Session(
            idHash: self.hash(byte), userID: user, createdAt: self.start, lastSeenAt: self.time(seen),
            expiresAt: self.time(expires))
    }

    @Test("a session is found until its absolute end", arguments: SessionStoreFactory.all)
    func absoluteEnd(_ factory: SessionStoreFactory) async throws {
        try await factory.with { made in
            let one = try await self.session(1, of: made.user())
            try await made.store.create(one)
            await #expect {
                try await made.store.create(one)
            } throws: {
                ($0 as? StoreError)?.code == .conflict
            }
            #expect(try await made.store.session(idHash: one.idHash, now: self.time(999)) == one)
            #expect(try await made.store.session(idHash: one.idHash, now: self.time(1000)) == nil)
            #expect(try await made.store.session(idHash: self.hash(2), now: self.start) == nil)
            #expect(try await made.store.sessions(of: one.userID, now: self.time(1000)).isEmpty)
        }
    }

    @Test("a use puts off the idle end, an earlier one does not bring it forward", arguments: SessionStoreFactory.all)
    func idleEnd(_ factory: SessionStoreFactory) async throws {
        try await factory.with { made in
            let idle = Int(CoreLimits.sessionIdleLife.inSeconds)
            var one = try await self.session(1, of: made.user(), expires: 10 * idle)
            try await made.store.create(one)
            #expect(try await made.store.session(idHash: one.idHash, now: self.time(idle)) == nil)
            try await made.store.touch(sessionIDHash: one.idHash, at: self.time(500))
            try await made.store.touch(sessionIDHash: one.idHash, at: self.time(100))
            one.lastSeenAt = self.time(500)
            #expect(try await made.store.session(idHash: one.idHash, now: self.time(idle + 499)) == one)
            #expect(try await made.store.session(idHash: one.idHash, now: self.time(idle + 500)) == nil)
            try await made.store.touch(sessionIDHash: self.hash(7), at: self.time(5))
            #expect(try await made.store.session(idHash: self.hash(7), now: self.start) == nil)
        }
    }

    @Test("an ended session is gone, and ending it again is no error", arguments: SessionStoreFactory.all)
    func deletes(_ factory: SessionStoreFactory) async throws {
        try await factory.with { made in
            let one = try await self.session(1, of: made.user())
            try await made.store.create(one)
            try await made.store.deleteSession(idHash: one.idHash)
            try await made.store.deleteSession(idHash: one.idHash)
            #expect(try await made.store.session(idHash: one.idHash, now: self.start) == nil)
            #expect(try await made.store.sessions(of: one.userID, now: self.start).isEmpty)
            // A use that was under way does not bring it back.
            try await made.store.touch(sessionIDHash: one.idHash, at: self.time(1))
            #expect(try await made.store.session(idHash: one.idHash, now: self.start) == nil)
            try await made.store.create(one)
            #expect(try await made.store.session(idHash: one.idHash, now: self.start) == one)
        }
    }

    @Test(
        "a user's sessions are listed, the last used first, and all but one ended", arguments: SessionStoreFactory.all)
    func lists(_ factory: SessionStoreFactory) async throws {
        try await factory.with { made in
            let (ada, eve) = try await (made.user(), made.user())
            let sessions = [1, 2, 3].map { self.session($0, of: ada, seen: Int($0)) }
            for session in sessions { try await made.store.create(session) }
            let other = self.session(9, of: eve)
            try await made.store.create(other)
            #expect(try await made.store.sessions(of: ada, now: self.start) == sessions.reversed())
            let ended = try await made.store.deleteSessions(of: ada, except: self.hash(2))
            #expect(Set(ended) == [self.hash(1), self.hash(3)])
            #expect(try await made.store.sessions(of: ada, now: self.start) == [sessions[1]])
            #expect(try await made.store.session(idHash: self.hash(1), now: self.start) == nil)
            #expect(try await made.store.session(idHash: other.idHash, now: self.start) == other)
            // Keeping one that is not the user's keeps none.
            #expect(try await made.store.deleteSessions(of: ada, except: other.idHash) == [self.hash(2)])
            #expect(try await made.store.deleteSessions(of: eve, except: nil) == [other.idHash])
            #expect(try await made.store.deleteSessions(of: eve, except: nil).isEmpty)
        }
    }

    @Test("what has ended can be purged, and nothing else goes", arguments: SessionStoreFactory.all)
    func purges(_ factory: SessionStoreFactory) async throws {
        try await factory.with { made in
            let ada = try await made.user()
            let (short, long) = (self.session(1, of: ada, expires: 60), self.session(2, of: ada, expires: 120))
            try await made.store.create(short)
            try await made.store.create(long)
            try await made.store.purgeSessions(now: self.time(60))
            #expect(try await made.store.sessions(of: ada, now: self.time(60)) == [long])
        }
    }

    @Test("one session too many ends the one that would end first", arguments: SessionStoreFactory.all)
    func bounded(_ factory: SessionStoreFactory) async throws {
        try await factory.with { made in
            let ada = try await made.user()
            func numbered(_ number: Int) -> Session {
                var session = self.session(0, of: ada, seen: 10, expires: 2000 + number)
                session.idHash = [UInt8(number / 256), UInt8(number % 256)]
                return session
            }
            for number in 0..<CoreLimits.sessionsPerUser { try await made.store.create(numbered(number)) }
            #expect(try await made.store.sessions(of: ada, now: self.start).count == CoreLimits.sessionsPerUser)
            // The new one stays although it ends before all others.
            let new = self.session(7, of: ada, expires: 1000)
            try await made.store.create(new)
            #expect(try await made.store.session(idHash: new.idHash, now: self.start) == new)
            #expect(try await made.store.session(idHash: numbered(0).idHash, now: self.start) == nil)
            #expect(try await made.store.session(idHash: numbered(1).idHash, now: self.start) != nil)
            #expect(try await made.store.sessions(of: ada, now: self.start).count == CoreLimits.sessionsPerUser)
        }
    }

    @Test("of many at once each is there", arguments: SessionStoreFactory.all)
    func concurrent(_ factory: SessionStoreFactory) async throws {
        try await factory.with { made in
            let ada = try await made.user()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for byte in UInt8(0)..<40 {
                    group.addTask {
                        try await made.store.create(self.session(byte, of: ada))
                        if byte % 2 == 0 { try await made.store.deleteSession(idHash: self.hash(byte)) }
                    }
                }
                try await group.waitForAll()
            }
            let left = try await made.store.sessions(of: ada, now: self.start)
            #expect(Set(left.map(\.idHash)) == Set((UInt8(0)..<40).filter { $0 % 2 == 1 }.map { self.hash($0) }))
        }
    }
}
