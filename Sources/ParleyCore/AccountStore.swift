//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// The durable truth about users, their keys and presets. Every implementation passes one contract test suite.
public protocol AccountStore: Sendable {
    /// Users who can sign in: the local user of open mode, who has no password, does not count.
    func userCount() async throws(StoreError) -> Int

    /// - Parameter onlyIfFirst: refuse with `.conflict` when any user who can sign in exists, decided in the same
    ///   transaction.
    /// - Throws: `.conflict` when the e-mail is taken.
    func create(_ user: User, passwordHash: String?, onlyIfFirst: Bool) async throws(StoreError)

    /// - Throws: `.notFound`.
    func user(_ id: UserID) async throws(StoreError) -> User

    /// The user and the password hash for an e-mail, or `nil`.
    func credentials(email: String) async throws(StoreError) -> (user: User, passwordHash: String)?

    func create(_ key: APIKey) async throws(StoreError)
    func keys(of user: UserID) async throws(StoreError) -> [APIKey]
    func key(secretHash: [UInt8]) async throws(StoreError) -> (key: APIKey, user: User)?
    /// - Throws: `.notFound`.
    func deleteKey(_ id: KeyID, user: UserID) async throws(StoreError)

    func presets(of user: UserID) async throws(StoreError) -> [Preset]
    /// Creates the preset or replaces the one with its id.
    func save(_ preset: Preset, user: UserID) async throws(StoreError)
    /// - Throws: `.notFound`.
    func deletePreset(_ id: PresetID, user: UserID) async throws(StoreError)
}

/// Whether the durable store can be used now.
public protocol StoreHealth: Sendable {
    /// - Throws: `StoreError` when a read or a write would fail.
    func check() async throws(StoreError)
}
