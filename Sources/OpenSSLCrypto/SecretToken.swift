//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// Unguessable text for sessions and keys. Store only ``digest(of:)``, so that a copied database signs nobody in.
public enum SecretToken {
    /// A new token: 256 random bits as 43 characters of base64url.
    public static func generate() -> String {
        Base64.encode(randomBytes(OpenSSLCryptoLimits.tokenBytes), alphabet: Base64.url)
    }

    /// The SHA-256 of the token's text, as lowercase hexadecimal of 64 characters. A token has 256 bits of its own,
    /// so it needs neither salt nor a slow hash.
    public static func digest(of token: String) -> String {
        let digits = Array("0123456789abcdef".utf8)
        let characters = sha256(token).flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
        return String(decoding: characters, as: UTF8.self)
    }
}
