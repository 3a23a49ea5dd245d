//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import COpenSSL

/// The cost of scrypt (RFC 7914).
public struct ScryptParameters: Sendable, Hashable {
    /// The binary logarithm of the cost N.
    public var logN: Int
    /// The block size r.
    public var blockSize: Int
    /// The parallelism p.
    public var parallelism: Int

    /// `logN` in 1…24, the others at least 1. What is within limits is decided by ``isAcceptable``.
    public init(logN: Int, blockSize: Int, parallelism: Int) {
        self.logN = logN
        self.blockSize = blockSize
        self.parallelism = parallelism
    }

    /// N = 2^17, r = 8, p = 1: 128 MiB and about a third of a second (OWASP's first choice for scrypt).
    public static let standard = ScryptParameters(logN: 17, blockSize: 8, parallelism: 1)

    /// The memory of one derivation, in bytes: `128·r·(N + p)` and two blocks.
    var memoryBytes: Int { 128 * self.blockSize * ((1 << self.logN) + self.parallelism + 2) }

    /// Whether this module is willing to do that work.
    var isAcceptable: Bool {
        (1...24).contains(self.logN) && (1...64).contains(self.blockSize)
            && (1...OpenSSLCryptoLimits.hashParallelism).contains(self.parallelism)
            && self.memoryBytes <= OpenSSLCryptoLimits.hashMemoryBytes
    }
}

/// A stored password in the PHC string format: `$scrypt$ln=17,r=8,p=1$<salt>$<hash>`, both in base64 without padding.
struct ScryptHash: Sendable, Equatable {
    var parameters: ScryptParameters
    var salt: [UInt8]
    var key: [UInt8]

    /// The PHC text.
    var encoded: String {
        let cost = "ln=\(self.parameters.logN),r=\(self.parameters.blockSize),p=\(self.parameters.parallelism)"
        let salt = Base64.encode(self.salt, alphabet: Base64.standard)
        let key = Base64.encode(self.key, alphabet: Base64.standard)
        return "$scrypt$\(cost)$\(salt)$\(key)"
    }

    init(parameters: ScryptParameters, salt: [UInt8], key: [UInt8]) {
        self.parameters = parameters
        self.salt = salt
        self.key = key
    }

    /// Reads PHC text; nil when it is anything else, or asks for work above the limits.
    init?(encoded: String) {
        guard encoded.utf8.count <= OpenSSLCryptoLimits.encodedHashBytes else { return nil }
        let fields = encoded.split(separator: "$", omittingEmptySubsequences: false)
        guard fields.count == 5, fields[0].isEmpty, fields[1] == "scrypt",
            let parameters = Self.parameters(fields[2]), parameters.isAcceptable,
            let salt = Base64.decode(fields[3], alphabet: Base64.standard),
            OpenSSLCryptoLimits.acceptedSaltBytes.contains(salt.count),
            let key = Base64.decode(fields[4], alphabet: Base64.standard),
            OpenSSLCryptoLimits.acceptedKeyBytes.contains(key.count)
        else { return nil }
        self.init(parameters: parameters, salt: salt, key: key)
    }

    /// Reads `ln=17,r=8,p=1`, in this order as the format demands.
    private static func parameters(_ text: Substring) -> ScryptParameters? {
        let pairs = text.split(separator: ",", omittingEmptySubsequences: false)
        guard pairs.count == 3 else { return nil }
        func number(_ pair: Substring, _ name: String) -> Int? {
            guard pair.hasPrefix(name + "=") else { return nil }
            let digits = pair.dropFirst(name.count + 1)
            guard (1...3).contains(digits.utf8.count), digits.utf8.allSatisfy({ (48...57).contains($0) }) else {
                return nil
            }
            return Int(digits)
        }
        guard let logN = number(pairs[0], "ln"), let blockSize = number(pairs[1], "r"),
            let parallelism = number(pairs[2], "p"), logN <= 24
        else { return nil }
        return ScryptParameters(logN: logN, blockSize: blockSize, parallelism: parallelism)
    }

    /// Derives a key of `count` bytes; nil when OpenSSL refuses or memory is short. Blocks for the whole work.
    static func derive(_ password: [UInt8], salt: [UInt8], parameters: ScryptParameters, count: Int) -> [UInt8]? {
        var key = [UInt8](repeating: 0, count: count)
        // OpenSSL refuses work above the limit that it is given; a little more than needed covers its rounding.
        let memoryLimit = UInt64(parameters.memoryBytes + 1024 * 1024)
        // One byte more than is read, so that an empty password has an address: null means something else to OpenSSL.
        var password = password + [0]
        let status = password.withUnsafeMutableBytes { bytes in
            defer { OPENSSL_cleanse(bytes.baseAddress, bytes.count) }
            return EVP_PBE_scrypt(
                bytes.baseAddress?.assumingMemoryBound(to: CChar.self), bytes.count - 1, salt, salt.count,
                UInt64(1) << UInt64(parameters.logN), UInt64(parameters.blockSize), UInt64(parameters.parallelism),
                memoryLimit, &key, count)
        }
        return status == 1 ? key : nil
    }
}
