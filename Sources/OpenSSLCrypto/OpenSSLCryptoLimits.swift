//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// The limits of this module. Each has its unit in its name or type.
public enum OpenSSLCryptoLimits {
    /// Passwords hashed at the same time: each needs 128 MiB while it runs.
    public static let concurrentHashes = 2
    /// Callers that may wait for their turn; one more is refused with ``PasswordHashingError/Code/busy``.
    public static let waitingHashes = 32
    /// How long a caller waits for its turn before it is refused with ``PasswordHashingError/Code/busy``.
    public static let hashWait = Duration.seconds(10)
    /// The longest password, in bytes of UTF-8.
    public static let passwordBytes = 1024
    /// The longest stored hash that is read, in bytes.
    public static let encodedHashBytes = 512
    /// The most memory that a stored hash may ask for, in bytes.
    public static let hashMemoryBytes = 256 * 1024 * 1024
    /// The most parallelism `p` that a stored hash may ask for.
    public static let hashParallelism = 4
    /// Random bytes in the salt of a new hash.
    public static let saltBytes = 16
    /// Bytes of a new derived key.
    public static let derivedKeyBytes = 32
    /// Salt lengths that a stored hash may have, in bytes.
    public static let acceptedSaltBytes = 8...64
    /// Derived-key lengths that a stored hash may have, in bytes.
    public static let acceptedKeyBytes = 16...64
    /// Random bytes of a secret token: 256 bits.
    public static let tokenBytes = 32
}
