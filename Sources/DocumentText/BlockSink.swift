//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// Collects blocks and gives them their places.
struct BlockSink {
    private(set) var blocks: [TextBlock] = []
    /// What the document calls itself.
    private(set) var title: String?
    var language: String?
    /// The page on which blocks that are added now stand.
    var page: Int?
    /// Where the extracted text ends, in Unicode scalars.
    private(set) var end = 0
    private var lastKind: TextBlock.Kind?

    /// The blocks added since the last call.
    mutating func take() -> [TextBlock] {
        defer { self.blocks.removeAll(keepingCapacity: true) }
        return self.blocks
    }

    mutating func setTitle(_ text: String) {
        let shown = String(String.UnicodeScalarView(text.unicodeScalars.filter { $0.value >= 0x20 || $0 == "\n" }))
        let title = shown.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        guard self.title == nil, title.contains(where: { $0.isLetter || $0.isNumber }) else { return }
        self.title = String(title.prefix(DocumentTextLimits.titleCharacters))
    }

    mutating func add(_ kind: TextBlock.Kind, _ bytes: ArraySlice<UInt8>, goesOn: Bool = false) {
        var rest = bytes
        if !goesOn {
            while let first = rest.first, first == 0x0A { rest.removeFirst() }
        }
        while let last = rest.last, last == 0x0A || last == 0x20 || last == 0x09 { rest.removeLast() }
        // Blank at its start only matters for code and lists.
        if !goesOn, kind != .code, kind != .listItem {
            rest = rest.drop { $0 == 0x20 || $0 == 0x09 || $0 == 0x0A }
        }
        guard rest.contains(where: { $0 > 0x20 }) else { return }
        var separator = goesOn ? "" : self.separator(before: kind)
        while !rest.isEmpty {
            let piece = rest.prefix(Self.cut(rest))
            self.append(kind, String(decoding: piece, as: UTF8.self), separator: separator)
            rest = rest[piece.endIndex...]
            separator = ""
        }
    }

    mutating func add(_ kind: TextBlock.Kind, _ text: String) {
        self.add(kind, Array(text.utf8)[...])
    }

    private func separator(before kind: TextBlock.Kind) -> String {
        guard let last = self.lastKind else { return "" }
        return last == kind && (kind == .listItem || kind == .tableRow) ? "\n" : "\n\n"
    }

    private mutating func append(_ kind: TextBlock.Kind, _ text: String, separator: String) {
        let start = self.end + separator.utf8.count
        self.end = start + text.unicodeScalars.count
        if case .heading(let level) = kind, level == 1 { self.setTitle(text) }
        self.lastKind = kind
        self.blocks.append(
            TextBlock(kind: kind, text: text, separator: separator, page: self.page, range: start..<self.end))
    }

    /// How much of the bytes goes into one block: all, or up to a blank in the last quarter, or whole scalars.
    private static func cut(_ bytes: ArraySlice<UInt8>) -> Int {
        let most = DocumentTextLimits.blockBytes
        guard bytes.count > most else { return bytes.count }
        let limit = bytes.startIndex + most
        if let blank = bytes[(limit - most / 4)..<limit].lastIndex(where: { $0 == 0x0A || $0 == 0x20 }) {
            return blank + 1 - bytes.startIndex
        }
        return bytes.characterStart(notBehind: limit) - bytes.startIndex
    }
}
