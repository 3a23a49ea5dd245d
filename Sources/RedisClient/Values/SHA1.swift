//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// SHA-1 (FIPS 180-4, 6.1), with which Redis names scripts. Not for anything that must be safe.
///
/// It is here so that a script's name is known without asking a server, and without a library for eighty rounds.
enum SHA1 {
    /// The digest of the text's UTF-8, in 40 lower-case hexadecimal digits.
    static func hexadecimal(of text: String) -> String {
        var result = ""
        for word in self.digest(Array(text.utf8)) {
            let digits = String(word, radix: 16)
            result += String(repeating: "0", count: 8 - digits.count) + digits
        }
        return result
    }

    /// The five words of the digest.
    static func digest(_ bytes: [UInt8]) -> [UInt32] {
        var message = bytes
        message.append(0x80)
        message += [UInt8](repeating: 0, count: (120 - message.count % 64) % 64)
        let bits = UInt64(bytes.count) * 8
        for shift in stride(from: 56, through: 0, by: -8) { message.append(UInt8(truncatingIfNeeded: bits >> shift)) }
        var state: [UInt32] = [0x6745_2301, 0xEFCD_AB89, 0x98BA_DCFE, 0x1032_5476, 0xC3D2_E1F0]
        for start in stride(from: 0, to: message.count, by: 64) {
            self.compress(message[start..<(start + 64)], into: &state)
        }
        return state
    }

    private static func compress(_ block: ArraySlice<UInt8>, into state: inout [UInt32]) {
        var words = [UInt32](repeating: 0, count: 80)
        for (index, byte) in block.enumerated() { words[index / 4] = words[index / 4] << 8 | UInt32(byte) }
        for index in 16..<80 {
            words[index] = self.turn(
                words[index - 3] ^ words[index - 8] ^ words[index - 14] ^ words[index - 16], by: 1)
        }
        var (a, b, c, d, e) = (state[0], state[1], state[2], state[3], state[4])
        for (round, word) in words.enumerated() {
            let mixed: UInt32
            let constant: UInt32
            switch round {
            case ..<20: (mixed, constant) = ((b & c) | (~b & d), 0x5A82_7999)
            case ..<40: (mixed, constant) = (b ^ c ^ d, 0x6ED9_EBA1)
            case ..<60: (mixed, constant) = ((b & c) | (b & d) | (c & d), 0x8F1B_BCDC)
            default: (mixed, constant) = (b ^ c ^ d, 0xCA62_C1D6)
            }
            (a, b, c, d, e) = (self.turn(a, by: 5) &+ mixed &+ e &+ constant &+ word, a, self.turn(b, by: 30), c, d)
        }
        for (index, word) in [a, b, c, d, e].enumerated() { state[index] &+= word }
    }

    private static func turn(_ word: UInt32, by bits: UInt32) -> UInt32 {
        word << bits | word >> (32 - bits)
    }
}
