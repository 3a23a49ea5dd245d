//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation
import ParleyCore
import Testing

@testable import ParleyKnowledge

@Suite("Markdown becomes passages")
struct MarkdownPassagesTests {
    private func passages(_ markdown: String) -> [Passage] {
        MarkdownPassages(markdown, documentID: "guide/models", title: "Models").passages
    }

    private func words(_ count: Int, _ word: String = "word") -> String {
        (1...count).map { "\(word)\($0)" }.joined(separator: " ")
    }

    @Test("a section is a passage that knows the titles above it and its anchor")
    func sections() {
        let found = self.passages(
            """
            # Model servers

            \(self.words(30))

            ## Several servers

            \(self.words(30, "b"))

            ### In order of `preference`

            \(self.words(30, "c"))

            ## Keys
            \(self.words(30, "d"))
            """)
        #expect(
            found.map(\.title) == [
                "Model servers", "Model servers › Several servers",
                "Model servers › Several servers › In order of preference", "Model servers › Keys",
            ])
        #expect(
            found.map(\.documentID) == [
                "guide/models#model-servers", "guide/models#several-servers", "guide/models#in-order-of-preference",
                "guide/models#keys",
            ])
        #expect(found[1].text == self.words(30, "b"))
    }

    @Test("a short introduction goes with the section below it, a short section does not")
    func introductions() {
        let found = self.passages("# A\n\nBrief.\n\n## B\n\n\(self.words(30))\n\n## C\n\nTiny.\n\n## D\n\nSmall.")
        #expect(found.map(\.title) == ["A › B", "A › C", "A › D"])
        #expect(found[0].text.hasPrefix("Brief.\n\nB\n\nword1"))
    }

    @Test("a long section is cut between blocks, a long block between sentences")
    func longSections() {
        let sentence = self.words(19) + " end. "
        let found = self.passages(
            "# A\n\n" + (0..<8).map { _ in self.words(60) }.joined(separator: "\n\n") + "\n\n"
                + String(repeating: sentence, count: 40))
        for passage in found {
            let count = passage.text.split(whereSeparator: \.isWhitespace).count
            #expect(count <= KnowledgeLimits.passageWords)
            #expect(passage.documentID == "guide/models#a")
        }
        let whole = found.map(\.text).joined(separator: " ").split(whereSeparator: \.isWhitespace)
        #expect(whole.count == 8 * 60 + 40 * 20)
        #expect(found.dropLast().allSatisfy { $0.text.split(whereSeparator: \.isWhitespace).count >= 100 })
    }

    @Test("code stays whole, whatever is in it", arguments: ["```", "~~~~", "   ```"])
    func code(_ fence: String) {
        let code = "\(fence)sh\n# not a heading\n\n<!-- not a comment\n\(self.words(300))\n``\n\(fence)"
        let found = self.passages("# A\n\nBefore.\n\n\(code)\n\nAfter.\n\n## B\n\nb")
        let holding = found.filter { $0.text.contains("not a heading") }
        #expect(holding.count == 1)
        #expect(holding[0].text.contains(code))
        #expect(found.last?.title == "A › B")
    }

    @Test("a fence that is never closed ends with the document")
    func openFence() {
        let found = self.passages("# A\n\n```\ncode\n\n# still code")
        #expect(found.map(\.text) == ["```\ncode\n\n# still code"])
    }

    @Test("front matter and comments are no text")
    func dropped() {
        let found = self.passages("---\ntitle: x\n---\n# A\n<!-- one\n\ntwo -->\nText. \n<!-- three -->")
        #expect(found.map(\.text) == ["Text."])
    }

    @Test("underlined headings count, and list rules do not")
    func underlined() {
        let found = self.passages("Title\n=====\n\nSome text.\n\nPart\n----\n\n- a\n- b\n\n---\n\nmore")
        #expect(found.map(\.title) == ["Title › Part"])
    }

    @Test("headings of one name have anchors of their own")
    func anchors() {
        let found = self.passages(
            "# A\n\n## On [Linux](x.md)\n\none\n\n## On Linux\n\ntwo\n\n## Über *alles* & more\n\nthree")
        #expect(
            found.map(\.documentID) == [
                "guide/models#on-linux", "guide/models#on-linux-1", "guide/models#über-alles--more",
            ])
        #expect(found[0].title == "A › On Linux")
    }

    @Test("a document without headings takes the given title")
    func untitled() {
        #expect(
            self.passages("Just text.\r\n\r\nAnd more.\r\n")
                == [Passage(documentID: "guide/models", title: "Models", text: "Just text.\n\nAnd more.")])
        #expect(self.passages("").isEmpty)
        #expect(self.passages("# Only\n\n## Headings").isEmpty)
    }

    @Test("no cut of a document loses a word or crashes", arguments: 1...20)
    func fuzz(_ seed: Int) {
        var state = UInt64(seed) &* 0x9E37_79B9_7F4A_7C15
        func random(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % bound
        }
        let parts = [
            "# a", "## b", "```", "~~~", "- x y", "| a | b |", "\n", "\r\n", "text. ", "---", "===", "<!--", "-->",
            "  ",
            "“q”", "日本", "\u{FEFF}", "#", "####### no", "[l](u)", self.words(120),
        ]
        let document = (0..<200).map { _ in parts[random(parts.count)] + (random(2) == 0 ? "\n" : " ") }.joined()
        for passage in self.passages(document) {
            #expect(!passage.text.isEmpty && passage.title.hasPrefix("Models") || passage.documentID.contains("#"))
        }
    }
}

@Suite("the manual is loaded from a folder")
struct ManualLoaderTests {
    @Test("each Markdown file is read, in order, and what cannot be read is named")
    func loading() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("parley-\(UUID())/guide")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder.deletingLastPathComponent()) }
        func write(_ name: String, _ data: Data) throws {
            try data.write(to: folder.appendingPathComponent(name))
        }
        try write("second.md", Data("# Two\n\ntext two".utf8))
        try write("first-steps.md", Data("text one".utf8))
        try write("notes.txt", Data("no".utf8))
        try write("broken.md", Data([0xFF, 0xFE, 0x41]))
        try write("huge.md", Data(repeating: 0x41, count: KnowledgeLimits.manualFileBytes + 1))
        try FileManager.default.createDirectory(
            at: folder.appendingPathComponent("folder.md"), withIntermediateDirectories: false)
        let manual = ManualLoader(folder: folder.path).load()
        #expect(manual.passages.map(\.documentID) == ["guide/first-steps", "guide/second#two"])
        #expect(manual.passages.map(\.title) == ["First steps", "Two"])
        #expect(manual.skipped == ["broken.md", "folder.md", "huge.md"])
    }

    @Test("a folder that is not there is an empty manual")
    func missing() {
        let manual = ManualLoader(folder: "/nowhere/guide").load()
        #expect(manual.passages.isEmpty && manual.skipped.isEmpty)
    }
}
