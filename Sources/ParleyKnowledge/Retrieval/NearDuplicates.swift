//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCore

/// Leaves out passages that say what a better one says already.
///
/// Passages are the same when most runs of four words of the shorter one are in the other one too (Broder 1997, *On the
/// resemblance and containment of documents*), or when most of the place that they take in one document is the same.
/// Near vectors alone do not make them so: rows of a price list have those, and one of them is the answer.
struct NearDuplicates {
    /// The part of the shorter passage that makes it a repeat.
    private static let repeatedPart = 0.8
    /// Words in a run.
    private static let runWords = 4

    private struct Kept {
        var passage: StoredPassage
        var runs: Set<UInt64>
    }

    private var kept: [Kept] = []

    /// - Returns: whether the passage adds to those that were taken before; then it is taken.
    mutating func take(_ passage: StoredPassage) -> Bool {
        let runs = Self.runs(of: passage.text)
        let repeats = self.kept.contains { other in
            Self.overlap(passage, other.passage) || Self.isRepeat(runs, other.runs)
        }
        guard !repeats else { return false }
        self.kept.append(Kept(passage: passage, runs: runs))
        return true
    }

    private static func overlap(_ one: StoredPassage, _ other: StoredPassage) -> Bool {
        guard one.documentID == other.documentID else { return false }
        let shorter = min(one.range.count, other.range.count)
        return shorter > 0
            && Double(one.range.clamped(to: other.range).count) >= Double(shorter) * self.repeatedPart
    }

    private static func isRepeat(_ one: Set<UInt64>, _ other: Set<UInt64>) -> Bool {
        let (shorter, longer) = one.count <= other.count ? (one, other) : (other, one)
        guard !shorter.isEmpty else { return longer.isEmpty }
        // A short note that a long passage quotes is found as itself.
        guard shorter.count * 2 >= longer.count else { return false }
        let needed = Int((Double(shorter.count) * self.repeatedPart).rounded(.up))
        var missing = 0
        for run in shorter where !longer.contains(run) {
            missing += 1
            if missing > shorter.count - needed { return false }
        }
        return true
    }

    /// Hashes of all runs of words; of a text with fewer words the one of all.
    private static func runs(of text: String) -> Set<UInt64> {
        let words = self.words(of: text)
        let length = min(self.runWords, words.count)
        guard length > 0 else { return [] }
        return Set((0...(words.count - length)).map { words[$0..<($0 + length)].reduce(0) { $0 &* 31 &+ $1 } })
    }

    /// Hashes (FNV-1a) of the words, without regard to the case of Latin letters. It goes by bytes, since it reads
    /// whole passages: what is not ASCII belongs to words, and a character of three bytes or more, as in scripts
    /// without spaces, begins one.
    private static func words(of text: String) -> [UInt64] {
        let start: UInt64 = 0xcbf2_9ce4_8422_2325
        var (words, word): ([UInt64], UInt64) = ([], start)
        for byte in text.utf8 {
            let isLetter = byte >= 0x80 || (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte | 0x20)
            if word != start, !isLetter || byte >= 0xE0 {
                words.append(word)
                word = start
            }
            guard isLetter else { continue }
            word = (word ^ UInt64(byte < 0x80 ? byte | 0x20 : byte)) &* 0x100_0000_01b3
        }
        if word != start { words.append(word) }
        return words
    }
}
