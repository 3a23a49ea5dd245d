//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import DocumentText

/// A sentence, a line, or a whole block: what a passage is made of.
struct PassageUnit {
    var text: String
    /// What stands before it in the extracted text.
    var separator: String
    var range: Range<Int>
    var page: Int?
    var tokens: Int
    /// Whether it says something by itself, so that it may be repeated.
    var isProse: Bool
}

/// Cuts blocks into units of which none has more tokens than a passage may have.
struct BlockCutter {
    let mostTokens: Int
    let wholeTokens: Int
    let count: @Sendable (String) -> Int

    func units(of block: TextBlock) -> [PassageUnit] {
        let bytes = Array(block.text.utf8)
        var pieces: [(range: Range<Int>, tokens: Int)] = []
        switch block.kind {
        case .code, .tableRow, .heading:
            let whole = self.count(block.text)
            let isWhole = whole <= (block.kind == .code ? max(self.wholeTokens, self.mostTokens) : self.mostTokens)
            pieces = isWhole ? [(0..<bytes.count, whole)] : self.pieces(of: bytes, in: TextSeams.lines(bytes))
        case .paragraph, .listItem:
            pieces = self.pieces(of: bytes, in: TextSeams.sentences(bytes))
        }
        var units: [PassageUnit] = []
        var end = 0
        var scalar = block.range.lowerBound
        for (range, tokens) in pieces {
            let gap = bytes[end..<range.lowerBound]
            let start = scalar + gap.scalarCount
            scalar = start + bytes[range].scalarCount
            end = range.upperBound
            units.append(
                PassageUnit(
                    text: String(decoding: bytes[range], as: UTF8.self),
                    separator: (units.isEmpty ? block.separator : "") + String(decoding: gap, as: UTF8.self),
                    range: start..<scalar, page: block.page, tokens: tokens, isProse: block.kind == .paragraph))
        }
        return units
    }

    private func pieces(of bytes: [UInt8], in ranges: [Range<Int>]) -> [(range: Range<Int>, tokens: Int)] {
        var pieces: [(range: Range<Int>, tokens: Int)] = []
        for range in ranges {
            let tokens = self.count(String(decoding: bytes[range], as: UTF8.self))
            if tokens <= self.mostTokens {
                pieces.append((range, tokens))
            } else {
                pieces += self.groups(of: bytes, in: range)
            }
        }
        return pieces
    }

    /// A sentence that is too long, as groups of its words.
    private func groups(of bytes: [UInt8], in range: Range<Int>) -> [(range: Range<Int>, tokens: Int)] {
        var groups: [(range: Range<Int>, tokens: Int)] = []
        for word in TextSeams.words(bytes, in: range) {
            let tokens = self.count(String(decoding: bytes[word], as: UTF8.self))
            if tokens > self.mostTokens {
                groups += self.parts(of: bytes, in: word, tokens: tokens)
            } else if let last = groups.last, last.tokens + tokens <= self.mostTokens {
                groups[groups.count - 1] = (last.range.lowerBound..<word.upperBound, last.tokens + tokens)
            } else {
                groups.append((word, tokens))
            }
        }
        return groups
    }

    /// A word that is too long, such as a key in Base64 or a paragraph of Chinese.
    private func parts(of bytes: [UInt8], in word: Range<Int>, tokens: Int) -> [(range: Range<Int>, tokens: Int)] {
        var parts: [(range: Range<Int>, tokens: Int)] = []
        var start = word.lowerBound
        var length = max(1, word.count * self.mostTokens / max(tokens, 1))
        while start < word.upperBound {
            let end = TextSeams.seam(
                bytes, near: min(start + length, word.upperBound), after: start, before: word.upperBound)
            let count = self.count(String(decoding: bytes[start..<end], as: UTF8.self))
            if count > self.mostTokens, length > 1, end - start > 4 {
                length /= 2
            } else {
                parts.append((start..<end, count))
                start = end
            }
        }
        return parts
    }
}

extension Collection<UInt8> {
    /// The scalars of valid UTF-8.
    var scalarCount: Int {
        self.count { $0 & 0xC0 != 0x80 }
    }
}
