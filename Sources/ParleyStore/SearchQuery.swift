//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCore

/// What a user typed into a search box, as a safe FTS5 query (https://www.sqlite.org/fts5.html#full_text_query_syntax).
///
/// Every word must occur; the last one may be the beginning of a word. Nothing that the user types is an operator:
/// words are quoted, and what no word can hold separates them.
struct SearchQuery {
    /// Letters, digits and marks of the query, split at everything else.
    let words: [String]

    /// - Returns: `nil` when the text holds no word, so that nothing can be found.
    init?(_ text: String) {
        var words: [String] = []
        var word = String.UnicodeScalarView()
        for scalar in text.unicodeScalars.prefix(CoreLimits.queryBytes) {
            if Self.isWordScalar(scalar) {
                word.append(scalar)
            } else if !word.isEmpty {
                words.append(String(word))
                word = String.UnicodeScalarView()
            }
            if words.count == StoreLimits.queryWords { break }
        }
        if !word.isEmpty, words.count < StoreLimits.queryWords {
            words.append(String(word))
        }
        // A mark alone is no word to the index, and an empty phrase would match nothing.
        self.words = words.filter {
            $0.unicodeScalars.contains { $0.properties.isAlphabetic || $0.properties.numericType != nil }
        }
        if self.words.isEmpty { return nil }
    }

    /// The FTS5 expression for the texts of one owner.
    ///
    /// - Parameters:
    ///   - column: the column that holds the text.
    ///   - owner: the number of the owner, a word of the `owner` column.
    func expression(column: String, owner: Int64) -> String {
        var phrases = self.words.map { "\"\($0)\"" }
        phrases[phrases.count - 1] += " *"
        return "owner : \"\(owner)\" AND \(column) : (\(phrases.joined(separator: " AND ")))"
    }

    private static func isWordScalar(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter, .decimalNumber,
            .letterNumber, .otherNumber, .nonspacingMark, .spacingMark:
            true
        default: false
        }
    }
}
