//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import DocumentText
import Testing

@Suite("Text is read as what it is", .timeLimit(.minutes(1)))
struct NativeFormatTests {
    @Test(
        "the places of blocks are those in the extracted text",
        arguments: [
            ("a.txt", "One.\n\nTwo\nlines é 😀.\n\n\n\nThree."),
            ("a.md", "# T\n\nText.\n- a\n- b\n\n| x | y |\n|---|---|\n| 1 | 2 |\n\n```\ncode\n```\nEnd."),
            ("a.html", "<h1>T</h1><p>A&amp;B</p><ul><li>x<li>y</ul><table><tr><td>1<td>2</table><pre>a\n  b</pre>"),
            ("a.csv", "name,age\nAda,36\nBob,40\n"),
            ("a.json", "{\"a\":[1,{\"b\":\"x\"}]}"),
        ])
    func places(_ name: String, _ text: String) async throws {
        let found = try await read(text, name: name)
        let scalars = Array(found.extracted.unicodeScalars)
        #expect(found.blocks.count >= 1)
        for block in found.blocks {
            #expect(String(String.UnicodeScalarView(scalars[block.range])) == block.text)
        }
        #expect(found.blocks.first?.separator == "")
        #expect(found.blocks.last?.range.upperBound == scalars.count)
    }

    @Test("plain text has paragraphs")
    func plainText() async throws {
        let found = try await read("One\r\ntwo.\r\n\r\n \r\nThree.\r\n")
        #expect(found.kind == .plainText)
        #expect(found.texts == ["One\ntwo.", "Three."])
    }

