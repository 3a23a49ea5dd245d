//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import GRDB

/// The tokenizer of `passage_index`. Each word carries the number of its passage's collection.
///
/// The number comes first in the text, followed by U+0001: `7␁The walruses` becomes the tokens `7:the` and `7:walrus`.
/// Documents become stems (Porter over ``WordTokenizer``), queries plain words: they come as stems already, from
/// ``SQLiteStore/terms(of:partitions:)``, and stemming a stem again changes some.
final class StemTokenizer: FTS5CustomTokenizer {
    static let name = "parley_stems"
    /// What is beyond this of a word is left out, in bytes.
    private static let longestWord = 256
    /// Digits of an `Int64`, and the colon.
    private static let longestPrefix = 21

    private let words: any FTS5Tokenizer
    private let stems: any FTS5Tokenizer

    init(db: Database, arguments: [String]) throws {
        self.words = try db.makeTokenizer(FTS5TokenizerDescriptor(components: [WordTokenizer.name]))
        self.stems = try Self.stemmer(db)
    }

    /// What splits a text into stems, without numbers.
    static func stemmer(_ db: Database) throws -> any FTS5Tokenizer {
        try db.makeTokenizer(FTS5TokenizerDescriptor(components: ["porter", WordTokenizer.name]))
    }

    /// A text as this tokenizer takes it.
    static func text(_ text: String, of collection: Int64) -> String {
        "\(collection)\u{1}\(text)"
    }

    /// Where tokens go, and the memory in which they are put together, which begins with the prefix.
    private struct Sink {
        var context: UnsafeMutableRawPointer?
        var callback: FTS5TokenCallback
        var token: UnsafeMutablePointer<CChar>
        var prefixCount: Int
    }

    func tokenize(
        context: UnsafeMutableRawPointer?, tokenization: FTS5Tokenization, pText: UnsafePointer<CChar>?,
        nText: CInt, tokenCallback: @escaping FTS5TokenCallback
    ) -> CInt {
        let tokenizer = tokenization.contains(.query) ? self.words : self.stems
        guard let pText, nText > 0 else { return 0 }
        let head = UnsafeBufferPointer(start: pText, count: min(Int(nText), Self.longestPrefix))
        // Without a number it is no passage's text, and no word of it would be found.
        guard let mark = head.firstIndex(of: 1) else { return 0 }
        let capacity = Self.longestPrefix + Self.longestWord
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: capacity) { memory in
            // It has `capacity` elements, so it has a base address.
            guard let token = memory.baseAddress else { return 1 }
            token.initialize(repeating: 0, count: capacity)
            token.update(from: pText, count: mark)
            token[mark] = CChar(UInt8(ascii: ":"))
            var sink = Sink(context: context, callback: tokenCallback, token: token, prefixCount: mark + 1)
            return withUnsafeMutablePointer(to: &sink) { pointer in
                tokenizer.tokenize(
                    context: pointer, tokenization: tokenization, pText: pText + (mark + 1),
                    nText: nText - CInt(mark + 1)
                ) { context, flags, word, count, start, end in
                    guard let sink = context?.assumingMemoryBound(to: Sink.self).pointee, let word else { return 1 }
                    let length = min(Int(count), StemTokenizer.longestWord)
                    (sink.token + sink.prefixCount).update(from: word, count: length)
                    return sink.callback(
                        sink.context, flags, sink.token, CInt(sink.prefixCount + length), start, end)
                }
            }
        }
    }
}
