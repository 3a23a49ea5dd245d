//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCore

/// Makes titles of conversations.
public enum TitleMaker {
    /// A title from the first words of a message: one line, without Markdown marks, cut at a word.
    public static func title(fromFirstWordsOf text: String) -> String {
        let line =
            text.split(whereSeparator: \.isNewline).lazy
            .map { $0.trimmingMarks() }.first { !$0.isEmpty } ?? ""
        let words = line.split(whereSeparator: \.isWhitespace)
        var title = ""
        for word in words {
            let longer = title.isEmpty ? String(word) : title + " " + word
            guard longer.unicodeScalars.count <= ChatLimits.automaticTitleScalars else {
                return title.isEmpty ? Self.cut(String(word)) : title + "…"
            }
            title = longer
        }
        return title.isEmpty ? "New conversation" : title
    }

    /// What a model is asked for a title.
    static func request(question: String, answer: String, model: String?) -> ChatRequest {
        let prompt = """
            Give this conversation a title of at most six words in the language of the question. \
            Answer with the title only, without quotation marks.

            Question: \(question.prefix(1500))

            Answer: \(answer.prefix(1500))
            """
        return ChatRequest(messages: [.init(role: .user, content: prompt)], model: model, maximumTokens: 32)
    }

    /// Makes a model's answer fit to be a title, or `nil` when it is none.
    static func title(fromAnswer answer: String) -> String? {
        guard let line = answer.split(whereSeparator: \.isNewline).first else { return nil }
        let marks: Set<Character> = ["\"", "'", "“", "”", "*", "#", "`", " ", "."]
        var title = Substring(line)
        while let first = title.first, marks.contains(first) { title.removeFirst() }
        while let last = title.last, marks.contains(last) { title.removeLast() }
        guard !title.isEmpty, title.unicodeScalars.count <= ChatLimits.automaticTitleScalars * 2 else { return nil }
        return Self.cut(String(title))
    }

    private static func cut(_ text: String) -> String {
        guard text.unicodeScalars.count > ChatLimits.automaticTitleScalars else { return text }
        var view = String.UnicodeScalarView()
        view.append(contentsOf: text.unicodeScalars.prefix(ChatLimits.automaticTitleScalars))
        return String(view) + "…"
    }
}

extension Substring {
    fileprivate func trimmingMarks() -> Substring {
        let marks: Set<Character> = ["#", ">", "*", "-", "`", " ", "\t"]
        return self.drop { marks.contains($0) }
    }
}
