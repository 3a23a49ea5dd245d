//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Testing

@testable import SentenceEncoder

@Suite("WordPiece", .timeLimit(.minutes(1)))
struct WordPieceTokenizerTests {
    private func tokenizer(_ pieces: String...) throws -> WordPieceTokenizer {
        let vocabulary = (["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + pieces).joined(separator: "\n")
        return try Array(vocabulary.utf8).withUnsafeBytes { bytes throws(SentenceEncoderError) in
            try WordPieceTokenizer(vocabulary: bytes)
        }
    }

    @Test("tokens are the reference's, cut at the model's longest text", .needsWeights)
    func reference() throws {
        let tokenizer = try Model.shared.get().tokenizer
        let expected: [Reference.Tokens] = try Reference.read("tokens")
        for entry in expected {
            #expect(tokenizer.ids(of: entry.text, longest: 256) == entry.ids, "\(entry.text.debugDescription)")
            #expect(tokenizer.count(entry.text) == entry.count)
            #expect(tokenizer.tokens(in: entry.text).count == entry.count)
        }
    }

    @Test("tokens tell which bytes of the text they stand for")
    func offsets() throws {
        let tokenizer = try self.tokenizer("un", "##affable", "cafe", "世", "!")
        let text = "  Unaffable café世! x"
        let tokens = tokenizer.tokens(in: text)
        #expect(tokens.map(\.id) == [5, 6, 7, 8, 9, 1])
        let parts = tokens.map { String(decoding: Array(text.utf8)[$0.bytes], as: UTF8.self) }
        #expect(parts == ["Un", "affable", "café", "世", "!", "x"])
    }

    @Test("a long text's tokens come whole although they are taken in pieces")
    func long() throws {
        let tokenizer = try self.tokenizer("un", "##affable")
        let text = String(repeating: "unaffable ", count: 5000)
        let tokens = tokenizer.tokens(in: text)
        #expect(tokens.count == 10_000)
        #expect(tokens.enumerated().allSatisfy { $1.id == ($0 % 2 == 0 ? 5 : 6) })
        #expect(tokens.last?.bytes.upperBound == text.utf8.count - 1)
        #expect(tokenizer.count(text) == 10_000)
    }

    @Test("a word is the longest pieces, or unknown as a whole")
    func pieces() throws {
        let tokenizer = try self.tokenizer("a", "ab", "##c", "##cd", "##e")
        #expect(tokenizer.tokens(in: "abcde").map(\.id) == [6, 8, 9])
        #expect(tokenizer.tokens(in: "abcx").map(\.id) == [1])
        #expect(tokenizer.tokens(in: String(repeating: "c", count: 1000)).map(\.id) == [1])
    }

    @Test("a vocabulary without the tokens that the model needs is refused", arguments: ["", "a\nb", "[UNK]\n[CLS]"])
    func noVocabulary(text: String) {
        let error = #expect(throws: SentenceEncoderError.self) {
            _ = try Array(text.utf8).withUnsafeBytes { bytes throws(SentenceEncoderError) in
                try WordPieceTokenizer(vocabulary: bytes)
            }
        }
        #expect(error?.code == .damaged)
    }
}
