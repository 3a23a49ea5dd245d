//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import CSentenceEncoder

/// BERT's uncased tokenizer: takes case and accents away, splits at white space, punctuation and ideographs, and each
/// word into the longest pieces of the vocabulary.
///
/// Equal to the package `tokenizers` with the model's `tokenizer.json`: a word of more than 100 scalars or with a piece
/// that is not in the vocabulary is `[UNK]`, and `[CLS]`, `[SEP]`, `[UNK]`, `[PAD]`, `[MASK]` in a text stand for
/// themselves.
public final class WordPieceTokenizer: Sendable {
    /// A piece of a text.
    public struct Token: Hashable, Sendable {
        /// Its number in the vocabulary.
        public var id: Int32
        /// The bytes of the text's UTF-8 that it stands for.
        public var bytes: Range<Int>

        public init(id: Int32, bytes: Range<Int>) {
            self.id = id
            self.bytes = bytes
        }
    }

    /// Tokens that are taken out of C at once.
    private static let chunk = 1024

    /// Never changed after `init`, so any thread may read it.
    private nonisolated(unsafe) let pointer: OpaquePointer

    /// Pieces in the vocabulary.
    public let pieces: Int
    /// The number of `[CLS]`.
    let first: Int32
    /// The number of `[SEP]`.
    let last: Int32

    /// - Parameter vocabulary: a piece a line; its number is the line's.
    /// - Throws: ``SentenceEncoderError`` `.damaged` when it is no such list or lacks `[UNK]`, `[CLS]` or `[SEP]`.
    public init(vocabulary: UnsafeRawBufferPointer) throws(SentenceEncoderError) {
        let pointer =
            vocabulary.count > EncoderLimits.vocabularyBytes
            ? nil
            : pse_tokenizer_create(vocabulary.baseAddress?.assumingMemoryBound(to: UInt8.self), vocabulary.count)
        guard let pointer else { throw SentenceEncoderError(.damaged, "the vocabulary is not one of BERT's") }
        self.pointer = pointer
        self.pieces = pse_tokenizer_pieces(pointer)
        self.first = pse_tokenizer_first(pointer)
        self.last = pse_tokenizer_last(pointer)
    }

    deinit {
        pse_tokenizer_destroy(self.pointer)
    }

    /// How many tokens a text has, `[CLS]` and `[SEP]` not among them.
    public func count(_ text: String) -> Int {
        var text = text
        return text.withUTF8 { pse_count(self.pointer, $0.baseAddress, $0.count) }
    }

    /// All tokens of a text, `[CLS]` and `[SEP]` not among them.
    public func tokens(in text: String) -> [Token] {
        var text = text
        var tokens: [Token] = []
        text.withUTF8 { bytes in
            var position = 0
            withUnsafeTemporaryAllocation(of: pse_token.self, capacity: Self.chunk) { chunk in
                while position < bytes.count {
                    let count = pse_tokenize(
                        self.pointer, bytes.baseAddress, bytes.count, &position, chunk.baseAddress, chunk.count)
                    for token in chunk[..<count] { tokens.append(Token(id: token.id, bytes: token.start..<token.end)) }
                }
            }
        }
        return tokens
    }

    /// The numbers of a text's tokens as the model wants them: `[CLS]`, at most `longest - 2` tokens, `[SEP]`.
    func ids(of text: String, longest: Int) -> [Int32] {
        var text = text
        return text.withUTF8 { bytes in
            [Int32](unsafeUninitializedCapacity: longest) { ids, count in
                ids[0] = self.first
                count =
                    1
                    + pse_tokenize_ids(
                        self.pointer, bytes.baseAddress, bytes.count, ids.baseAddress.map { $0 + 1 }, longest - 2)
                ids[count] = self.last
                count += 1
            }
        }
    }
}
