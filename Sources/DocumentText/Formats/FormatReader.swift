//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// Finds the blocks in text that comes in pieces, with a state that does not grow with the text.
protocol FormatReader {
    /// - Parameter text: UTF-8 with LF as line end; a piece may end within a character.
    mutating func take(_ text: [UInt8], into sink: inout BlockSink) throws(DocumentError)
    mutating func finish(into sink: inout BlockSink) throws(DocumentError)
}

/// Finds the blocks in lines.
protocol LineReader {
    /// - Parameters:
    ///   - line: without its end; not longer than ``DocumentTextLimits/blockBytes``.
    ///   - isPiece: whether the line goes on, because it is longer than that.
    mutating func take(line: ArraySlice<UInt8>, isPiece: Bool, into sink: inout BlockSink)
    mutating func finish(into sink: inout BlockSink)
}

/// Cuts text into lines.
struct LineFormat<Lines: LineReader>: FormatReader {
    private var lines: Lines
    private var rest: [UInt8] = []

    init(_ lines: Lines) {
        self.lines = lines
    }

    mutating func take(_ text: [UInt8], into sink: inout BlockSink) throws(DocumentError) {
        var start = 0
        while let end = text[start...].firstIndex(of: 0x0A) {
            if self.rest.isEmpty {
                self.emit(text[start..<end], into: &sink)
            } else {
                self.rest += text[start..<end]
                let line = self.rest
                self.rest = []
                self.emit(line[...], into: &sink)
            }
            start = end + 1
        }
        self.rest += text[start...]
        let most = DocumentTextLimits.blockBytes
        while self.rest.count >= 2 * most {
            let cut = self.rest.characterStart(notBehind: most)
            self.lines.take(line: self.rest[..<cut], isPiece: true, into: &sink)
            self.rest.removeFirst(cut)
        }
    }

    private mutating func emit(_ line: ArraySlice<UInt8>, into sink: inout BlockSink) {
        var line = line
        let most = DocumentTextLimits.blockBytes
        while line.count > most {
            let cut = line.characterStart(notBehind: line.startIndex + most)
            self.lines.take(line: line[..<cut], isPiece: true, into: &sink)
            line = line[cut...]
        }
        self.lines.take(line: line, isPiece: false, into: &sink)
    }

    mutating func finish(into sink: inout BlockSink) throws(DocumentError) {
        if !self.rest.isEmpty { self.emit(self.rest[...], into: &sink) }
        self.rest = []
        self.lines.finish(into: &sink)
    }
}

extension RandomAccessCollection<UInt8> where Index == Int {
    /// Where the character of UTF-8 begins of which the byte at this place is part. No more than three bytes before it
    /// are looked at, so bytes that are no text are cut somewhere near.
    func characterStart(notBehind place: Int) -> Int {
        var start = place
        while start > Swift.max(self.startIndex, place - 4), self[start] & 0xC0 == 0x80 { start -= 1 }
        return start
    }
}

extension ArraySlice<UInt8> {
    var isBlank: Bool { !self.contains { $0 > 0x20 } }

    var trimmed: ArraySlice<UInt8> {
        var bytes = self.drop { $0 <= 0x20 }
        while let last = bytes.last, last <= 0x20 { bytes.removeLast() }
        return bytes
    }
}

/// Lines that become one block, up to the largest size of a block; then they go on in the next.
struct LineGroup {
    private(set) var bytes: [UInt8] = []
    /// Whether a piece of this group was given away already.
    private var goesOn = false
    private var isMidLine = false

    var isEmpty: Bool { self.bytes.isEmpty && !self.goesOn }

    mutating func add(_ line: ArraySlice<UInt8>, isPiece: Bool, as kind: TextBlock.Kind, into sink: inout BlockSink) {
        if self.bytes.count + line.count + 1 > DocumentTextLimits.blockBytes, !self.bytes.isEmpty {
            sink.add(kind, self.bytes[...], goesOn: self.goesOn)
            self.bytes = []
            self.goesOn = true
            // What went before ends here, and the separator of what goes on is empty.
            if !self.isMidLine { self.bytes.append(0x0A) }
        } else if !self.bytes.isEmpty, !self.isMidLine {
            self.bytes.append(0x0A)
        }
        self.bytes += line
        self.isMidLine = isPiece
    }

    mutating func close(as kind: TextBlock.Kind, into sink: inout BlockSink) {
        sink.add(kind, self.bytes[...], goesOn: self.goesOn)
        self.bytes = []
        self.goesOn = false
        self.isMidLine = false
    }
}
