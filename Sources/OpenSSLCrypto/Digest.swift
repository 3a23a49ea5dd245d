//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import COpenSSL

/// The SHA-256 digest (FIPS 180-4) of `bytes`: 32 bytes.
public func sha256(_ bytes: some Collection<UInt8>) -> [UInt8] {
    func digest(_ input: UnsafeBufferPointer<UInt8>) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: Int(SHA256_DIGEST_LENGTH)) { output, count in
            // With an output buffer given, SHA256 keeps no state and cannot fail.
            _ = SHA256(input.baseAddress, input.count, output.baseAddress)
            count = Int(SHA256_DIGEST_LENGTH)
        }
    }
    return bytes.withContiguousStorageIfAvailable(digest) ?? Array(bytes).withUnsafeBufferPointer(digest)
}

/// The SHA-256 digest of the UTF-8 bytes of `text`: 32 bytes.
public func sha256(_ text: String) -> [UInt8] {
    sha256(text.utf8)
}

/// Whether both are the same, in a time that depends on their lengths only, not on where they differ.
public func constantTimeEquals(_ left: some Collection<UInt8>, _ right: some Collection<UInt8>) -> Bool {
    let left = Array(left)
    let right = Array(right)
    guard left.count == right.count else { return false }
    guard !left.isEmpty else { return true }
    return CRYPTO_memcmp(left, right, left.count) == 0
}

/// Whether both texts have the same UTF-8 bytes, in a time that depends on their lengths only.
public func constantTimeEquals(_ left: String, _ right: String) -> Bool {
    constantTimeEquals(left.utf8, right.utf8)
}

/// `count` bytes from OpenSSL's cryptographic generator, which the kernel seeds.
public func randomBytes(_ count: Int) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
        // It fails only when the kernel can give no entropy; going on with a guessable secret would be worse.
        guard count == 0 || RAND_bytes(buffer.baseAddress, Int32(count)) == 1 else {
            fatalError("The system has no source of random bytes.")
        }
        initialized = count
    }
}
