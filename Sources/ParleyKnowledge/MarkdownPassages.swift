//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
public import ParleyCore

/// Splits a Markdown document into passages along its headings.
///
/// A passage never reaches over a heading, so that its title says what it is about; a long section becomes several
/// passages of 100 to 250 words. Blocks stay whole: code always, prose up to ``KnowledgeLimits/blockWords``.
public struct MarkdownPassages: Sendable {
    public private(set) var passages: [Passage] = []
    private let documentID: String
    private var documentTitle: String
    /// The headings above the present place, outermost first.
    private var path: [(level: Int, text: String)] = []
    private var anchor: String?
    private var usedAnchors: [String: Int] = [:]
    private var pieces: [String] = []
    private var words = 0

    /// - Parameters:
    ///   - markdown: the whole document.
    ///   - documentID: its name, such as `guide/models`; a passage's id adds `#` and the heading's anchor.
    ///   - title: what to call a document that has no heading of level 1.
    public init(_ markdown: String, documentID: String, title: String) {
        self.documentID = documentID
        self.documentTitle = title
        for block in MarkdownBlocks(markdown).blocks {
            switch block {
            case .heading(let level, let text): self.begin(level: level, heading: text)
            case .code(let code): self.add(code)
            case .text(let text):
                for piece in Self.pieces(of: text) { self.add(piece) }
            }
        }
        self.close()
    }

    private mutating func begin(level: Int, heading: String) {
        let text = Self.plain(heading)
        let isDeeper = level > (self.path.last?.level ?? (self.anchor == nil ? 0 : 1))
        // A short introduction answers nothing alone; it goes with the first section below it.
        if !isDeeper || self.words >= KnowledgeLimits.introductionWords {
            self.close()
        }
        self.path.removeAll { $0.level >= level }
        if level == 1 {
            self.documentTitle = text
        } else {
            self.path.append((level, text))
        }
        self.anchor = self.uniqueAnchor(text)
    }

    private mutating func add(_ piece: String) {
        let count = Self.wordCount(piece)
        if self.words > 0, self.words + count > KnowledgeLimits.passageWords {
            self.close()
        }
        self.pieces.append(piece)
        self.words += count
        if self.words >= KnowledgeLimits.passageWords {
            self.close()
        }
    }

    private mutating func close() {
        defer {
            self.pieces = []
            self.words = 0
        }
        guard self.words > 0 else { return }
        let titles = [self.documentTitle] + self.path.map(\.text)
        self.passages.append(
            Passage(
                documentID: self.anchor.map { "\(self.documentID)#\($0)" } ?? self.documentID,
                title: titles.joined(separator: " › "), text: self.pieces.joined(separator: "\n\n")))
    }

    // MARK: Text

    private static func wordCount(_ text: String) -> Int {
        text.split(whereSeparator: \.isWhitespace).count
    }

    /// A block of text, cut between lines of a list or table or between sentences when it is too long.
    private static func pieces(of block: String) -> [String] {
        guard self.wordCount(block) > KnowledgeLimits.blockWords else { return [block] }
        let lines = block.split(separator: "\n")
        let isProse = lines.count == 1 || !lines.contains { self.beginsItem($0) }
        let units = isProse ? self.sentences(of: block) : lines.map(String.init)
        var pieces: [String] = []
        var piece: [String] = []
        var words = 0
        for unit in units {
            let count = self.wordCount(unit)
            if words > 0, words + count > KnowledgeLimits.blockWords {
                pieces.append(piece.joined(separator: isProse ? " " : "\n"))
                piece = []
                words = 0
            }
            piece.append(unit)
            words += count
        }
        pieces.append(piece.joined(separator: isProse ? " " : "\n"))
        return pieces
    }

    private static func beginsItem(_ line: Substring) -> Bool {
        let text = line.trimmingSpaces
        return text.hasPrefix("|") || text.hasPrefix("- ") || text.hasPrefix("* ") || text.hasPrefix("+ ")
            || text.drop { $0.isNumber }.hasPrefix(". ")
    }

    /// Sentences, each with at most ``KnowledgeLimits/blockWords`` words: a longer one is cut.
    private static func sentences(of text: String) -> [String] {
        var sentences: [String] = []
        var words: [Substring] = []
        for word in text.split(whereSeparator: \.isWhitespace) {
            words.append(word)
            let last = word.last { !")\"'”’*_`".contains($0) }
            if last.map({ ".!?。！？".contains($0) }) == true || words.count == KnowledgeLimits.blockWords {
                sentences.append(words.joined(separator: " "))
                words = []
            }
        }
        if !words.isEmpty { sentences.append(words.joined(separator: " ")) }
        return sentences
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
        return String(text[...].trimmingSpaces)
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
