//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// Tells a file's kind from its first bytes and, for archives, from their table of contents.
struct KindDetector {
    let kind: DocumentKind
    /// How its text is written, of a kind that is read as text.
    let encoding: TextEncoding

    init(_ file: FileBytes, name: String) throws(DocumentError) {
        let head = try file.read(at: 0, count: DocumentTextLimits.headBytes)
        guard !head.isEmpty else { throw DocumentError(.empty, "The file is empty.") }
        if let kind = try Self.binaryKind(head, file) {
            self.kind = kind
            self.encoding = .utf8
            return
        }
        self.encoding = try TextEncoding(head, isWhole: file.count == head.count)
        var decoder = TextDecoder(self.encoding)
        var text = try decoder.decode(head[...])
        if file.count == head.count { text += try decoder.finish() }
        guard text.contains(where: { $0 > 0x20 }) || file.count > head.count else {
            throw DocumentError(.empty, "There is no text in the file.")
        }
        self.kind = Self.textKind(text, ending: Self.ending(of: name))
        if self.kind == .html || self.kind == .xml { try Self.checkCharset(head, self.encoding) }
    }

    private static func ending(of name: String) -> String {
        guard let dot = name.lastIndex(of: ".") else { return "" }
        return name[name.index(after: dot)...].lowercased()
    }

    // MARK: Not text

    /// Kinds of files without text that people try, by their first bytes.
    private static let unsupported: [([UInt8], String)] = [
        ([0x89, 0x50, 0x4E, 0x47], "a picture (PNG)"), ([0xFF, 0xD8, 0xFF], "a picture (JPEG)"),
        (Array("GIF8".utf8), "a picture (GIF)"), (Array("II*\0".utf8), "a picture (TIFF)"),
        (Array("MM\0*".utf8), "a picture (TIFF)"), (Array("ID3".utf8), "a sound file"),
        (Array("OggS".utf8), "a sound file"),
        (Array("fLaC".utf8), "a sound file"), ([0x1F, 0x8B], "a packed file (gzip)"),
        (Array("BZh".utf8), "a packed file (bzip2)"),
        ([0xFD, 0x37, 0x7A, 0x58, 0x5A], "a packed file (xz)"), ([0x28, 0xB5, 0x2F, 0xFD], "a packed file (zstd)"),
        ([0x37, 0x7A, 0xBC, 0xAF], "a packed file (7z)"), (Array("Rar!".utf8), "a packed file (RAR)"),
        ([0x7F, 0x45, 0x4C, 0x46], "a program"), (Array("SQLite format 3\0".utf8), "a database"),
        (Array("%!PS".utf8), "PostScript; save it as PDF"),
    ]

    private static func binaryKind(_ head: [UInt8], _ file: FileBytes) throws(DocumentError) -> DocumentKind? {
        // Readers of PDF look for its mark within the first kilobyte; a text may well speak of it.
        let start = head.drop { $0 <= 0x20 || [0xEF, 0xBB, 0xBF].contains($0) }
        if start.starts(with: "%PDF-".utf8) { return .pdf }
        if head.prefix(1024).contains(Array("%PDF-".utf8)), head.contains(Array(" obj".utf8)) { return .pdf }
        if head.starts(with: "{\\rtf".utf8) { return .rtf }
        if head.starts(with: [0x50, 0x4B, 0x03, 0x04]) || head.starts(with: [0x50, 0x4B, 0x05, 0x06]) {
            return try self.packedKind(file)
        }
        if head.starts(with: [0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1]) {
            throw DocumentError(
                .unsupported,
                "It is an Office file of before 2007, or one with a password. Save it as .docx without a password.")
        }
        if let (_, what) = self.unsupported.first(where: { head.starts(with: $0.0) }) {
            throw DocumentError(.unsupported, "It is \(what). Only documents with text can be read.")
        }
        return nil
    }

    private static func packedKind(_ file: FileBytes) throws(DocumentError) -> DocumentKind {
        let zip = try ZipDirectory(file)
        switch zip.mimeType {
        case "application/epub+zip": return .epub
        case "application/vnd.oasis.opendocument.text", "application/vnd.oasis.opendocument.text-template": return .odt
        case .some(let type) where type.hasPrefix("application/vnd.oasis.opendocument."):
            throw DocumentError(
                .unsupported, "It is an OpenDocument file without running text. Save it as PDF, or a table as CSV.")
        default: break
        }
        if zip.contains("word/document.xml") || zip.contains("word/document2.xml") { return .docx }
        if zip.contains("META-INF/container.xml"), !zip.contains("content.xml") { return .epub }
        if zip.contains("content.xml"), zip.contains("META-INF/manifest.xml") { return .odt }
        if zip.contains("xl/workbook.xml") || zip.contains("xl/workbook.bin") {
            throw DocumentError(.unsupported, "It is a spreadsheet (Excel). Save its sheets as CSV.")
        }
        if zip.contains("ppt/presentation.xml") {
            throw DocumentError(.unsupported, "It is a presentation (PowerPoint). Save it as PDF.")
        }
        throw DocumentError(.unsupported, "It is a packed file (ZIP). Unpack it and add the documents in it.")
    }

