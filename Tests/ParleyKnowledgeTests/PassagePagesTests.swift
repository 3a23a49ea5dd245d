//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import DocumentText
import ParleyKnowledge
import Testing

@Suite("Passages and pages")
struct PassagePagesTests {
    @Test("a passage lies on one page, which is the one that it names, however short the pages are")
    func pages() {
        var splitter = PassageSplitter { $0.split(separator: " ").count }
        var drafts: [PassageDraft] = []
        var start = 0
        for page in 1...4 {
            for sentence in 0..<(page == 3 ? 90 : 2) {
                let text = "Page \(page) says sentence \(sentence)."
                let range = start..<(start + text.unicodeScalars.count)
                let separator = start == 0 ? "" : "\n\n"
                drafts += splitter.take(
                    TextBlock(kind: .paragraph, text: text, separator: separator, page: page, range: range))
                start = range.upperBound + 2
            }
        }
        drafts += splitter.finish()
        #expect(Set(drafts.compactMap(\.page)) == [1, 2, 3, 4])
        #expect(drafts.filter { $0.page == 3 }.count > 1)
        for draft in drafts {
            for page in 1...4 where page != draft.page {
                #expect(!draft.text.contains("Page \(page) says"), "\(draft)")
            }
        }
    }
}
