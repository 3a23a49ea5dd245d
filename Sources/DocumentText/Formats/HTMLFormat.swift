//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// Reads HTML for its text: headings, paragraphs, lists, tables and code; without scripts, styles, navigation and
/// forms.
///
/// A tokenizer, no tree: it takes any bytes, never goes back, and keeps one block at most. Where browsers would mend a
/// broken page it may find other blocks than they show, but no text is lost by it. Tags that are left open are
/// harmless, since what is skipped ends at the latest where the page's main part begins. Of XML every unknown tag parts
/// blocks.
struct HTMLFormat: FormatReader {
    private enum State {
        case text
        case tag
        /// Within a tag, in an attribute's quotes.
        case quoted(UInt8)
        case comment
        /// Text that has no tags but its own end: scripts, styles, titles.
        case raw(end: String)
    }

    private let isXML: Bool
    private var state = State.text
    /// The tag or the raw text being read.
    private var token: [UInt8] = []
    private var writer = HTMLBlockWriter()

    init(isXML: Bool = false) {
        self.isXML = isXML
    }

    mutating func take(_ text: [UInt8], into sink: inout BlockSink) throws(DocumentError) {
        var index = 0
        while index < text.count {
            switch self.state {
            case .text:
                let end = text[index...].firstIndex(of: UInt8(ascii: "<")) ?? text.count
                self.writer.add(text[index..<end], into: &sink)
                index = end + 1
                if end < text.count {
                    self.token = []
                    self.state = .tag
                }
            case .tag: self.takeInTag(text[index], at: &index, into: &sink)
            case .quoted(let quote):
                if text[index] == quote { self.state = .tag }
                self.keep(text[index])
                index += 1
            case .comment: self.takeInComment(text, at: &index)
            case .raw(let end): self.takeRaw(text[index], end: end, at: &index, into: &sink)
            }
        }
    }

    mutating func finish(into sink: inout BlockSink) throws(DocumentError) {
        if case .tag = self.state, !self.token.isEmpty {
            self.writer.add(([UInt8(ascii: "<")] + self.token)[...], into: &sink)
        }
        self.writer.flush(into: &sink)
    }

    private mutating func keep(_ byte: UInt8) {
        if self.token.count < DocumentTextLimits.tagBytes { self.token.append(byte) }
    }

    // MARK: Tags

    private mutating func takeInTag(_ byte: UInt8, at index: inout Int, into sink: inout BlockSink) {
        if self.token.isEmpty, !byte.isLetterOrDigit || (0x30...0x39).contains(byte),
            !"/!?".utf8.contains(byte)
        {
            // A lone “less than”.
            self.writer.add([UInt8(ascii: "<")], into: &sink)
            self.state = .text
            return
        }
        index += 1
        if byte == UInt8(ascii: ">") {
            self.state = .text
            self.endTag(into: &sink)
            return
        }
        self.keep(byte)
        if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'"),
            self.token.dropLast().last(where: { $0 > 0x20 }) == UInt8(ascii: "="), self.token[0] != UInt8(ascii: "!")
        {
            self.state = .quoted(byte)
        } else if self.token.count == 3, self.token.elementsEqual("!--".utf8) {
            self.token = []
            self.state = .comment
        } else if self.token.count == 8, self.token.elementsEqual("![CDATA[".utf8) {
            self.state = .raw(end: "]]>")
            self.token = []
        }
    }

    private mutating func takeInComment(_ text: [UInt8], at index: inout Int) {
        // Only the last two bytes matter.
        let byte = text[index]
        index += 1
        if byte == UInt8(ascii: ">"), self.token.elementsEqual("--".utf8) {
            self.state = .text
            self.token = []
        } else {
            self.token.append(byte)
            if self.token.count > 2 { self.token.removeFirst() }
        }
    }

    private mutating func endTag(into sink: inout BlockSink) {
        let tag = HTMLTag(self.token)
        self.token = []
        guard !tag.name.isEmpty else { return }
        if !tag.isClosing, !tag.closesItself, HTMLTag.rawText.contains(tag.name), !self.isXML {
            self.state = .raw(end: "</" + tag.name)
            return
        }
        self.writer.take(tag, isXML: self.isXML, into: &sink)
    }

    private mutating func takeRaw(_ byte: UInt8, end: String, at index: inout Int, into sink: inout BlockSink) {
        index += 1
        let isData = end == "]]>"
        let isTitle = end == "</title"
        self.token.append(byte)
        let length = end.utf8.count
        let tail = self.token.suffix(length)
        if tail.count == length, tail.elementsEqual(end.utf8, by: { ($0 | ($0.isUpper ? 0x20 : 0)) == $1 }) {
            let text = self.token.dropLast(length)
            if isData { self.writer.add(text, into: &sink) }
            if isTitle { sink.setTitle(String(decoding: HTMLEntities.decode(text), as: UTF8.self)) }
            // Read on to the end of the closing tag.
            self.token = isData ? [] : [UInt8(ascii: "/")]
            self.state = isData ? .text : .tag
        } else if self.token.count > DocumentTextLimits.blockBytes {
            if isData { self.writer.add(self.token.dropLast(length), into: &sink) }
            self.token.removeFirst(self.token.count - length)
        }
    }
}

extension UInt8 {
    var isUpper: Bool { (0x41...0x5A).contains(self) }
}
