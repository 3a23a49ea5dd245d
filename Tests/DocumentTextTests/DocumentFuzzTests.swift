//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import DocumentText
import SeededRandom
import Testing

@Suite("Whatever bytes a file has", .timeLimit(.minutes(2)))
struct DocumentFuzzTests {
    private static let tokens: [String] = [
        "<", ">", "</", "<!--", "-->", "<table><tr><td>", "<pre>", "</pre>", "<nav>", "<script>", "</script", "&amp;",
        "&#", "\"",
        "'", "=", "#", "# ", "```", "\n", "\r\n", "\n\n", "- ", "| ", "{", "}", "[", "]", ":", ",", "\\u12", "\\", "é",
        "😀", "\u{FEFF}",
        "\t", ";", "word ", "<![CDATA[", "]]>", "<h1>", "<title>", "---\n", "\u{C}",
    ]

    @Test("it is read in blocks of a bounded size and with true places, or refused", arguments: 0..<30)
    func random(_ seed: Int) async throws {
        var random = SeededGenerator(seed: seed)
        for name in ["a.txt", "a.md", "a.html", "a.csv", "a.json", "a.xml", "a.c"] {
            var bytes: [UInt8] = []
            for _ in 0..<Int.random(in: 1...400, using: &random) {
                bytes += Array((Self.tokens.randomElement(using: &random) ?? "").utf8)
                if Int.random(in: 0..<100, using: &random) == 0 {
                    bytes.append(UInt8.random(in: 0...255, using: &random))
                }
            }
            do {
                let found = try await read(bytes, name: name)
                let scalars = Array(found.extracted.unicodeScalars)
                for block in found.blocks {
                    #expect(block.text.utf8.count <= DocumentTextLimits.blockBytes + 64)
                    #expect(String(String.UnicodeScalarView(scalars[block.range])) == block.text)
                }
            } catch let error as DocumentError {
                #expect(!error.reason.isEmpty)
            }
        }
    }
}
