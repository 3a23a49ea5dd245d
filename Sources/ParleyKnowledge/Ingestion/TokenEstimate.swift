//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// How many tokens a text has, where no embedder counts them.
enum TokenEstimate {
    /// English has about four letters to a token; other scripts about one scalar, which is two or three bytes.
    static func tokens(_ text: String) -> Int {
        var plain = 0
        var other = 0
        for byte in text.utf8 {
            if byte < 0x80 { plain += 1 } else { other += 1 }
        }
        return max(1, plain / 4 + other / 2)
    }

    /// No model's token is longer on average, in bytes.
    static let mostBytesPerToken = 24
}
