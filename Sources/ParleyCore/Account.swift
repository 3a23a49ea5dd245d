//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// A person who uses this installation.
public struct User: Hashable, Sendable, Codable {
    /// What a person may do: an administrator also manages users, keys and limits.
    public enum Role: String, Sendable, Codable, CaseIterable {
        case administrator
        case member
    }

    public var id: UserID
    public var name: String
    /// Lower-cased; `nil` for the local user of open mode.
    public var email: String?
    public var role: Role
    public var createdAt: Timestamp

    public init(id: UserID, name: String, email: String?, role: Role, createdAt: Timestamp) {
        self.id = id
        self.name = name
        self.email = email
        self.role = role
        self.createdAt = createdAt
    }

    /// The one user of open mode. Its id is fixed, so that its history stays when the server restarts.
    public static let local = User(
        id: UserID("00000000-0000-7000-8000-000000000001")!,  // safe: a literal UUID
        name: "Local user", email: nil, role: .administrator, createdAt: Timestamp(milliseconds: 0))
}

/// A signed-in browser. Only the SHA-256 of its secret id is ever stored.
public struct Session: Hashable, Sendable {
    public var idHash: [UInt8]
    public var userID: UserID
    public var createdAt: Timestamp
    public var lastSeenAt: Timestamp
    /// The absolute end, whatever the use.
    public var expiresAt: Timestamp

    public init(
        idHash: [UInt8], userID: UserID, createdAt: Timestamp, lastSeenAt: Timestamp, expiresAt: Timestamp
    ) {
        self.idHash = idHash
        self.userID = userID
        self.createdAt = createdAt
        self.lastSeenAt = lastSeenAt
        self.expiresAt = expiresAt
    }

    /// When it ends if it is not used again.
    public var endsAt: Timestamp {
        min(self.expiresAt, self.lastSeenAt.advanced(by: CoreLimits.sessionIdleLife))
    }
}

/// A bearer key for `/v1`. Only the SHA-256 of the secret is stored.
public struct APIKey: Hashable, Sendable {
    public var id: KeyID
    public var userID: UserID
    public var name: String
    public var secretHash: [UInt8]
    public var createdAt: Timestamp

    public init(id: KeyID, userID: UserID, name: String, secretHash: [UInt8], createdAt: Timestamp) {
        self.id = id
        self.userID = userID
        self.name = name
        self.secretHash = secretHash
        self.createdAt = createdAt
    }
}

/// A named system prompt that a user keeps for new conversations.
public struct Preset: Hashable, Sendable, Codable {
    public var id: PresetID
    public var name: String
    public var systemPrompt: String
    public var createdAt: Timestamp

    public init(id: PresetID, name: String, systemPrompt: String, createdAt: Timestamp) {
        self.id = id
        self.name = name
        self.systemPrompt = systemPrompt
        self.createdAt = createdAt
    }
}