    // MARK: Text

    private static let codeEndings: Set<String> = [
        "swift", "c", "h", "cc", "cpp", "cxx", "hpp", "m", "mm", "rs", "go", "java", "kt", "kts", "scala", "py", "rb",
        "php",
        "pl", "pm", "lua", "js", "mjs", "cjs", "jsx", "ts", "tsx", "css", "scss", "less", "sql", "sh", "bash", "zsh",
        "fish",
        "ps1", "r", "jl", "hs", "ml", "mli", "ex", "exs", "erl", "clj", "dart", "cs", "fs", "vb", "zig", "nim", "tex",
        "yaml",
        "yml", "toml", "ini", "conf", "cfg", "properties", "gradle", "cmake", "mk", "proto", "graphql", "tf", "diff",
        "patch",
    ]

    private static func textKind(_ text: [UInt8], ending: String) -> DocumentKind {
        switch ending {
        case "md", "markdown", "mdown", "mkd": return .markdown
        case "html", "htm", "xhtml": return .html
        case _ where self.codeEndings.contains(ending): return .sourceCode
        default: break
        }
        let start = text.drop { $0 <= 0x20 }.prefix(1024).map { $0 < 0x80 ? Self.lowercased($0) : $0 }
        if start.starts(with: "<!doctype html".utf8) || start.starts(with: "<html".utf8) { return .html }
        if start.starts(with: "<?xml".utf8) { return start.contains(Array("<html".utf8)) ? .html : .xml }
        switch ending {
        case "json", "jsonl", "ndjson", "geojson": return .json
        case "tsv", "tab": return .table(separator: 0x09)
        case "csv": return .table(separator: TableShape(text)?.separator ?? UInt8(ascii: ","))
        case "xml", "svg": return .xml
        default: break
        }
        if start.contains(Array("<body".utf8)) || start.contains(Array("<head>".utf8)) { return .html }
        if Self.looksLikeJSON(start) { return .json }
        if let shape = TableShape(text), shape.isCertain { return .table(separator: shape.separator) }
        return .plainText
    }

    private static func lowercased(_ byte: UInt8) -> UInt8 {
        (0x41...0x5A).contains(byte) ? byte | 0x20 : byte
    }

    /// An object that begins with a key, or an array of values.
    private static func looksLikeJSON(_ start: [UInt8]) -> Bool {
        guard let first = start.first else { return false }
        let next = start.dropFirst().first { $0 > 0x20 }
        if first == UInt8(ascii: "{") {
            guard next == UInt8(ascii: "\"") || next == UInt8(ascii: "}") else { return false }
            return next == UInt8(ascii: "}") || start.contains(Array("\":".utf8)) || start.contains(Array("\" :".utf8))
        }
        return first == UInt8(ascii: "[") && next.map { "{[\"".utf8.contains($0) } == true
            && start.contains { "\"}]".utf8.contains($0) } && !start.prefix(200).contains(Array("](".utf8))
    }

    /// Refuses a charset that we would read as another one.
    private static func checkCharset(_ head: [UInt8], _ encoding: TextEncoding) throws(DocumentError) {
        guard encoding == .windows1252 else { return }
        let text = String(decoding: head.prefix(1024), as: Unicode.ASCII.self).lowercased()
        for mark in ["charset=", "encoding="] {
            guard let place = text.firstRange(of: mark) else { continue }
            let name = text[place.upperBound...].drop { $0 == "\"" || $0 == "'" }
                .prefix { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == "_") }
            let read: Set<Substring> = [
                "", "utf-8", "utf8", "us-ascii", "ascii", "iso-8859-1", "iso8859-1", "latin1", "windows-1252", "cp1252",
                "iso-8859-15",
            ]
            guard read.contains(name) else {
                throw DocumentError(.unsupported, "It is written in the character set \(name). Save it in UTF-8.")
            }
            return
        }
    }
}

extension Collection<UInt8> {
    /// Whether these bytes occur in a row.
    func contains(_ pattern: [UInt8]) -> Bool {
        guard let first = pattern.first else { return true }
        var rest = self[...]
        while let index = rest.firstIndex(of: first) {
            rest = rest[index...]
            if rest.starts(with: pattern) { return true }
            rest = rest.dropFirst()
        }
        return false
    }
}
