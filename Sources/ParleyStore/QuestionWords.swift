//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCore

/// The words of a question that say what it is about, each once, in their order.
struct QuestionWords {
    let words: [String]

    /// - Parameter question: what is beyond `CoreLimits.queryBytes` characters is not looked at.
    init(_ question: String) {
        let words = question.prefix(CoreLimits.queryBytes).lowercased().replacing("’", with: "'")
            .split { !($0.isLetter || $0.isNumber || $0 == "'") }
        var seen = Self.stopWords
        self.words = words.filter { seen.insert(String($0)).inserted }.map { $0.replacing("'", with: " ") }.map(
            String.init)
    }

    /// Words that questions share whatever they are about: function words, and the verbs of asking.
    private static let stopWords: Set<String> = [
        "a", "about", "after", "again", "all", "also", "always", "am", "an", "and", "any", "anybody", "anyone",
        "anything",
        "are", "aren't", "as", "at", "be", "because", "been", "before", "being", "between", "both", "but", "by", "can",
        "can't", "cannot", "could", "couldn't", "did", "didn't", "do", "does", "doesn't", "doing", "don't", "done",
        "each",
        "else", "ever", "every", "exactly", "explain", "few", "for", "from", "get", "gets", "give", "given", "gives",
        "go", "goes", "got", "had", "happen", "happens", "has", "have", "haven't", "having", "he", "hello", "help",
        "her", "here", "hers",
        "hey", "hi", "him", "his", "how", "how's", "i", "i'd", "i'll", "i'm", "i've", "if", "in", "into", "is", "isn't",
        "it", "it's", "its", "itself", "just", "know", "let", "let's", "like", "make", "makes", "many", "may",
        "me",
        "might", "more", "most", "much", "must", "my", "myself", "need", "needs", "no", "nor", "not", "now", "of",
        "off",
        "ok", "okay", "on", "once", "one", "only", "or", "other", "our", "ours", "out", "over", "own", "please",
        "possible",
        "really", "s", "same", "say", "shall", "she", "should", "shouldn't", "show", "so", "some", "somebody",
        "someone",
        "something", "still", "such", "t", "tell", "than", "thank", "thanks", "that", "that's", "the", "their",
        "theirs",
        "them", "then", "there", "there's", "these", "they", "they're", "thing", "things", "this", "those", "through",
        "to", "too", "under", "until", "up", "us", "use", "used", "uses", "using", "very", "want", "wants", "was",
        "wasn't", "way", "ways", "we",
        "we're",
        "were", "weren't", "what", "what's", "when", "where", "where's", "which", "while", "who", "who's", "whom",
        "whose", "why", "will", "with", "without", "won't", "work", "works", "would", "wouldn't", "yes", "yet", "you",
        "you're", "your",
        "yours", "yourself",
    ]
}
