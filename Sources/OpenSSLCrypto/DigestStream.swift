//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import COpenSSL

/// The SHA-256 digest (FIPS 180-4) of bytes that come in pieces.
public struct DigestStream: ~Copyable {
    private let context: OpaquePointer

    public init() {
        // Both fail only when there is no memory left for some hundred bytes.
        guard let context = EVP_MD_CTX_new(), EVP_DigestInit_ex(context, EVP_sha256(), nil) == 1 else {
            fatalError("There is no memory for a digest.")
        }
        self.context = context
    }

    deinit {
        EVP_MD_CTX_free(self.context)
    }

    /// Takes the next piece.
    public mutating func update(_ bytes: UnsafeRawBufferPointer) {
        _ = EVP_DigestUpdate(self.context, bytes.baseAddress, bytes.count)
    }

    /// The digest of all pieces so far: 32 bytes. It takes no more after this.
    public consuming func finish() -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: Int(EVP_MAX_MD_SIZE)) { output, count in
            var length: UInt32 = 0
            _ = EVP_DigestFinal_ex(self.context, output.baseAddress, &length)
            count = Int(length)
        }
    }
}
