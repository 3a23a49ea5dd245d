//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// Base64 (RFC 4648) without padding, in the two alphabets that this module writes.
enum Base64 {
    /// The alphabet of RFC 4648 section 4; the PHC string format uses it.
    static let standard = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    /// The alphabet of RFC 4648 section 5, safe in URLs, cookies and headers.
    static let url = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

    /// The text of `bytes` in `alphabet`, without padding.
    static func encode(_ bytes: [UInt8], alphabet: [UInt8]) -> String {
        var characters: [UInt8] = []
        characters.reserveCapacity((bytes.count * 4 + 2) / 3)
        var accumulator: UInt32 = 0
        var bits = 0
        for byte in bytes {
            accumulator = (accumulator << 8) | UInt32(byte)
            bits += 8
            while bits >= 6 {
                bits -= 6
                characters.append(alphabet[Int((accumulator >> UInt32(bits)) & 63)])
            }
        }
        if bits > 0 {
            characters.append(alphabet[Int((accumulator << UInt32(6 - bits)) & 63)])
        }
        return String(decoding: characters, as: UTF8.self)
    }

    /// The bytes of `text` in `alphabet`; nil for a foreign character, padding, an impossible length or stray bits.
    static func decode(_ text: some StringProtocol, alphabet: [UInt8]) -> [UInt8]? {
        var bytes: [UInt8] = []
        var accumulator: UInt32 = 0
        var bits = 0
        for character in text.utf8 {
            guard let value = alphabet.firstIndex(of: character) else { return nil }
            accumulator = (accumulator << 6) | UInt32(value)
            bits += 6
            if bits >= 8 {
                bits -= 8
                bytes.append(UInt8(truncatingIfNeeded: accumulator >> UInt32(bits)))
                accumulator &= (1 << UInt32(bits)) - 1
            }
        }
        return bits < 6 && accumulator == 0 ? bytes : nil
    }
}
