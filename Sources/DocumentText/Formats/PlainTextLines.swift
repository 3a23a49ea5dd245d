//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// What stands between blank lines: paragraphs of plain text, or pieces of source code.
struct PlainTextLines: LineReader {
    private let kind: TextBlock.Kind
    private var group = LineGroup()

    init(as kind: TextBlock.Kind = .paragraph) {
        self.kind = kind
    }

    mutating func take(line: ArraySlice<UInt8>, isPiece: Bool, into sink: inout BlockSink) {
        if line.isBlank, !isPiece {
            self.group.close(as: self.kind, into: &sink)
        } else {
            self.group.add(line, isPiece: isPiece, as: self.kind, into: &sink)
        }
    }

    mutating func finish(into sink: inout BlockSink) {
        self.group.close(as: self.kind, into: &sink)
    }
}

/// What `pdftotext` writes: lines as they were set, a form feed after each page.
///
/// The lines of a paragraph are joined, and with them the halves of a word that was divided at a line's end.
struct PDFTextLines: LineReader {
    private var paragraph: [UInt8] = []
    private var goesOn = false

    mutating func take(line: ArraySlice<UInt8>, isPiece: Bool, into sink: inout BlockSink) {
        if sink.page == nil { sink.page = 1 }
        var line = line
        while let feed = line.firstIndex(of: 0x0C) {
            self.add(line[..<feed], into: &sink)
            self.close(into: &sink)
            sink.page = (sink.page ?? 0) + 1
            line = line[(feed + 1)...]
        }
        if line.isBlank {
            self.close(into: &sink)
        } else {
            self.add(line, into: &sink)
        }
    }

    private mutating func add(_ line: ArraySlice<UInt8>, into sink: inout BlockSink) {
        let line = line.trimmed
        guard let first = line.first else { return }
        if self.paragraph.count + line.count > DocumentTextLimits.blockBytes {
            // The blank goes to the next piece, since blanks at the end of a block are dropped.
            sink.add(.paragraph, self.paragraph[...], goesOn: self.goesOn)
            self.paragraph = [0x20]
            self.goesOn = true
        } else if self.endsDivided, (0x61...0x7A).contains(first) {
            self.paragraph.removeLast()
        } else if !self.paragraph.isEmpty {
            self.paragraph.append(0x20)
        }
        self.paragraph += line
    }

    /// Whether the last line ends with a letter and a hyphen.
    private var endsDivided: Bool {
        guard self.paragraph.last == UInt8(ascii: "-"), let letter = self.paragraph.dropLast().last else {
            return false
        }
        return (0x61...0x7A).contains(letter) || letter >= 0x80
    }

    private mutating func close(into sink: inout BlockSink) {
        sink.add(.paragraph, self.paragraph[...], goesOn: self.goesOn)
        self.paragraph = []
        self.goesOn = false
    }

    mutating func finish(into sink: inout BlockSink) {
        self.close(into: &sink)
    }
}
