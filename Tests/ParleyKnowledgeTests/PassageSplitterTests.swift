//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import DocumentText
import Testing

@testable import ParleyKnowledge

/// Blocks with their places, and the text that they stand for.
private struct Text {
    var blocks: [TextBlock] = []
    var extracted = ""

    mutating func add(_ kind: TextBlock.Kind, _ text: String, separator: String = "\n\n", page: Int? = nil) {
        let separator = self.blocks.isEmpty ? "" : separator
        let start = self.extracted.unicodeScalars.count + separator.unicodeScalars.count
        self.extracted += separator + text
        self.blocks.append(
            TextBlock(
                kind: kind, text: text, separator: separator, page: page,
                range: start..<self.extracted.unicodeScalars.count))
    }
}

/// A token is a word, and each five letters more of a longer one.
private func count(_ text: String) -> Int {
    text.split(whereSeparator: \.isWhitespace).reduce(0) { $0 + ($1.unicodeScalars.count + 4) / 5 }
}

private func split(_ text: Text, _ limits: PassageSplitter.Limits = .init()) -> [PassageDraft] {
    var splitter = PassageSplitter(limits: limits, countTokens: count)
    return text.blocks.flatMap { splitter.take($0) } + splitter.finish()
}

private func sentences(_ count: Int, _ word: String = "word") -> String {
    (0..<count).map { "The \(word) \($0) is in here." }.joined(separator: " ")
}

@Suite("Documents become passages")
struct PassageSplitterTests {
    @Test("a passage knows its headings, its page and its place")
    func places() {
        var text = Text()
        text.add(.heading(level: 1), "Guide", page: 1)
        text.add(.paragraph, sentences(10), page: 1)
        text.add(.heading(level: 2), "Part", page: 2)
        text.add(.paragraph, "Short.", page: 2)
        text.add(.heading(level: 2), "Last", page: 3)
        text.add(.paragraph, sentences(10), page: 3)
        let found = split(text)
        #expect(found.map(\.headingPath) == [["Guide"], ["Guide", "Part"], ["Guide", "Last"]])
        #expect(found.map(\.page) == [1, 2, 3])
        #expect(found.map(\.ordinal) == [0, 1, 2])
        #expect(found[1].text == "Short.")
    }

    @Test("a short introduction goes with the section below it")
    func introduction() {
        var text = Text()
        text.add(.heading(level: 1), "A")
        text.add(.paragraph, "Brief.")
        text.add(.heading(level: 2), "B")
        text.add(.paragraph, sentences(10))
        let found = split(text)
        #expect(found.map(\.headingPath) == [["A", "B"]])
        #expect(found[0].text.hasPrefix("Brief.\n\nB\n\nThe"))
    }

    @Test("a heading under which nothing stands is kept")
    func bareHeadings() {
        var text = Text()
        for name in ["One", "Two", "Three"] { text.add(.heading(level: 2), name) }
        #expect(split(text).map(\.text) == ["One", "Two", "Three"])
    }

    @Test("a long section is cut between sentences, and the last are repeated")
    func overlap() {
        var text = Text()
        text.add(.paragraph, sentences(200))
        let found = split(text)
        #expect(found.count > 4)
        for (before, after) in zip(found, found.dropFirst()) {
            #expect(before.text.hasSuffix("."))
            #expect(after.range.lowerBound < before.range.upperBound)
            #expect(before.range.upperBound - after.range.lowerBound < 32 * 6)
        }
        var limits = PassageSplitter.Limits()
        limits.overlapTokens = 0
        for (before, after) in zip(split(text, limits), split(text, limits).dropFirst()) {
            #expect(after.range.lowerBound > before.range.upperBound)
        }
    }

    @Test("code stays whole up to its limit")
    func code() {
        var limits = PassageSplitter.Limits()
        limits.passageTokens = 40
        limits.wholeTokens = 80
        var text = Text()
        text.add(.paragraph, sentences(4))
        text.add(.code, (0..<20).map { "let a\($0) = 1" }.joined(separator: "\n"))
        text.add(.paragraph, "End.")
        #expect(split(text, limits).contains { $0.text.contains("let a0 =") && $0.text.contains("let a19 =") })
    }

    @Test("flags and marks stay together where a word is cut")
    func characters() {
        var limits = PassageSplitter.Limits()
        limits.passageTokens = 3
        limits.wholeTokens = 3
        var text = Text()
        text.add(.paragraph, String(repeating: "👨‍👩‍👧e\u{301}🇦🇹", count: 200))
        for passage in split(text, limits) {
            #expect(!passage.text.hasPrefix("\u{301}"))
            #expect(!passage.text.unicodeScalars.elementsEqual(["\u{200D}"]))
        }
    }

    @Test("nothing is lost, places are ordered and true, sizes hold", arguments: 0..<60)
    func properties(_ seed: Int) {
        var random = KnowledgeRandom(seed: UInt64(seed))
        var limits = PassageSplitter.Limits()
        limits.passageTokens = Int.random(in: 8...100, using: &random)
        limits.fullPassageTokens = limits.passageTokens / 2
        limits.overlapTokens = Int.random(in: 0...20, using: &random)
        limits.wholeTokens = limits.passageTokens
        let words = [
            "a", "Word.", "is", "(so!)", "e.g.", "漢字。漢字", "naïve", "😀", String(repeating: "x", count: 700), "end?",
            "\n",
        ]
        let kinds: [TextBlock.Kind] = [
            .paragraph, .paragraph, .code, .listItem, .tableRow, .heading(level: 1), .heading(level: 3),
        ]
        var text = Text()
        for _ in 0..<Int.random(in: 1...40, using: &random) {
            let kind = kinds.randomElement(using: &random) ?? .paragraph
            let isHeading = if case .heading = kind { true } else { false }
            let length = isHeading ? 2 : Int.random(in: 1...120, using: &random)
            let body = (0..<length).compactMap { _ in words.randomElement(using: &random) }.joined(separator: " ")
            text.add(kind, "w" + body + "w", separator: ["\n\n", "\n", ""].randomElement(using: &random) ?? "")
        }
        let found = split(text, limits)
        let scalars = Array(text.extracted.unicodeScalars)
        var covered = [Bool](repeating: false, count: scalars.count)
        for passage in found {
            #expect(String(String.UnicodeScalarView(scalars[passage.range])) == passage.text)
            #expect(passage.tokens <= limits.passageTokens)
            #expect(passage.text.contains { !$0.isWhitespace })
            for index in passage.range { covered[index] = true }
        }
        for (before, after) in zip(found, found.dropFirst()) {
            #expect(before.range.lowerBound < after.range.lowerBound)
            #expect(before.range.upperBound < after.range.upperBound)
        }
        for block in text.blocks {
            if case .heading = block.kind { continue }
            #expect(block.range.allSatisfy { covered[$0] || scalars[$0].properties.isWhitespace })
        }
    }
}
