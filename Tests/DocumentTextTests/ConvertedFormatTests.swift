//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import DocumentText
import Testing

private let hasPoppler = DocumentTools.installed().pdfToText != nil
private let hasPandoc = DocumentTools.installed().pandoc != nil
private let withoutTools = DocumentTools(pdfToText: nil, pdfInfo: nil, pandoc: nil)

@Suite("Documents that other programs read", .timeLimit(.minutes(2)))
struct ConvertedFormatTests {
    @Test("a PDF has pages, its title, and paragraphs of joined lines", .enabled(if: hasPoppler))
    func pages() async throws {
        let found = try await read(
            pdf([["The first para-", "graph of the", "document."], ["Page two."]], title: "A report"), name: "x.txt")
        #expect(found.kind == .pdf)
        #expect(found.title == "A report")
        #expect(found.texts == ["The first paragraph of the document.", "Page two."])
        #expect(found.blocks.map(\.page) == [1, 2])
    }

    @Test("a PDF of 300 pages is read whole", .enabled(if: hasPoppler))
    func longPDF() async throws {
        let found = try await read(pdf((1...300).map { page in (1...40).map { "Line \($0) of page \(page)." } }))
        #expect(found.blocks.last?.page == 300)
        #expect(Set(found.blocks.compactMap(\.page)).count == 300)
    }

    @Test("PDFs that cannot be read say why", .enabled(if: hasPoppler))
    func badPDF() async throws {
        let key = String(repeating: "x", count: 32)
        let locked = pdf([["secret"]], encryption: "<< /Filter /Standard /V 1 /R 2 /O (\(key)) /U (\(key)) /P -4 >>")
        #expect(try await refusal(locked)?.code == .locked)
        #expect(try await refusal(Array("%PDF-1.7\nnothing".utf8))?.code == .malformed)
        #expect(try await refusal(pdf([[]]))?.code == .empty)
        var cut = pdf([["text"]])
        cut.removeLast(cut.count / 2)
        _ = try await refusal(cut)
    }

    @Test("a Word document has headings and paragraphs", .enabled(if: hasPandoc))
    func word() async throws {
        let body =
            paragraph("Plan", style: "Heading1") + paragraph("Some_text * here &lt;b&gt;")
            + paragraph("Part", style: "Heading2") + paragraph("More.")
        let found = try await read(docx(body), name: "x.pdf")
        #expect(found.kind == .docx)
        #expect(found.kinds == [.heading(level: 1), .paragraph, .heading(level: 2), .paragraph])
        #expect(found.texts == ["Plan", "Some_text * here <b>", "Part", "More."])
        #expect(found.title == "Plan")
    }

    @Test("RTF is read", .enabled(if: hasPandoc))
    func rtf() async throws {
        let found = try await read("{\\rtf1\\ansi Hello \\b bold\\b0  world.\\par Second.\\par}", name: "a.rtf")
        #expect(found.texts == ["Hello bold world.", "Second."])
    }

    @Test("an entity that names a file, or grows without end, brings nothing", .enabled(if: hasPandoc))
    func entities() async throws {
        let outside = docx(
            paragraph("A &e; B"), declaration: "<!DOCTYPE d [<!ENTITY e SYSTEM \"file:///etc/passwd\">]>")
        if try await refusal(outside) == nil {
            #expect(try await !read(outside).extracted.contains("root"))
        }
        let ten = (1...9).map { "<!ENTITY a\($0) \"" + String(repeating: "&a\($0 - 1);", count: 10) + "\">" }.joined()
        let laughs = docx(paragraph("&a9;"), declaration: "<!DOCTYPE d [<!ENTITY a0 \"ha\">\(ten)]>")
        let error = try await refusal(laughs)
        #expect(error == nil || error?.code == .malformed || error?.code == .tooLarge)
    }

    @Test("archives that would grow beyond reason are refused before anything opens them")
    func bombs() async throws {
        let body = [("word/document.xml", String(repeating: "x", count: 1000))]
        #expect(try await refusal(zip(body, claimedBytes: 10_000_000))?.code == .tooLarge)
        #expect(try await refusal(zip(body, claimedBytes: 4_000_000_000))?.code == .tooLarge)
        let endless = body + (0..<2100).map { ("f\($0)", "") }
        #expect(try await refusal(zip(endless, wideBytes: (1 << 52) - 1))?.code == .tooLarge)
        let many = (0..<11_000).map { ("f\($0)", "") }
        #expect(try await refusal(zip(many))?.code == .tooLarge)
        #expect(try await refusal(zip(body, flags: 1))?.code == .locked)
    }

    @Test(
        "archives are told by what is in them",
        arguments: [
            ([("a.txt", "x")], DocumentError.Code.unsupported), ([("xl/workbook.xml", "x")], .unsupported),
            ([("ppt/presentation.xml", "x")], .unsupported),
            ([("mimetype", "application/vnd.oasis.opendocument.spreadsheet")], .unsupported),
            ([("mimetype", "application/epub+zip")], .toolMissing),
            ([("mimetype", "application/vnd.oasis.opendocument.text")], .toolMissing),
            ([("word/document.xml", "x")], .toolMissing),
        ])
    func archives(_ files: [(String, String)], _ code: DocumentError.Code) async throws {
        #expect(try await refusal(zip(files.map { (name: $0.0, text: $0.1) }), tools: withoutTools)?.code == code)
    }

    @Test("without its program a document waits for the operator")
    func missingTools() async throws {
        let error = try #require(try await refusal(pdf([["x"]]), tools: withoutTools))
        #expect(error.code == .toolMissing)
        #expect(error.reason.contains("poppler-utils"))
    }

    @Test("what is too large is refused")
    func tooLarge() async throws {
        var limits = DocumentReader.Limits()
        limits.nativeBytes = 10
        limits.convertedBytes = 100
        #expect(try await refusal(Array("more than ten bytes".utf8), limits: limits)?.code == .tooLarge)
        #expect(try await refusal(pdf([["x"]]), limits: limits)?.code == .tooLarge)
    }

    @Test("a document that grows beyond its output's limit is refused", .enabled(if: hasPoppler))
    func outputLimit() async throws {
        var limits = DocumentReader.Limits()
        limits.outputBytes = 10_000
        let long = pdf((1...50).map { page in (1...40).map { "Line \($0) of page \(page)." } })
        #expect(try await refusal(long, limits: limits)?.code == .tooLarge)
    }
}
