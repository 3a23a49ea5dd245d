//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCore

/// Finds what a user asks in plain words to be remembered: honoured without any model.
enum RememberRule {
    /// What follows “remember that”, or `nil`. Only a request at the beginning of a line or sentence counts, so that
    /// “I remember that …” and “do you remember that …?” do not.
    static func fact(in text: String) -> String? {
        for sentence in Self.sentences(text) {
            let words = sentence.lowercased()
            for opening in Self.openings where words.hasPrefix(opening) {
                let rest = sentence.dropFirst(opening.count).drop { $0.isWhitespace || ":,".contains($0) }
                guard !sentence.hasSuffix("?"), let fact = MemoryFact(String(rest))?.text else { continue }
                return fact
            }
        }
        return nil
    }

    /// Whether a message may say something about its writer: it has a word of the first person, or is in a script of
    /// which no words are known here. Others are not worth the question to a model.
    static func mayTellOfTheUser(_ text: String) -> Bool {
        let words = Self.ownLines(text).flatMap { $0.lowercased().split { !$0.isLetter } }
        guard words.count > 1 else { return words.first?.unicodeScalars.contains { $0.value > 0x24F } ?? false }
        return words.contains { word in
            Self.firstPerson.contains(word) || word.unicodeScalars.contains { $0.value > 0x24F }
        }
    }

    private static let firstPerson: Set<Substring> = [
        "i", "my", "me", "mine", "myself", "we", "our", "us", "ich", "mein", "meine", "meinen", "meinem", "meiner",
        "mir",
        "mich", "wir", "unser", "unsere", "uns", "je", "j", "mon", "ma", "mes", "moi", "nous", "notre", "nos", "yo",
        "mi",
        "mis", "nosotros", "nuestro", "nuestra", "io", "mio", "mia", "miei", "noi", "nostro", "eu", "meu", "minha",
        "ik",
        "mijn", "wij", "jag", "min", "mitt", "mina", "jeg", "ja", "mój", "moja", "ben", "benim",
    ]

    private static let openings = [
        "remember that ", "please remember that ", "remember: ", "please remember: ", "keep in mind that ",
        "please keep in mind that ", "don't forget that ", "do not forget that ", "merk dir, dass ", "merke dir, dass ",
        "bitte merk dir, dass ", "bitte merke dir, dass ", "merk dir: ", "vergiss nicht, dass ",
        "souviens-toi que ", "retiens que ", "recuerda que ",
    ]

    /// The lines that are the user's own: quotations and code are others' words.
    static func ownLines(_ text: String) -> [Substring] {
        var isCode = false
        return text.cut(toBytes: ChatLimits.learnedFromBytes).split(whereSeparator: \.isNewline)
            .map { $0.drop(while: \.isWhitespace) }
            .filter { line in
                let isFence = line.hasPrefix("```")
                if isFence { isCode.toggle() }
                return !isCode && !isFence && !line.hasPrefix(">")
            }
    }

    private static func sentences(_ text: String) -> [Substring] {
        var sentences: [Substring] = []
        for line in Self.ownLines(text) {
            var rest = line
            while let end = rest.indices.first(where: { index in
                ".!?".contains(rest[index])
                    && (rest.index(after: index) == rest.endIndex || rest[rest.index(after: index)].isWhitespace)
            }) {
                sentences.append(rest[...end])
                rest = rest[rest.index(after: end)...].drop(while: \.isWhitespace)
            }
            if !rest.isEmpty { sentences.append(rest) }
        }
        return sentences
    }
}

/// One fact, fit to be kept: one line, not empty, not too long.
struct MemoryFact: Hashable, Sendable {
    let text: String

    init?(_ words: String) {
        let line = QuotedText.neutral(words).split(whereSeparator: \.isWhitespace).joined(separator: " ")
        guard let first = line.first, line.contains(where: \.isLetter),
            line.utf8.count <= CoreLimits.memoryBytes
        else { return nil }
        self.text = first.uppercased() + line.dropFirst()
    }

    /// For comparison: lower case, letters and digits only.
    static func normalised(_ text: String) -> String {
        text.lowercased().split { !$0.isLetter && !$0.isNumber }.joined(separator: " ")
    }
}