    @Test("encodings are told apart")
    func encodings() async throws {
        let text = "Grüße aus Köln – “schön”."
        let utf16 = Array(text.utf16)
        let little = utf16.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8(truncatingIfNeeded: $0 >> 8)] }
        let big = utf16.flatMap { [UInt8(truncatingIfNeeded: $0 >> 8), UInt8(truncatingIfNeeded: $0)] }
        let windows: [UInt8] =
            Array("Gr".utf8) + [0xFC, 0xDF] + Array("e aus K".utf8) + [0xF6] + Array("ln ".utf8)
            + [0x96] + Array(" ".utf8) + [0x93] + Array("sch".utf8) + [0xF6] + Array("n".utf8) + [0x94]
            + Array(".".utf8)
        for bytes in [
            Array(text.utf8), [0xEF, 0xBB, 0xBF] + Array(text.utf8), [0xFF, 0xFE] + little, [0xFE, 0xFF] + big, windows,
        ] {
            #expect(try await read(bytes).texts == [text])
        }
        #expect(try await read("plain ascii".utf8.flatMap { [$0, 0] }).texts == ["plain ascii"])
    }

    @Test("a long text with one stray byte in another encoding far behind keeps its text")
    func lateByte() async throws {
        let line = "All plain here, nothing to see but words that go on and on.\n\n"
        var bytes = Array(String(repeating: line, count: 3000).utf8)
        bytes += [0xE9]
        let found = try await read(bytes)
        #expect(found.texts.last == "é")
        let german = Array(String(repeating: "Größe. \n\n", count: 20_000).utf8) + [0xE9]
        #expect(try await read(german).texts.last == "\u{FFFD}")
    }

    @Test(
        "what is not text is refused with a reason",
        arguments: [
            ([], DocumentError.Code.empty), ([UInt8](repeating: 0, count: 5000), .empty),
            (Array(" \n\t\r\n".utf8), .empty),
            ([0x89, 0x50, 0x4E, 0x47, 1, 2, 3], .unsupported), ((0...255).map { UInt8($0) }, .unsupported),
            ([0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1, 0], .unsupported),
            (Array("PK\u{3}\u{4}broken".utf8), .malformed),
        ])
    func refused(_ bytes: [UInt8], _ code: DocumentError.Code) async throws {
        let error = try #require(try await refusal(bytes, name: "notes.txt"))
        #expect(error.code == code)
        #expect(error.reason.hasSuffix("."))
    }

    @Test("text that goes on as something else is refused")
    func turnsBinary() async throws {
        let bytes =
            Array(String(repeating: "Good text. ", count: 20_000).utf8)
            + (0..<200_000).map { UInt8(truncatingIfNeeded: $0 &* 7919 >> 3) & 0x1F }
        #expect(try await refusal(bytes)?.code == .unsupported)
    }

    @Test("a name chooses between kinds of text only")
    func names() async throws {
        #expect(try await read("# Title\n\ntext", name: "a.md").kind == .markdown)
        #expect(try await read("# Title\n\ntext", name: "a.txt").kind == .plainText)
        #expect(try await read("let a = 1\n\nlet b = 2", name: "a.swift").kinds == [.code, .code])
        #expect(try await read("Only text.", name: "report.pdf").kind == .plainText)
        #expect(try await read("<!DOCTYPE html><p>Hello", name: "a.txt").kind == .html)
        #expect(try await read("{\"a\": 1}", name: "x").kind == .json)
        #expect(try await read("[1] A reference, and more.", name: "x").kind == .plainText)
    }

    @Test("Markdown has headings, code, items and rows")
    func markdown() async throws {
        let found = try await read(
            """
            ---
            title: "From the front"
            ---
            Heading
            ===

            Text that
            goes on.

            ## Sub `code` ##
            - one
              more
            - two

            ~~~sh
            # no heading

            ls
            ~~~
            <!-- hidden
            still -->
            | a | b |
            |---|---|
            """, name: "a.md")
        #expect(found.title == "From the front")
        #expect(
            found.kinds == [
                .heading(level: 1), .paragraph, .heading(level: 2), .listItem, .listItem, .code, .tableRow, .tableRow,
            ])
        #expect(
            found.texts == [
                "Heading", "Text that\ngoes on.", "Sub `code`", "- one\n  more", "- two",
                "~~~sh\n# no heading\n\nls\n~~~",
                "| a | b |", "|---|---|",
            ])
    }

    @Test("HTML is read without what is around its text")
    func html() async throws {
        let found = try await read(
            """
            <!doctype html><html lang="de-AT"><head><title>My &amp; page</title><style>p { color: red }</style>
            <script>if (a < b) document.write("<p>no</p>")</script></head><body>
            <nav><ul><li>Home</ul></nav>
            <h1>Big <em>title</em></h1><p>One   two&nbsp;three &euro;&#x20AC;&#8364; &unknown; a < b<br>next</p>
            <div style="display: none">hidden</div><!-- <p>comment</p> -->
            <ul><li><p>First</p><li>Second<ul><li>Inner</ul></ul>
            <table><thead><tr><th>City<th>People</thead><tr><td>Oslo</td><td>709,000</td></tr></table>
            <pre>a &lt; b
              c</pre>
            <footer>imprint</footer>
            """)
        #expect(found.title == "My & page")
        #expect(found.language == "de-AT")
        #expect(
            found.texts == [
                "Big title", "One two\u{A0}three €€€ &unknown; a < b\nnext", "- First", "- Second", "  - Inner",
                "City | People", "Oslo | 709,000", "a < b\n  c",
            ])
    }

    @Test("navigation that is never closed does not swallow the page")
    func openNavigation() async throws {
        #expect(try await read("<html><nav><a>x</a><main><p>Text</p>").texts == ["Text"])
    }

    @Test("a table's rows name their columns")
    func table() async throws {
        let found = try await read(
            "City;People;Note\r\nOslo;\"709,000\";\"a \"\"b\"\"\nc\"\r\nRome;;x\r\n", name: "a.csv")
        #expect(found.kind == .table(separator: UInt8(ascii: ";")))
        #expect(found.texts == ["City: Oslo; People: 709,000; Note: a \"b\" c", "City: Rome; Note: x"])
        #expect(try await read("1,2\n3,4\n", name: "a.csv").texts == ["1; 2", "3; 4"])
    }

    @Test("a quote that is never closed takes no more than a block")
    func openQuote() async throws {
        let rows = (0..<5000).map { "\($0),x\n" }.joined()
        let found = try await read("id,v\n1,\"open\n" + rows, name: "a.csv")
        #expect(found.blocks.count > 1000)
        #expect(found.blocks.allSatisfy { $0.text.utf8.count <= DocumentTextLimits.blockBytes })
    }

    @Test("a row of nothing but separators takes no more than a block")
    func longRow() async throws {
        let found = try await read("a" + String(repeating: ",", count: 50_000) + "b", name: "a.csv")
        #expect(found.texts == ["a", "b"])
    }

    @Test("a long text in JSON goes out in pieces of whole characters, also where all is escaped")
    func longString() async throws {
        for unit in ["é", "漢", "\\u0041"] {
            let found = try await read("{\"a\":\"" + String(repeating: unit, count: 1_100_000) + "\"}", name: "a.json")
            #expect(found.blocks.count { $0.text.hasPrefix("a: ") } > 1)
            #expect(!found.extracted.unicodeScalars.contains("\u{FFFD}"))
        }
    }

    @Test("JSON is read as paths and values")
    func json() async throws {
        let found = try await read(
            #"{"users":[{"name":"Ada \u00e9 \ud83d\ude00","tags":["x",true,null,-1.5e3]},{"name":"B\nC"}],"e":{}}"#)
        #expect(
            found.extracted
                == "users[0].name: Ada é 😀\nusers[0].tags[0]: x\nusers[0].tags[1]: true\nusers[0].tags[3]: -1.5e3\n"
                + "users[1].name: B\nC")
        #expect(try await read("{\"a\":1}\n{\"a\":2}\n", name: "x.jsonl").texts == ["a: 1", "a: 2"])
    }

    @Test(
        "damaged JSON is refused",
        arguments: [
            "{\"a\":", "{\"a\" 1}", "{\"a\":1]", "[1,]x", "{\"a\":tru}", "{\"a\":\"\\x\"}", "{\"a\":1}}",
            "{\"a\":" + String(repeating: "[", count: 300) + "1",
        ])
    func damagedJSON(_ text: String) async throws {
        #expect(try await refusal(Array(text.utf8), name: "a.json")?.code == .malformed)
    }

    @Test("a line of megabytes becomes blocks of a bounded size that join to the line")
    func longLine() async throws {
        for (name, unit) in [
            ("a.txt", "word "), ("b.txt", "é"), ("a.md", "漢"), ("a.html", "y"), ("b.html", "😀"), ("a.swift", "zz "),
        ] {
            let line = String(repeating: unit, count: 200_000)
            let found = try await read(line, name: name)
            #expect(found.blocks.count > 5)
            #expect(found.blocks.allSatisfy { $0.text.utf8.count <= DocumentTextLimits.blockBytes })
            #expect(found.extracted.filter { $0 != " " }.count == line.filter { $0 != " " }.count)
            #expect(!found.extracted.unicodeScalars.contains("\u{FFFD}"))
        }
    }
}
