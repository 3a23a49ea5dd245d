//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// The citations in an answer's text.
///
/// A citation is a bracket that holds nothing but numbers, separated by commas or semicolons, and ranges of them:
/// `[1]`, `[1, 2]`, `[1-3]`, `[1–3]`. It is none in code (between backticks, or in a fenced block), after a backslash,
/// and when a `(` or, at the beginning of a line, a `:` follows: then it is a link of Markdown.
public enum Citations {
    /// The longest range that is taken for one.
    static let longestRange = 50
    /// The longest text between brackets that is looked at, in Unicode scalars.
    static let longestBracket = 60

    /// The numbers that the text cites, each once, in the order of their first use.
    public static func used(in text: String) -> [Int] {
        var reader = CitationReader(text)
        reader.read()
        return reader.numbers
    }
}

/// Walks over a text once.
private struct CitationReader {
    private let scalars: [Unicode.Scalar]
    private var place = 0
    private var seen: Set<Int> = []
    private(set) var numbers: [Int] = []

    init(_ text: String) {
        self.scalars = Array(text.unicodeScalars)
    }

    mutating func read() {
        var lineStart = true
        while self.place < self.scalars.count {
            if lineStart, let fence = self.fence(at: self.place) {
                self.skipFenced(fence)
                lineStart = true
                continue
            }
            let scalar = self.scalars[self.place]
            switch scalar {
            case "`": self.skipCode()
            case "\\": self.place += 2
            case "[": self.readBracket(atLineStart: lineStart)
            default: self.place += 1
            }
            lineStart = scalar == "\n"
        }
    }

    private func scalar(at index: Int) -> Unicode.Scalar? {
        self.scalars.indices.contains(index) ? self.scalars[index] : nil
    }

    private func run(of scalar: Unicode.Scalar, at start: Int) -> Int {
        var end = start
        while self.scalar(at: end) == scalar { end += 1 }
        return end - start
    }

    // MARK: Code

    /// The mark and length of a fence on the line that begins here, after at most three spaces.
    private func fence(at start: Int) -> (mark: Unicode.Scalar, length: Int)? {
        let indent = self.run(of: " ", at: start)
        guard indent < 4, let mark = self.scalar(at: start + indent), mark == "`" || mark == "~" else { return nil }
        let length = self.run(of: mark, at: start + indent)
        return length >= 3 ? (mark, length) : nil
    }

    /// Goes behind the line that closes the fence, or to the end.
    private mutating func skipFenced(_ fence: (mark: Unicode.Scalar, length: Int)) {
        self.skipLine()
        while self.place < self.scalars.count {
            if let close = self.fence(at: self.place), close.mark == fence.mark, close.length >= fence.length {
                return self.skipLine()
            }
            self.skipLine()
        }
    }

    private mutating func skipLine() {
        while let scalar = self.scalar(at: self.place) {
            self.place += 1
            if scalar == "\n" { return }
        }
    }

    /// Goes behind inline code: to as many backticks as it began with, or only over these when there are none.
    private mutating func skipCode() {
        let length = self.run(of: "`", at: self.place)
        var end = self.place + length
        while end < self.scalars.count {
            let run = self.run(of: "`", at: end)
            if run == length {
                self.place = end + run
                return
            }
            // Code does not reach over an empty line.
            if self.scalars[end] == "\n", self.scalar(at: end + 1) == "\n" { break }
            end += max(1, run)
        }
        self.place += length
    }

    // MARK: Brackets

    private mutating func readBracket(atLineStart: Bool) {
        let start = self.place + 1
        self.place = start
        let limit = min(self.scalars.count, start + Citations.longestBracket)
        guard start < limit, let close = self.scalars[start..<limit].firstIndex(of: "]") else { return }
        let next = self.scalar(at: close + 1)
        guard next != "(", !(atLineStart && next == ":"), let found = Self.numbers(self.scalars[start..<close])
        else { return }
        self.place = close + 1
        for number in found where self.seen.insert(number).inserted { self.numbers.append(number) }
    }

    /// The numbers of `1, 2; 4-6`; `nil` when there is anything else.
    private static func numbers(_ inside: ArraySlice<Unicode.Scalar>) -> [Int]? {
        var numbers: [Int] = []
        for part in inside.split(omittingEmptySubsequences: false, whereSeparator: { $0 == "," || $0 == ";" }) {
            let ends = part.split(omittingEmptySubsequences: false) { $0 == "-" || $0 == "–" || $0 == "—" }
                .map(Self.number)
            switch ends.count {
            case 1:
                guard let number = ends[0] else { return nil }
                numbers.append(number)
            case 2:
                guard let first = ends[0], let last = ends[1], first <= last,
                    last - first < Citations.longestRange
                else { return nil }
                numbers.append(contentsOf: first...last)
            default: return nil
            }
        }
        return numbers
    }

    /// One to three digits with spaces around them; 0 is none.
    private static func number(_ part: ArraySlice<Unicode.Scalar>) -> Int? {
        let digits = part.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed()
        guard (1...3).contains(digits.count), digits.allSatisfy({ ("0"..."9").contains($0) }) else { return nil }
        let number = digits.reduce(0) { $0 * 10 + Int($1.value - 48) }
        return number > 0 ? number : nil
    }
}
