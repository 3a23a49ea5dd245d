//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCore

/// The words of the local model, in Markdown.
enum LocalAnswer {
    /// How to get answers by a language model.
    static let howToConnect =
        "To connect a language model, set `OPENAI_API_KEY`, or `OPENAI_BASE_URL` for another server that speaks the "
        + "OpenAI API, and restart Parley."

    /// - Parameter unready: documents that could not be searched, each with the reason.
    static func text(to question: LocalQuestion, passages: [Citation], unready: [String] = []) -> String {
        switch question.kind {
        case .empty:
            "There was no question in your message. " + Self.whatICan
        case .greeting:
            "Hello! No language model is connected, so I cannot hold a conversation. " + Self.whatICan
        case .thanks:
            "You are welcome. No language model is connected, so this is as far as I can chat. " + Self.whatICan
        case .question where passages.isEmpty:
            "No language model is connected, and I found no passage that answers this. "
                + (unready.isEmpty ? "" : Self.notes(unready) + "\n") + Self.whatICan
        case .question:
            Self.quoting(passages, unready)
        }
    }

    private static let whatICan = """
        I can find passages in the documents I have and quote them; the manual of Parley is always among them. \
        Try one of these:

        - How do I connect a language model?
        - Where does Parley keep its data?
        - Which keyboard shortcuts are there?


        """ + Self.howToConnect

    /// What could not be searched, as a paragraph and a list.
    private static func notes(_ unready: [String]) -> String {
        "These documents could not be searched, so the answer may be in one of them:\n\n"
            + unready.map { "- \(Self.plain($0))\n" }.joined()
    }

    private static func quoting(_ passages: [Citation], _ unready: [String]) -> String {
        let count = passages.count == 1 ? "This passage answers" : "These passages answer"
        var text =
            "No language model is connected, so I looked for passages instead of writing an answer. "
            + "\(count) your question best.\n"
        for passage in passages {
            let page = passage.page.map { ", page \($0)" } ?? ""
            text += "\n**\(Self.plain(passage.title))**\(page) [\(passage.n)]\n\n\(Self.quote(passage.text))\n"
        }
        if !unready.isEmpty { text += "\n" + Self.notes(unready) }
        return text + "\n" + Self.howToConnect
    }

    /// A block quotation. What the passage itself has of Markdown stays inside it.
    private static func quote(_ text: String) -> String {
        Self.shortened(text).split(separator: "\n", omittingEmptySubsequences: false)
            .map { $0.allSatisfy(\.isWhitespace) ? ">" : "> \($0)" }
            .joined(separator: "\n")
    }

    /// At most ``ModelsLimits/localQuoteScalars``, cut between words.
    private static func shortened(_ text: String) -> String {
        let lines = text.split(omittingEmptySubsequences: false) { $0.isNewline }.joined(separator: "\n")
        let whole = lines.drop(while: \.isWhitespace)
        let scalars = whole.unicodeScalars
        guard scalars.count > ModelsLimits.localQuoteScalars else {
            return String(whole.reversed().drop(while: \.isWhitespace).reversed())
        }
        let cut = Substring(scalars.prefix(ModelsLimits.localQuoteScalars))
        let end = cut.lastIndex(where: \.isWhitespace) ?? cut.endIndex
        var kept = String(cut[..<end])
        // A code block that the cut left open would take the rest of the quotation with it.
        let fences = kept.split(separator: "\n").count { $0.drop(while: \.isWhitespace).hasPrefix("```") }
        kept += " …"
        return fences.isMultiple(of: 2) ? kept : kept + "\n```"
    }

    /// A title on one line, with nothing in it that Markdown would heed.
    private static func plain(_ title: String) -> String {
        var plain = ""
        for character in title {
            if character.isNewline {
                plain.append(" ")
            } else {
                if "\\`*_[]<>#|~".contains(character) { plain.append("\\") }
                plain.append(character)
            }
        }
        return plain
    }
}
