//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import DocumentText
public import ParleyCore

/// Splits a Markdown document into passages along its headings, each with the anchor of its heading.
///
/// A passage never reaches over a heading, so that its title says what it is about; a long section becomes several
/// passages of 100 to 250 words. Code stays whole.
public struct MarkdownPassages: Sendable {
    public private(set) var passages: [Passage] = []
    private let documentID: String
    /// What to call the document until it says so itself.
    private let givenTitle: String
    private var hasTitle = false
    private var anchor: String?
    private var usedAnchors: [String: Int] = [:]

    /// - Parameters:
    ///   - markdown: the whole document.
    ///   - documentID: its name, such as `guide/models`; a passage's id adds `#` and the heading's anchor.
    ///   - title: what to call a document that has no heading of level 1.
    public init(_ markdown: String, documentID: String, title: String) {
        self.documentID = documentID
        self.givenTitle = title
        var limits = PassageSplitter.Limits()
        limits.passageTokens = KnowledgeLimits.passageWords
        limits.fullPassageTokens = KnowledgeLimits.fullPassageWords
        limits.introductionTokens = KnowledgeLimits.introductionWords
        limits.overlapTokens = 0
        limits.wholeTokens = .max
        limits.keepsBareHeadings = false
        var splitter = PassageSplitter(limits: limits) { $0.split(whereSeparator: \.isWhitespace).count }
        for block in MarkdownText.blocks(of: markdown) {
            // What a heading completes stands above it.
            self.add(splitter.take(block))
            if case .heading(let level) = block.kind {
                self.anchor = self.uniqueAnchor(Self.plain(block.text))
                if level == 1 { self.hasTitle = true }
            }
        }
        self.add(splitter.finish())
    }

    private mutating func add(_ drafts: [PassageDraft]) {
        for draft in drafts {
            let titles = (self.hasTitle ? [] : [self.givenTitle]) + draft.headingPath.map(Self.plain)
            self.passages.append(
                Passage(
                    documentID: self.anchor.map { "\(self.documentID)#\($0)" } ?? self.documentID,
                    title: titles.joined(separator: " › "), text: draft.text))
        }
    }

    /// A heading without emphasis, code marks and link targets.
    static func plain(_ heading: String) -> String {
        var text = ""
        var rest = heading[...]
        while let character = rest.popFirst() {
            switch character {
            case "`", "*", "[": continue
            case "]":
                if rest.first == "(", let end = rest.firstIndex(of: ")") {
                    rest = rest[rest.index(after: end)...]
                }
            default: text.append(character)
            }
        }
        return text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    }

    /// The anchor as GitHub makes it: lower case, letters, digits, `-` and `_`; a repeated one is numbered.
    private mutating func uniqueAnchor(_ heading: String) -> String {
        let anchor = String(
            heading.lowercased().compactMap { character -> Character? in
                if character == " " { return "-" }
                return character.isLetter || character.isNumber || character == "-" || character == "_"
                    ? character : nil
            })
        let count = self.usedAnchors[anchor, default: 0]
        self.usedAnchors[anchor] = count + 1
        return count == 0 ? anchor : "\(anchor)-\(count)"
    }
}
