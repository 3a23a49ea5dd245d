//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// Makes blocks of a page's text and tags.
struct HTMLBlockWriter {
    /// White space collapsed, references not yet replaced.
    private var run: [UInt8] = []
    private var goesOn = false
    private var kind = TextBlock.Kind.paragraph
    /// Open `pre` elements.
    private var preformatted = 0
    private var isInRow = false
    private var listDepth = 0
    /// The element that is left out, and how many of its name are open.
    private var skipping: (name: String, depth: Int)?

    /// Adds text.
    mutating func add(_ text: ArraySlice<UInt8>, into sink: inout BlockSink) {
        guard self.skipping == nil else { return }
        if self.preformatted > 0 {
            self.run += text
        } else {
            for byte in text {
                if byte > 0x20 {
                    self.run.append(byte)
                } else if let last = self.run.last, last > 0x20 {
                    self.run.append(0x20)
                }
            }
        }
        while self.run.count > DocumentTextLimits.blockBytes { self.flushFront(into: &sink) }
    }

    /// Gives away the first part of a run that is too long, up to a blank if there is one.
    private mutating func flushFront(into sink: inout BlockSink) {
        let most = DocumentTextLimits.blockBytes
        let blank = self.run[(most * 3 / 4)..<most].lastIndex { $0 <= 0x20 }
        let end = blank ?? self.run.characterStart(notBehind: most)
        sink.add(self.kind, HTMLEntities.decode(self.run[..<end])[...], goesOn: self.goesOn)
        self.run.removeFirst(end)
        self.goesOn = true
    }

    /// Ends the block.
    mutating func flush(into sink: inout BlockSink) {
        if self.run.contains(where: { $0 > 0x20 }) {
            var text = HTMLEntities.decode(self.run[...])
            if self.kind == .tableRow { text = Self.row(text) }
            if self.kind == .listItem, !self.goesOn {
                let indentation = [UInt8](repeating: 0x20, count: 2 * min(max(self.listDepth - 1, 0), 8))
                text = indentation + Array("- ".utf8) + text[...].trimmed
            }
            sink.add(self.kind, text[...], goesOn: self.goesOn)
        }
        self.run.removeAll(keepingCapacity: true)
        self.goesOn = false
        self.kind = self.preformatted > 0 ? .code : .paragraph
    }

    /// A row without empty cells at its ends.
    private static func row(_ text: [UInt8]) -> [UInt8] {
        var row = text[...].trimmed
        while let last = row.last, last == UInt8(ascii: "|") || last <= 0x20 { row.removeLast() }
        return Array(row)
    }

    mutating func take(_ tag: HTMLTag, isXML: Bool, into sink: inout BlockSink) {
        if isXML {
            if !HTMLTag.inline.contains(tag.name) { self.flush(into: &sink) }
            return
        }
        guard !self.skips(tag) else { return }
        switch tag.name {
        case "html": if let language = tag.attribute("lang"), !language.isEmpty { sink.language = language }
        case "h1", "h2", "h3", "h4", "h5", "h6":
            self.flush(into: &sink)
            self.isInRow = false
            if !tag.isClosing, let level = Int(tag.name.dropFirst()) { self.kind = .heading(level: level) }
        case "pre", "listing":
            self.flush(into: &sink)
            self.preformatted = max(0, min(8, self.preformatted + (tag.isClosing ? -1 : 1)))
            self.kind = self.preformatted > 0 ? .code : .paragraph
        case "ul", "ol", "menu", "dir":
            self.flush(into: &sink)
            self.isInRow = false
            self.listDepth = max(0, min(64, self.listDepth + (tag.isClosing ? -1 : 1)))
        case "li":
            self.flush(into: &sink)
            if !tag.isClosing { self.kind = .listItem }
        case "tr":
            self.flush(into: &sink)
            self.isInRow = !tag.isClosing
            if self.isInRow { self.kind = .tableRow }
        case "td", "th": if !tag.isClosing { self.beginCell() }
        case "table", "thead", "tbody", "tfoot", "caption":
            self.flush(into: &sink)
            self.isInRow = false
        case "br": if self.isInRow { self.space() } else { self.run.append(0x0A) }
        case _ where HTMLTag.inline.contains(tag.name): break
        case "p", "div", "section", "article":
            // Paragraphs within a cell or an item do not end it.
            if self.isInRow || self.isFreshItem { self.space() } else { self.flush(into: &sink) }
        default: if self.isInRow { self.space() } else { self.flush(into: &sink) }
        }
    }

    /// An item of which no text has come yet: `<li><p>`.
    private var isFreshItem: Bool {
        self.kind == .listItem && !self.run.contains { $0 > 0x20 }
    }

    private mutating func space() {
        if let last = self.run.last, last > 0x20 { self.run.append(0x20) }
    }

    private mutating func beginCell() {
        guard self.isInRow, self.run.contains(where: { $0 > 0x20 }) else { return }
        self.space()
        self.run += Array("| ".utf8)
    }

    /// Keeps account of what is left out; whether the tag is part of it.
    private mutating func skips(_ tag: HTMLTag) -> Bool {
        if let skipping = self.skipping {
            if HTMLTag.main.contains(tag.name), skipping.name == "nav" || skipping.name == "footer" {
                self.skipping = nil
                return false
            }
            guard tag.name == skipping.name, !tag.closesItself else { return true }
            let depth = skipping.depth + (tag.isClosing ? -1 : 1)
            self.skipping = depth > 0 ? (skipping.name, depth) : nil
            return true
        }
        guard !tag.isClosing, !tag.closesItself, HTMLTag.skipped.contains(tag.name) || tag.isHidden else {
            return false
        }
        self.skipping = (tag.name, 1)
        return true
    }
}
