//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCore

/// The user's last message as the local model understands it.
struct LocalQuestion: Hashable, Sendable {
    enum Kind: Hashable, Sendable {
        case empty
        case greeting
        case thanks
        case question
    }

    /// The question within the limit of a search.
    let query: String
    let kind: Kind

    init(_ text: String) {
        self.query = text.cut(toBytes: CoreLimits.queryBytes)
        let words = self.query.lowercased().split { !$0.isLetter && !$0.isNumber }
        let phrase = words.joined(separator: " ")
        if words.isEmpty {
            self.kind = .empty
        } else if words.count <= 4, Self.greetings.contains(where: { phrase == $0 || phrase.hasPrefix($0 + " there") })
        {
            self.kind = .greeting
        } else if words.count <= 5, Self.thanks.contains(where: { phrase == $0 || phrase.hasPrefix($0 + " ") }) {
            self.kind = .thanks
        } else {
            self.kind = .question
        }
    }

    /// Whether it names Parley, or what only Parley's manual knows.
    var isAboutParley: Bool {
        let words = self.query.lowercased().split { !$0.isLetter && !$0.isNumber && $0 != "_" }
        return words.contains { $0 == "parley" || $0.hasPrefix("parley_") || $0.hasPrefix("openai_") }
    }

    /// Whether it may lean on the question before it, as "and how long?" does.
    var isShort: Bool { self.query.split(whereSeparator: \.isWhitespace).count <= 6 }

    private static let greetings: Set<String> = [
        "hello", "hi", "hey", "hello parley", "hi parley", "hey parley", "good morning", "good afternoon",
        "good evening", "good day", "greetings", "howdy", "how are you", "hi how are you", "hello how are you", "hallo",
        "guten tag", "guten morgen", "moin", "servus", "bonjour", "salut", "hola", "buenos dias", "buenos días", "ciao",
        "buongiorno", "olá", "hej", "hei", "привет", "здравствуйте", "добрый день", "你好", "こんにちは", "안녕하세요",
        "namaste", "नमस्ते", "merhaba", "مرحبا", "test", "ping",
    ]

    private static let thanks: Set<String> = [
        "thanks", "thank you", "thx", "ty", "danke", "merci", "gracias", "grazie", "спасибо", "谢谢", "ありがとう",
        "ok", "okay", "great", "cool", "bye", "goodbye",
    ]
}
