//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// A piece of a document's text that belongs together.
///
/// The extracted text of a document is all its blocks in order, each as ``separator`` and ``text``; ``range`` is a
/// place in it. The same file gives the same extracted text each time.
public struct TextBlock: Hashable, Sendable {
    public enum Kind: Hashable, Sendable {
        /// Levels are 1 to 6.
        case heading(level: Int)
        case paragraph
        case code
        /// With its mark and indentation.
        case listItem
        case tableRow
    }

    public var kind: Kind
    /// Never empty; without line ends around it, unless a long text goes on in it or after it; at most
    /// ``DocumentTextLimits/blockBytes`` long.
    public var text: String
    /// What stands between the block before and this one: empty when this one goes on with what was too long for one
    /// block, one line end between rows, items and pieces of a listing, else two.
    public var separator: String
    /// The page, from 1, of a document that has pages.
    public var page: Int?
    /// The place of ``text`` in the extracted text, in Unicode scalars.
    public var range: Range<Int>

    public init(kind: Kind, text: String, separator: String, page: Int? = nil, range: Range<Int>) {
        self.kind = kind
        self.text = text
        self.separator = separator
        self.page = page
        self.range = range
    }
}
