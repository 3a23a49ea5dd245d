//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// Markdown: as much of CommonMark (https://spec.commonmark.org/0.31.2/) as shapes passages: headings (4.2, 4.3),
/// fenced code (4.5), blank lines (4.9), list items, and tables as GitHub has them; front matter gives the title, HTML
/// comments are dropped.
struct MarkdownLines: LineReader {
    private enum Part {
        case text
        case code(mark: UInt8, length: Int)
        case comment
        case frontMatter
    }

    private var part = Part.text
    private var isFirstLine = true
    /// Kept until it has ended, since a rule at the top of a page looks the same.
    private var frontMatter: [[UInt8]] = []
    private var frontMatterBytes = 0
    private var group = LineGroup()
    private var kind = TextBlock.Kind.paragraph
    /// Lines in the group; a heading may be underlined only when it is one.
    private var groupLines = 0

    mutating func take(line: ArraySlice<UInt8>, isPiece: Bool, into sink: inout BlockSink) {
        defer { self.isFirstLine = false }
        switch self.part {
        case .frontMatter: self.takeFrontMatter(line, into: &sink)
        case .code(let mark, let length):
            self.group.add(line, isPiece: isPiece, as: .code, into: &sink)
            if let fence = Self.fence(of: line), fence.mark == mark, fence.length >= length, fence.isBare {
                self.group.close(as: .code, into: &sink)
                self.part = .text
            }
        case .comment:
            if line.contains(Array("-->".utf8)) { self.part = .text }
        case .text:
            if self.isFirstLine, line.trimmed.elementsEqual("---".utf8) {
                self.part = .frontMatter
            } else {
                self.takeText(line, isPiece: isPiece, into: &sink)
            }
        }
    }

    private mutating func takeFrontMatter(_ line: ArraySlice<UInt8>, into sink: inout BlockSink) {
        guard !line.trimmed.elementsEqual("---".utf8), !line.trimmed.elementsEqual("...".utf8) else {
            self.part = .text
            for line in self.frontMatter where line.starts(with: "title:".utf8) {
                let value = line[6...].filter { $0 != UInt8(ascii: "\"") }
                sink.setTitle(String(decoding: value, as: UTF8.self))
            }
            self.frontMatter = []
            return
        }
        self.frontMatter.append(Array(line))
        self.frontMatterBytes += line.count + 1
        if self.frontMatterBytes > DocumentTextLimits.blockBytes { self.endFrontMatter(into: &sink) }
    }

    /// It was none: its lines are text.
    private mutating func endFrontMatter(into sink: inout BlockSink) {
        let lines = self.frontMatter
        self.frontMatter = []
        self.part = .text
        for line in lines { self.take(line: line[...], isPiece: false, into: &sink) }
    }

    private mutating func takeText(_ line: ArraySlice<UInt8>, isPiece: Bool, into sink: inout BlockSink) {
        let text = line.trimmed
        if text.starts(with: "<!--".utf8) {
            if !line.contains(Array("-->".utf8)) { self.part = .comment }
        } else if let fence = Self.fence(of: line) {
            self.close(into: &sink)
            self.part = .code(mark: fence.mark, length: fence.length)
            self.group.add(line, isPiece: isPiece, as: .code, into: &sink)
        } else if let (level, title) = Self.heading(line) {
            self.close(into: &sink)
            sink.add(.heading(level: level), title)
        } else if self.groupLines == 1, self.kind == .paragraph, let level = Self.underline(text) {
            self.group.close(as: .heading(level: level), into: &sink)
            self.groupLines = 0
        } else if text.isEmpty {
            self.close(into: &sink)
        } else {
            self.takeProse(line, text, isPiece: isPiece, into: &sink)
        }
    }

    private mutating func takeProse(
        _ line: ArraySlice<UInt8>, _ text: ArraySlice<UInt8>, isPiece: Bool, into sink: inout BlockSink
    ) {
        if text.first == UInt8(ascii: "|") {
            self.close(into: &sink)
            self.kind = .tableRow
        } else if Self.beginsItem(text) {
            self.close(into: &sink)
            self.kind = .listItem
        }
        self.group.add(line, isPiece: isPiece, as: self.kind, into: &sink)
        self.groupLines += 1
    }

    private mutating func close(into sink: inout BlockSink) {
        self.group.close(as: self.kind, into: &sink)
        self.kind = .paragraph
        self.groupLines = 0
    }

    mutating func finish(into sink: inout BlockSink) {
        if case .frontMatter = self.part { self.endFrontMatter(into: &sink) }
        // A fence that is never closed ends with the document.
        if case .code = self.part { self.kind = .code }
        self.close(into: &sink)
    }

    // MARK: Lines

    /// The fence that a line opens or, if bare, closes. Fences inside list items are indented; any indent counts.
    private static func fence(of line: ArraySlice<UInt8>) -> (mark: UInt8, length: Int, isBare: Bool)? {
        let text = line.drop { $0 <= 0x20 }
        guard let mark = text.first, mark == UInt8(ascii: "`") || mark == UInt8(ascii: "~") else { return nil }
        let length = text.prefix { $0 == mark }.count
        let rest = text.dropFirst(length)
        guard length >= 3, mark == UInt8(ascii: "~") || !rest.contains(UInt8(ascii: "`")) else { return nil }
        return (mark, length, rest.isBlank)
    }

    private static func heading(_ line: ArraySlice<UInt8>) -> (level: Int, text: ArraySlice<UInt8>)? {
        let text = line.trimmed
        guard text.first == UInt8(ascii: "#"), text.startIndex - line.startIndex <= 3 else { return nil }
        let level = text.prefix { $0 == UInt8(ascii: "#") }.count
        let rest = text.dropFirst(level)
        guard level <= 6, rest.isEmpty || rest.first == 0x20 || rest.first == 0x09 else { return nil }
        var title = rest.trimmed
        if let last = title.lastIndex(where: { $0 != UInt8(ascii: "#") }), title[last] == 0x20 {
            title = title[..<last].trimmed
        }
        return (level, title)
    }

    private static func underline(_ text: ArraySlice<UInt8>) -> Int? {
        guard text.count >= 2, let mark = text.first, text.allSatisfy({ $0 == mark }) else { return nil }
        return mark == UInt8(ascii: "=") ? 1 : mark == UInt8(ascii: "-") ? 2 : nil
    }

    private static func beginsItem(_ text: ArraySlice<UInt8>) -> Bool {
        guard let first = text.first else { return false }
        if "-*+".utf8.contains(first) { return text.dropFirst().first == 0x20 }
        let digits = text.prefix { (0x30...0x39).contains($0) }
        guard (1...9).contains(digits.count) else { return false }
        let mark = text.dropFirst(digits.count).prefix(2)
        return mark.elementsEqual(". ".utf8) || mark.elementsEqual(") ".utf8)
    }
}
