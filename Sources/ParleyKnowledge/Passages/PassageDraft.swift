//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// A passage of a document before it is stored.
public struct PassageDraft: Hashable, Sendable {
    /// Its number in the document, from 0.
    public var ordinal: Int
    /// The headings above it, outermost first; each shortened to ``KnowledgeLimits/headingCharacters``.
    public var headingPath: [String]
    /// The page on which it begins, from 1, of a document that has pages.
    public var page: Int?
    /// Its place in the extracted text (``DocumentText/TextBlock``), in Unicode scalars.
    public var range: Range<Int>
    /// The extracted text at this place, to the letter.
    public var text: String
    /// As counted by the splitter's function, of its pieces.
    public var tokens: Int
}
