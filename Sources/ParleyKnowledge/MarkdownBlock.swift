//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// A piece of Markdown that stays whole: a heading, a code block, or lines of text up to a blank line.
enum MarkdownBlock: Equatable {
    case heading(level: Int, text: String)
    /// A fenced code block with its fences.
    case code(String)
    case text(String)
}

/// Splits Markdown into blocks: as much of CommonMark (https://spec.commonmark.org/0.31.2/) as shapes passages:
/// headings (4.2, 4.3), fenced code (4.5), blank lines (4.9); also front matter and HTML comments, which are dropped.
struct MarkdownBlocks {
    private(set) var blocks: [MarkdownBlock] = []
    private var lines: [Substring] = []
    private var fence: (mark: Character, length: Int)?
    private var isInComment = false

    init(_ markdown: String) {
        // Swift sees "\r\n" as one character, which is a newline too.
        var lines = markdown.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)[...]
        if lines.first == "---", let end = lines.dropFirst().firstIndex(of: "---") {
            lines = lines[(end + 1)...]
        }
        for line in lines {
            self.take(line)
        }
        self.flush()
    }

    private mutating func take(_ line: Substring) {
        if let fence = self.fence {
            self.lines.append(line)
            if Self.fence(of: line).map({ $0.mark == fence.mark && $0.length >= fence.length && $0.isBare }) == true {
                self.closeFence()
            }
            return
        }
        if self.isInComment || line.trimmingSpaces.hasPrefix("<!--") {
            self.isInComment = !line.contains("-->")
            return
        }
        if let fence = Self.fence(of: line) {
            self.flush()
            self.fence = (fence.mark, fence.length)
            self.lines.append(line)
        } else if let heading = Self.heading(line) {
            self.flush()
            self.blocks.append(heading)
        } else if let level = Self.underline(line), self.lines.count == 1, let text = self.lines.first {
            self.lines = []
            self.blocks.append(.heading(level: level, text: String(text.trimmingSpaces)))
        } else if line.allSatisfy(\.isWhitespace) {
            self.flush()
        } else {
            self.lines.append(line)
        }
    }

    private mutating func closeFence() {
        self.fence = nil
        self.blocks.append(.code(self.lines.joined(separator: "\n")))
        self.lines = []
    }

    private mutating func flush() {
        // A fence that is never closed ends with the document.
        if self.fence != nil { return self.closeFence() }
        guard !self.lines.isEmpty else { return }
        self.blocks.append(.text(self.lines.joined(separator: "\n")))
        self.lines = []
    }

    /// The fence that a line opens or, if bare, closes. Fences inside list items are indented; any indent counts.
    private static func fence(of line: Substring) -> (mark: Character, length: Int, isBare: Bool)? {
        let text = line.trimmingSpaces
        guard let mark = text.first, mark == "`" || mark == "~" else { return nil }
        let length = text.prefix { $0 == mark }.count
        let rest = text.dropFirst(length)
        guard length >= 3, mark == "~" || !rest.contains("`") else { return nil }
        return (mark, length, rest.allSatisfy(\.isWhitespace))
    }

    private static func heading(_ line: Substring) -> MarkdownBlock? {
        guard line.prefix(while: { $0 == " " }).count <= 3 else { return nil }
        let text = line.trimmingSpaces
        let level = text.prefix { $0 == "#" }.count
        let rest = text.dropFirst(level)
        guard (1...6).contains(level), rest.isEmpty || rest.first == " " || rest.first == "\t" else { return nil }
        var title = rest.trimmingSpaces
        if let last = title.lastIndex(where: { $0 != "#" }), title[last] == " " {
            title = title[..<last].trimmingSpaces
        }
        return .heading(level: level, text: String(title))
    }

    private static func underline(_ line: Substring) -> Int? {
        let text = line.trimmingSpaces
        guard text.count >= 2, let mark = text.first, text.allSatisfy({ $0 == mark }) else { return nil }
        return mark == "=" ? 1 : mark == "-" ? 2 : nil
    }
}

extension Substring {
    var trimmingSpaces: Substring {
        var text = self
        while text.first?.isWhitespace == true { text.removeFirst() }
        while text.last?.isWhitespace == true { text.removeLast() }
        return text
    }
}
