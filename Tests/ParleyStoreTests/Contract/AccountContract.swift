//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCore
import Testing

@Suite("a store keeps accounts")
struct AccountContract {
    private static func user(_ email: String?, at ms: Int64 = 0) -> User {
        User(id: .generate(), name: "Ada", email: email, role: .member, createdAt: Samples.time(ms))
    }

    @Test("an e-mail is taken once, whatever its case", arguments: StoreFactory.all)
    func emails(_ factory: StoreFactory) async throws {
        try await factory.withStore { store in
            let ada = Self.user("ada@example.org")
            try await store.create(ada, passwordHash: "hash", onlyIfFirst: false)
            await expectError(.conflict) {
                try await store.create(Self.user("ADA@example.org"), passwordHash: "x", onlyIfFirst: false)
            }
            #expect(try await store.user(ada.id) == ada)
            let found = try #require(try await store.credentials(email: "Ada@Example.org"))
            #expect(found.user == ada && found.passwordHash == "hash")
            #expect(try await store.credentials(email: "nobody@example.org") == nil)
            // Several users without an e-mail are no conflict, and none of them can sign in.
            try await store.create(Self.user(nil), passwordHash: nil, onlyIfFirst: false)
            try await store.create(Self.user(nil), passwordHash: nil, onlyIfFirst: false)
            #expect(try await store.userCount() == 1)
            await expectError(.notFound) { _ = try await store.user(.generate()) }
        }
    }

    @Test("of many first accounts at once, one is made", arguments: StoreFactory.all)
    func firstAccount(_ factory: StoreFactory) async throws {
        try await factory.withStore { store in
            let made = await withTaskGroup(of: Bool.self) { group in
                for number in 0..<50 {
                    group.addTask {
                        let user = Self.user("u\(number)@example.org")
                        return (try? await store.create(user, passwordHash: "h", onlyIfFirst: true)) != nil
                    }
                }
                return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            let count = try await store.userCount()
            #expect(made == 1 && count == 1)
        }
    }

    @Test("API keys are found by their hash and deleted by their owner only", arguments: StoreFactory.all)
    func keys(_ factory: StoreFactory) async throws {
        try await factory.withStore { store in
            let ada = Self.user("ada@example.org")
            try await store.create(ada, passwordHash: "h", onlyIfFirst: false)
            let key = APIKey(
                id: .generate(), userID: ada.id, name: "laptop", secretHash: [1, 2, 3], createdAt: Samples.time(1))
            try await store.create(key)
            #expect(try await store.keys(of: ada.id) == [key])
            let found = try #require(try await store.key(secretHash: [1, 2, 3]))
            #expect(found.key == key && found.user == ada)
            #expect(try await store.key(secretHash: [1, 2]) == nil)
            await expectError(.conflict) { try await store.create(key) }
            await expectError(.notFound) { try await store.deleteKey(key.id, user: .generate()) }
            try await store.deleteKey(key.id, user: ada.id)
            await expectError(.notFound) { try await store.deleteKey(key.id, user: ada.id) }
            #expect(try await store.key(secretHash: [1, 2, 3]) == nil)
        }
    }

    @Test("presets are kept per user, replaced by id and limited in number", arguments: StoreFactory.all)
    func presets(_ factory: StoreFactory) async throws {
        try await factory.withStore { store in
            let (one, two) = (UserID.generate(), UserID.generate())
            var preset = Preset(id: .generate(), name: "Poet", systemPrompt: "Rhyme.", createdAt: Samples.time(1))
            try await store.save(preset, user: one)
            preset.systemPrompt = "Do not rhyme."
            try await store.save(preset, user: one)
            #expect(try await store.presets(of: one) == [preset])
            #expect(try await store.presets(of: two).isEmpty)
            let stolen = preset
            await expectError(.conflict) { try await store.save(stolen, user: two) }
            await expectError(.notFound) { try await store.deletePreset(stolen.id, user: two) }
            for number in 1..<CoreLimits.presetsPerUser {
                try await store.save(
                    Preset(
                        id: .generate(), name: "\(number)", systemPrompt: "", createdAt: Samples.time(Int64(number))),
                    user: one)
            }
            await expectError(.conflict) {
                try await store.save(
                    Preset(id: .generate(), name: "more", systemPrompt: "", createdAt: Samples.time(0)), user: one)
            }
            try await store.save(preset, user: one)
            try await store.deletePreset(preset.id, user: one)
            #expect(try await store.presets(of: one).count == CoreLimits.presetsPerUser - 1)
        }
    }

    @Test("a sound store says so", arguments: StoreFactory.all)
    func health(_ factory: StoreFactory) async throws {
        try await factory.withStore { store in
            try await store.check()
            try await store.check()
        }
    }
}
