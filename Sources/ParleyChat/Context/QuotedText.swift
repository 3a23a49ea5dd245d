//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// Puts foreign text into a prompt so that it cannot be taken for the prompt's own structure.
///
/// A block is a line `⟦kind KEY⟧`, the text, and a line `⟦end KEY⟧`. The key is made anew for each prompt, so no
/// document can know it; and the brackets, which are rare, are replaced inside the text, so that no document can write
/// a line that looks like one. What a model could read as the marks of a chat template (`<|im_start|>`, `[INST]`) is
/// broken up, and control characters are removed. The words stay as they are.
struct QuotedText: Sendable {
    static let open: Character = "⟦"
    static let close: Character = "⟧"

    /// 16 hexadecimal digits.
    let key: String

    init(using random: inout some RandomNumberGenerator) {
        let number = UInt64.random(in: .min ... .max, using: &random)
        let digits = String(number, radix: 16)
        self.key = String(repeating: "0", count: 16 - digits.count) + digits
    }

    /// The line that opens a block.
    func opening(_ kind: String) -> String { "\(Self.open)\(kind) \(self.key)\(Self.close)" }

    /// The line that closes a block.
    var closing: String { "\(Self.open)end \(self.key)\(Self.close)" }

    /// A block of text that is neutral already.
    func block(_ kind: String, _ neutral: String) -> String {
        self.opening(kind) + "\n" + neutral + "\n" + self.closing
    }

    /// The text without anything that could end its block or pass for the mark of a template.
    static func neutral(_ text: String) -> String {
        var scalars = String.UnicodeScalarView()
        var previous: Unicode.Scalar?
        for scalar in text.unicodeScalars {
            guard let kept = Self.replacement(for: scalar) else { continue }
            if let previous, Self.isTemplateMark(previous, kept) { scalars.append(" ") }
            scalars.append(kept)
            previous = kept
        }
        return Self.withoutRoleTags(scalars)
    }

    /// The same on one line, for titles.
    static func neutralLine(_ text: String) -> String {
        Self.neutral(text).split(whereSeparator: \.isNewline).joined(separator: " ")
    }

    private static func replacement(for scalar: Unicode.Scalar) -> Unicode.Scalar? {
        // Most of most texts; the rest costs more.
        if (0x20..<0x7F).contains(scalar.value) { return scalar }
        switch scalar {
        case "\n", "\t": return scalar
        case "\r", "\u{2028}", "\u{2029}", "\u{85}", "\u{B}", "\u{C}": return "\n"
        case "⟦", "〚": return "["
        case "⟧", "〛": return "]"
        // Tags and the like are read by models, not by people: a place to hide words in.
        case "\u{E0000}"..."\u{E007F}", "\u{202A}"..."\u{202E}", "\u{2066}"..."\u{2069}", "\u{FEFF}", "\u{200B}":
            return nil
        default: return scalar.properties.generalCategory == .control ? nil : scalar
        }
    }

    /// `<|` and `|>`, in the common and in the wide form, open and close the special words of chat templates.
    private static func isTemplateMark(_ first: Unicode.Scalar, _ second: Unicode.Scalar) -> Bool {
        first == "<" && (second == "|" || second == "｜") || second == ">" && (first == "|" || first == "｜")
    }

    private static let roleTags = [
        "[INST]", "[/INST]", "<<SYS>>", "<</SYS>>", "<start_of_turn>", "<end_of_turn>", "<s>", "</s>",
        "[AVAILABLE_TOOLS]", "[TOOL_RESULTS]", "[SYSTEM_PROMPT]",
    ].map { Array($0.unicodeScalars) }

    /// By scalars: to a tokenizer a tag with an accent on its last character is still the tag.
    private static func withoutRoleTags(_ scalars: String.UnicodeScalarView) -> String {
        var kept = String.UnicodeScalarView()
        for index in scalars.indices {
            let scalar = scalars[index]
            kept.append(scalar)
            guard scalar == "<" || scalar == "[" else { continue }
            if self.roleTags.contains(where: { scalars[index...].starts(with: $0) }) { kept.append(" ") }
        }
        return String(kept)
    }
}
