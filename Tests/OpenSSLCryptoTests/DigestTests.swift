//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Testing

@testable import OpenSSLCrypto

@Suite struct DigestTests {
    private func hexadecimal(_ bytes: [UInt8]) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    @Test("SHA-256 gives the digests of FIPS 180-4's examples")
    func sha256Vectors() {
        #expect(
            self.hexadecimal(sha256("")) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
        #expect(
            self.hexadecimal(sha256("abc")) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        #expect(
            self.hexadecimal(sha256(Array(repeating: UInt8(ascii: "a"), count: 1_000_000)))
                == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")
    }

    @Test("a digest does not depend on how the bytes are stored")
    func sha256OfAnyCollection() {
        let bytes = Array("a Swift string with ünïcode".utf8)
        #expect(sha256(bytes[...]) == sha256(bytes))
        #expect(sha256(bytes.lazy.map { $0 }) == sha256(bytes))
    }

    @Test("comparison in constant time agrees with ==")
    func comparison() {
        #expect(constantTimeEquals("", ""))
        #expect(constantTimeEquals("secret", "secret"))
        #expect(!constantTimeEquals("secret", "secreT"))
        #expect(!constantTimeEquals("secret", "secre"))
        #expect(!constantTimeEquals([1, 2], [UInt8]()))
    }

    @Test("a token is 43 characters of base64url and never the same twice")
    func tokens() {
        let tokens = (0..<200).map { _ in SecretToken.generate() }
        #expect(Set(tokens).count == tokens.count)
        for token in tokens {
            #expect(token.utf8.count == 43)
            #expect(Base64.decode(token, alphabet: Base64.url)?.count == 32)
        }
    }

    @Test("a token's digest is its SHA-256 in hexadecimal")
    func tokenDigest() {
        #expect(
            SecretToken.digest(of: "abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    }

    @Test("base64 gives RFC 4648's vectors and refuses everything else")
    func base64() {
        let vectors = ["": "", "f": "Zg", "fo": "Zm8", "foo": "Zm9v", "foob": "Zm9vYg", "fooba": "Zm9vYmE"]
        for (plain, encoded) in vectors {
            #expect(Base64.encode(Array(plain.utf8), alphabet: Base64.standard) == encoded)
            #expect(Base64.decode(encoded, alphabet: Base64.standard) == Array(plain.utf8))
        }
        for wrong in ["Z", "Zg==", "Zh", "Zm9v!", "Zm-v", "Z m8"] {
            #expect(Base64.decode(wrong, alphabet: Base64.standard) == nil)
        }
    }
}
