//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import DocumentText
import Foundation

/// A folder of a test's own, removed with it.
final class TestFolder: Sendable {
    let path: String

    init() throws {
        let url = FileManager.default.temporaryDirectory.appendingPathComponent("parley-test-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        self.path = url.path
    }

    deinit {
        try? FileManager.default.removeItem(atPath: self.path)
    }

    func write(_ bytes: some Sequence<UInt8>, _ name: String = "file") throws -> String {
        let path = "\(self.path)/\(name)"
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        return path
    }

    var names: [String] { (try? FileManager.default.contentsOfDirectory(atPath: self.path)) ?? [] }
}

/// What was read of a document.
struct ReadText {
    var kind: DocumentKind
    var title: String?
    var language: String?
    var blocks: [TextBlock]

    var texts: [String] { self.blocks.map(\.text) }
    var kinds: [TextBlock.Kind] { self.blocks.map(\.kind) }
    var extracted: String { self.blocks.map { $0.separator + $0.text }.joined() }
}

/// Reads a document whose bytes are these.
func read(
    _ bytes: [UInt8], name: String = "file", limits: DocumentReader.Limits = .init(), tools: DocumentTools? = nil
) async throws -> ReadText {
    let folder = try TestFolder()
    var tools = tools ?? .installed()
    let temporary = try TestFolder()
    tools.temporaryFolder = temporary.path
    let reader = DocumentReader(limits: limits, tools: tools)
    let document = try await reader.open(path: try folder.write(bytes), name: name)
    var blocks: [TextBlock] = []
    do {
        while let next = try await document.next() { blocks += next }
    } catch {
        if !temporary.names.isEmpty { throw LeftBehind(names: temporary.names) }
        throw error
    }
    if !temporary.names.isEmpty { throw LeftBehind(names: temporary.names) }
    return ReadText(
        kind: await document.kind, title: await document.title, language: await document.language, blocks: blocks)
}

struct LeftBehind: Error {
    var names: [String]
}

func read(_ text: String, name: String = "file") async throws -> ReadText {
    try await read(Array(text.utf8), name: name)
}

/// Why a document is refused; nil when it is read.
func refusal(
    _ bytes: [UInt8], name: String = "file", limits: DocumentReader.Limits = .init(), tools: DocumentTools? = nil
) async throws -> DocumentError? {
    do {
        _ = try await read(bytes, name: name, limits: limits, tools: tools)
        return nil
    } catch let error as DocumentError {
        return error
    }
}

/// A ZIP archive of files that are not compressed; `claimedBytes` is what its table of contents says of each, and
/// `wideBytes`, packed or not, what it says in the manner of ZIP64.
func zip(
    _ files: [(name: String, text: String)], claimedBytes: Int? = nil, wideBytes: Int? = nil, flags: UInt16 = 0
) -> [UInt8] {
    var archive: [UInt8] = []
    var directory: [UInt8] = []
    for file in files {
        let data = Array(file.text.utf8)
        let start = archive.count
        let checksum = crc32(data)
        let head = little(20, 2) + little(Int(flags), 2) + little(0, 2) + little(0, 4) + little(Int(checksum), 4)
        let sizes = little(data.count, 4) + little(data.count, 4) + little(file.name.utf8.count, 2) + little(0, 2)
        archive += little(0x0403_4B50, 4) + head + sizes + Array(file.name.utf8) + data
        let claimed =
            wideBytes == nil
            ? little(data.count, 4) + little(claimedBytes ?? data.count, 4) : [UInt8](repeating: 0xFF, count: 8)
        let extra: [UInt8] = wideBytes.map { little(1, 2) + little(16, 2) + little($0, 8) + little($0, 8) } ?? []
        directory += little(0x0201_4B50, 4) + little(20, 2) + head + claimed + little(file.name.utf8.count, 2)
        directory += little(extra.count, 2) + little(0, 2) + little(0, 2) + little(0, 2) + little(0, 4)
        directory += little(start, 4) + Array(file.name.utf8) + extra
    }
    let end =
        little(0x0605_4B50, 4) + little(0, 4) + little(files.count, 2) + little(files.count, 2)
        + little(directory.count, 4) + little(archive.count, 4) + little(0, 2)
    return archive + directory + end
}

private func little(_ value: Int, _ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
}

private func crc32(_ bytes: [UInt8]) -> UInt32 {
    var crc: UInt32 = 0xFFFF_FFFF
    for byte in bytes {
        crc ^= UInt32(byte)
        for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0xEDB8_8320 : crc >> 1 }
    }
    return ~crc
}

