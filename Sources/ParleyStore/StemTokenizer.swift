//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import GRDB

/// The tokenizer of `passage_index`: documents become stems (Porter over ``WordTokenizer``), queries plain words.
///
/// Queries come as stems already, from ``SQLiteStore/terms(of:partitions:)``; stemming a stem again changes some.
final class StemTokenizer: FTS5CustomTokenizer {
    static let name = "parley_stems"

    private let words: any FTS5Tokenizer
    private let stems: any FTS5Tokenizer

    init(db: Database, arguments: [String]) throws {
        self.words = try db.makeTokenizer(FTS5TokenizerDescriptor(components: [WordTokenizer.name]))
        self.stems = try Self.stemmer(db)
    }

    /// What splits a text into stems.
    static func stemmer(_ db: Database) throws -> any FTS5Tokenizer {
        try db.makeTokenizer(FTS5TokenizerDescriptor(components: ["porter", WordTokenizer.name]))
    }

    func tokenize(
        context: UnsafeMutableRawPointer?, tokenization: FTS5Tokenization, pText: UnsafePointer<CChar>?,
        nText: CInt, tokenCallback: @escaping FTS5TokenCallback
    ) -> CInt {
        let tokenizer = tokenization.contains(.query) ? self.words : self.stems
        return tokenizer.tokenize(
            context: context, tokenization: tokenization, pText: pText, nText: nText, tokenCallback: tokenCallback)
    }
}
