//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
public import DocumentText

/// Puts a document's blocks together to passages, and cuts blocks that are too long for one.
///
/// A passage never goes on under another heading, so that its heading path says what it is about; only a short
/// introduction goes with the first section below it. Passages end where blocks end, or else sentences, lines, words
/// and, in a word without end, scalars. When a section needs several passages, the last sentences of one are the first
/// of the next, so that what is said at a border is found from both sides. Only a page's end is not gone over.
public struct PassageSplitter {
    public struct Limits: Hashable, Sendable {
        /// A passage has at most this many tokens.
        public var passageTokens = KnowledgeLimits.passageTokens
        /// A passage with at least this many tokens is closed before a block that does not fit.
        public var fullPassageTokens = KnowledgeLimits.fullPassageTokens
        /// Sentences that a passage repeats from the one before, in tokens.
        public var overlapTokens = KnowledgeLimits.overlapTokens
        /// Code stays whole up to this many tokens, even where that is more than a passage should have.
        public var wholeTokens = KnowledgeLimits.wholeTokens
        /// An introduction with fewer tokens goes with the first section below it.
        public var introductionTokens = KnowledgeLimits.introductionTokens
        /// Whether a heading under which nothing stands is a passage by itself.
        public var keepsBareHeadings = true

        public init() {}
    }

    private let limits: Limits
    private let cutter: BlockCutter
    private var path: [(level: Int, text: String)] = []
    /// The heading under which nothing stands yet.
    private var bareHeading: TextBlock?
    private var units: [PassageUnit] = []
    private var tokens = 0
    /// How many of the units were in the passage before.
    private var repeated = 0
    private var ordinal = 0
    private var drafts: [PassageDraft] = []

    /// - Parameter countTokens: how many tokens a text has for the model that will read it. It should be additive, more
    ///   or less: a passage's tokens are the sum of those of its sentences.
    public init(limits: Limits = Limits(), countTokens: @escaping @Sendable (String) -> Int) {
        self.limits = limits
        self.cutter = BlockCutter(mostTokens: limits.passageTokens, wholeTokens: limits.wholeTokens, count: countTokens)
    }

    /// Takes the next block of the document.
    ///
    /// - Returns: the passages that are complete by it, mostly none.
    public mutating func take(_ block: TextBlock) -> [PassageDraft] {
        if case .heading(let level) = block.kind {
            self.begin(level, block)
        } else {
            self.bareHeading = nil
            self.add(block)
        }
        defer { self.drafts = [] }
        return self.drafts
    }

    /// The passages that the end of the document completes.
    public mutating func finish() -> [PassageDraft] {
        self.keepBareHeading()
        self.close(repeats: false)
        defer { self.drafts = [] }
        return self.drafts
    }

    private mutating func begin(_ level: Int, _ block: TextBlock) {
        let above = self.path.last?.level ?? 0
        let isDeeper = level > above
        // A heading that leads to other headings is in their paths; any other would be lost.
        if !isDeeper { self.keepBareHeading() }
        let fresh = self.tokens > 0 && self.repeated < self.units.count
        let heading = self.cutter.units(of: block)
        let tokens = heading.reduce(self.tokens) { $0 + $1.tokens }
        if fresh, isDeeper, self.tokens < self.limits.introductionTokens, tokens <= self.limits.passageTokens {
            // The introduction's passage goes on over the heading, which so becomes part of its text.
            self.units += heading
            self.tokens = tokens
        } else {
            self.close(repeats: false)
        }
        self.path.removeAll { $0.level >= level }
        self.path.append((level, String(block.text.prefix(KnowledgeLimits.headingCharacters))))
        self.bareHeading = block
    }

    private mutating func keepBareHeading() {
        guard self.limits.keepsBareHeadings, self.units.isEmpty, let heading = self.bareHeading else { return }
        self.bareHeading = nil
        self.add(heading)
        self.close(repeats: false)
    }

    private mutating func add(_ block: TextBlock) {
        // What is quoted from a passage is looked up on the page that the passage names.
        if let last = self.units.last, last.page != block.page { self.close(repeats: false) }
        let units = self.cutter.units(of: block)
        let blockTokens = units.reduce(0) { $0 + $1.tokens }
        if self.tokens + blockTokens > self.limits.passageTokens, self.tokens >= self.limits.fullPassageTokens {
            self.close(repeats: true)
        }
        for unit in units {
            if self.tokens > 0, self.tokens + unit.tokens > self.limits.passageTokens {
                self.close(repeats: true)
                // What is repeated must leave room for what is new.
                while self.tokens > 0, self.tokens + unit.tokens > self.limits.passageTokens {
                    self.tokens -= self.units.removeFirst().tokens
                    self.repeated -= 1
                }
            }
            self.units.append(unit)
            self.tokens += unit.tokens
        }
    }

    private mutating func close(repeats: Bool) {
        guard let first = self.units.first, let last = self.units.last, self.repeated < self.units.count else {
            self.units = []
            self.tokens = 0
            self.repeated = 0
            return
        }
        var text = first.text
        for unit in self.units.dropFirst() { text += unit.separator + unit.text }
        self.drafts.append(
            PassageDraft(
                ordinal: self.ordinal, headingPath: self.path.map(\.text), page: first.page,
                range: first.range.lowerBound..<last.range.upperBound, text: text, tokens: self.tokens))
        self.ordinal += 1
        var kept = 0
        var keptTokens = 0
        if repeats {
            for unit in self.units.dropFirst().reversed() {
                guard unit.isProse, keptTokens + unit.tokens <= self.limits.overlapTokens else { break }
                kept += 1
                keptTokens += unit.tokens
            }
        }
        self.units.removeFirst(self.units.count - kept)
        self.tokens = keptTokens
        self.repeated = kept
    }
}