/// A Word document with this body, and before it this declaration.
func docx(_ body: String, declaration: String = "") -> [UInt8] {
    let main = "application/vnd.openxmlformats-officedocument.wordprocessingml"
    let word = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    let relations = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    return zip([
        (
            "[Content_Types].xml",
            "<?xml version=\"1.0\"?><Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\">"
                + "<Default Extension=\"rels\""
                + " ContentType=\"application/vnd.openxmlformats-package.relationships+xml\"/>"
                + "<Override PartName=\"/word/document.xml\" ContentType=\"\(main).document.main+xml\"/></Types>"
        ),
        (
            "_rels/.rels",
            "<?xml version=\"1.0\"?><Relationships"
                + " xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\"><Relationship Id=\"rId1\""
                + " Type=\"\(relations)/officeDocument\" Target=\"word/document.xml\"/></Relationships>"
        ),
        (
            "word/styles.xml",
            "<?xml version=\"1.0\"?><w:styles xmlns:w=\"\(word)\"><w:style w:type=\"paragraph\" w:styleId=\"Heading1\">"
                + "<w:name w:val=\"heading 1\"/></w:style><w:style w:type=\"paragraph\" w:styleId=\"Heading2\">"
                + "<w:name w:val=\"heading 2\"/></w:style></w:styles>"
        ),
        (
            "word/_rels/document.xml.rels",
            "<?xml version=\"1.0\"?><Relationships"
                + " xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\"><Relationship Id=\"rId1\""
                + " Type=\"\(relations)/styles\" Target=\"styles.xml\"/></Relationships>"
        ),
        (
            "word/document.xml",
            "<?xml version=\"1.0\"?>\(declaration)<w:document xmlns:w=\"\(word)\"><w:body>"
                + "\(body)</w:body></w:document>"
        ),
    ])
}

/// A paragraph of a Word document.
func paragraph(_ text: String, style: String? = nil) -> String {
    let properties = style.map { "<w:pPr><w:pStyle w:val=\"\($0)\"/></w:pPr>" } ?? ""
    return "<w:p>\(properties)<w:r><w:t>\(text)</w:t></w:r></w:p>"
}

/// A PDF of which each page has these lines.
func pdf(_ pages: [[String]], title: String? = nil, encryption: String? = nil) -> [UInt8] {
    var objects = ["<< /Type /Catalog /Pages 2 0 R >>", ""]
    var kids: [String] = []
    objects.append("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>")
    for lines in pages {
        var content = "BT /F1 12 Tf 14 TL 72 720 Td\n"
        for line in lines { content += line.isEmpty ? "T* T*\n" : "(\(line)) Tj T*\n" }
        content += "ET"
        objects.append("<< /Length \(content.utf8.count) >>\nstream\n\(content)\nendstream")
        let stream = objects.count
        objects.append(
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents \(stream) 0 R"
                + " /Resources << /Font << /F1 3 0 R >> >> >>")
        kids.append("\(objects.count) 0 R")
    }
    objects[1] = "<< /Type /Pages /Count \(kids.count) /Kids [\(kids.joined(separator: " "))] >>"
    var trailer = "/Root 1 0 R"
    if let title {
        objects.append("<< /Title (\(title)) >>")
        trailer += " /Info \(objects.count) 0 R"
    }
    if let encryption { trailer += " /ID [(0123456789abcdef) (0123456789abcdef)] /Encrypt \(encryption)" }
    var text = "%PDF-1.4\n"
    var places: [Int] = []
    for (index, object) in objects.enumerated() {
        places.append(text.utf8.count)
        text += "\(index + 1) 0 obj\n\(object)\nendobj\n"
    }
    let table = text.utf8.count
    text += "xref\n0 \(objects.count + 1)\n0000000000 65535 f \n"
    for place in places { text += String(repeating: "0", count: 10 - String(place).count) + "\(place) 00000 n \n" }
    text += "trailer\n<< /Size \(objects.count + 1) \(trailer) >>\nstartxref\n\(table)\n%%EOF\n"
    return Array(text.utf8)
}
