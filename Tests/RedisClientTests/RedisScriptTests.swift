//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import NIOCore
import Testing

@testable import RedisClient

struct RedisScriptTests {
    @Test(
        "SHA-1 is that of the standard's examples",
        arguments: [
            ("", "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
            ("abc", "a9993e364706816aba3e25717850c26c9cd0d89d"),
            (
                "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                "84983e441c3bd26ebaae4aa1f95129e5e54670f1"
            ),
            (String(repeating: "a", count: 1_000_000), "34aa973cd4c4daa4f61eeb2bdbad27316534016f"),
        ])
    func standard(text: String, digest: String) {
        #expect(SHA1.hexadecimal(of: text) == digest)
    }

    @Test("a script is sent by digest or by source, with its keys counted")
    func commands() {
        let script = RedisScript("return 1")
        #expect(
            String(buffer: script.byDigest(keys: ["k"], arguments: [7]).encoded)
                == "*5\r\n$7\r\nEVALSHA\r\n$40\r\n\(script.sha1)\r\n$1\r\n1\r\n$1\r\nk\r\n$1\r\n7\r\n")
        #expect(
            String(buffer: script.bySource(keys: [], arguments: ["a"]).encoded)
                == "*4\r\n$4\r\nEVAL\r\n$8\r\nreturn 1\r\n$1\r\n0\r\n$1\r\na\r\n")
    }
}
