//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import GRDB

/// Splits text into the words of the full-text index.
///
/// It is SQLite's `unicode61 remove_diacritics 2` (https://www.sqlite.org/fts5.html#unicode61_tokenizer) for scripts
/// that put spaces between words. In scripts that put none (Chinese, Japanese, Thai, Lao, Khmer, Burmese) each
/// character is a word of its own; a query of several characters is then a phrase, which finds them anywhere in a
/// sentence. A trigram index would find those too, but is three times as large and blind to words of two letters.
final class WordTokenizer: FTS5CustomTokenizer {
    static let name = "parley_words"

    private let spaced: any FTS5Tokenizer

    init(db: Database, arguments: [String]) throws {
        self.spaced = try db.makeTokenizer(.unicode61(diacritics: .remove))
    }

    func tokenize(
        context: UnsafeMutableRawPointer?, tokenization: FTS5Tokenization, pText: UnsafePointer<CChar>?,
        nText: CInt, tokenCallback: @escaping FTS5TokenCallback
    ) -> CInt {
        guard let pText, nText > 0 else { return 0 }
        let text = UnsafeRawBufferPointer(start: pText, count: Int(nText))
        guard text.contains(where: { $0 >= 0xE0 }) else {
            return self.spaced.tokenize(
                context: context, tokenization: tokenization, pText: pText, nText: nText,
                tokenCallback: tokenCallback)
        }
        return self.tokenizeRuns(
            of: text, to: Sink(context: context, callback: tokenCallback), tokenization: tokenization)
    }

    /// Where tokens go, and how far into the text the piece begins that is being split.
    private struct Sink {
        var context: UnsafeMutableRawPointer?
        var callback: FTS5TokenCallback
        var offset: CInt = 0
    }

    private func tokenizeRuns(
        of text: UnsafeRawBufferPointer, to sink: Sink, tokenization: FTS5Tokenization
    ) -> CInt {
        var spacedStart = 0
        var index = 0
        while index < text.count {
            let length = Self.unspacedLength(text, at: index)
            guard length > 0 else {
                index += 1
                continue
            }
            var code = self.tokenizeSpaced(text[spacedStart..<index], of: text, to: sink, tokenization: tokenization)
            guard code == 0 else { return code }
            let token = text.baseAddress?.advanced(by: index).assumingMemoryBound(to: CChar.self)
            code = sink.callback(sink.context, 0, token, CInt(length), CInt(index), CInt(index + length))
            guard code == 0 else { return code }
            index += length
            spacedStart = index
        }
        return self.tokenizeSpaced(text[spacedStart..<index], of: text, to: sink, tokenization: tokenization)
    }

    private func tokenizeSpaced(
        _ piece: Slice<UnsafeRawBufferPointer>, of text: UnsafeRawBufferPointer, to sink: Sink,
        tokenization: FTS5Tokenization
    ) -> CInt {
        guard !piece.isEmpty, let base = text.baseAddress else { return 0 }
        var sink = sink
        sink.offset = CInt(piece.startIndex)
        return withUnsafeMutablePointer(to: &sink) { pointer in
            self.spaced.tokenize(
                context: pointer, tokenization: tokenization,
                pText: base.advanced(by: piece.startIndex).assumingMemoryBound(to: CChar.self),
                nText: CInt(piece.count)
            ) { context, flags, token, length, start, end in
                guard let sink = context?.assumingMemoryBound(to: Sink.self).pointee else { return 1 }
                return sink.callback(sink.context, flags, token, length, start + sink.offset, end + sink.offset)
            }
        }
    }

    /// The bytes of the character at this place if its script puts no spaces between words, otherwise 0.
    private static func unspacedLength(_ text: UnsafeRawBufferPointer, at index: Int) -> Int {
        let first = text[index]
        if (0xE0...0xEF).contains(first), index + 2 < text.count {
            let scalar =
                UInt32(first & 0x0F) << 12 | UInt32(text[index + 1] & 0x3F) << 6 | UInt32(text[index + 2] & 0x3F)
            return self.isUnspaced(scalar) ? 3 : 0
        }
        // Planes 2 and 3 hold nothing but Han characters.
        if first == 0xF0, index + 3 < text.count, (0xA0...0xBF).contains(text[index + 1]) {
            return 4
        }
        return 0
    }

    /// Whether a token is one character of a script without spaces.
    static func isUnspaced(_ token: String) -> Bool {
        guard let first = token.unicodeScalars.first, token.unicodeScalars.count == 1 else { return false }
        return self.isUnspaced(first.value) || (0x20000...0x3FFFF).contains(first.value)
    }

    private static func isUnspaced(_ scalar: UInt32) -> Bool {
        switch scalar {
        case 0x0E01...0x0E3A, 0x0E40...0x0E4E: true  // Thai
        case 0x0E81...0x0ECD: true  // Lao
        case 0x1000...0x103F: true  // Burmese
        case 0x1780...0x17D3: true  // Khmer
        case 0x3041...0x3096, 0x309D...0x309F, 0x30A1...0x30FA, 0x30FC...0x30FF: true  // Kana
        case 0x3105...0x312F, 0x31F0...0x31FF: true  // Bopomofo, small Kana
        case 0x3005...0x3007, 0x3400...0x4DBF, 0x4E00...0x9FFF, 0xF900...0xFAFF: true  // Han
        case 0xFF66...0xFF9D: true  // half-width Kana
        default: false
        }
    }
}
