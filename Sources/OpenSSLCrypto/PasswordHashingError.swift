//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// Why a password was neither hashed nor compared.
public struct PasswordHashingError: Error, Sendable, CustomStringConvertible {
    public enum Code: String, Sendable {
        /// Too many passwords are being hashed; trying again in some seconds may help.
        case busy
        /// The calling task was cancelled before its turn came.
        case cancelled
        /// The password is longer than ``OpenSSLCryptoLimits/passwordBytes``.
        case passwordTooLong
        /// The stored text is no scrypt hash in PHC form, or asks for more work than is allowed.
        case unreadableHash
        /// OpenSSL could not derive the key, most likely for want of memory.
        case derivationFailed
    }

    public var code: Code
    /// For people; holds no part of a password, salt or hash.
    public var message: String

    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    public var description: String { "\(self.code.rawValue): \(self.message)" }
}
