//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import OpenSSLCrypto
import ParleyCore

/// Opens a session past the door, for a user without a password.
enum SessionForTest {
    static func open(for user: UserID, in store: any SessionStore) async throws -> String {
        let secret = SecretToken.generate()
        let now = Timestamp.now()
        try await store.create(
            Session(
                idHash: sha256(secret), userID: user, createdAt: now, lastSeenAt: now,
                expiresAt: now.advanced(by: .seconds(60))))
        return "parley_session=\(secret)"
    }
}
