//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
public import ParleyCore

/// Puts together what a model is given to read, within a budget of tokens.
///
/// The system prompt always goes in; then the newest messages, back to where the budget ends, so that the cost does
/// not grow with the conversation. The newest message goes in even when it alone is over the budget: the model server
/// then says what it thinks of its length.
public struct ContextWindow: Sendable {
    public var budgetTokens: Int

    public init(budgetTokens: Int = ChatLimits.contextTokens) {
        self.budgetTokens = budgetTokens
    }

    /// An estimate of a text's tokens from its length in bytes.
    public static func tokens(in text: String) -> Int {
        Int((Double(text.utf8.count) / ChatLimits.bytesPerToken).rounded(.up)) + ChatLimits.tokensPerMessage
    }

    /// - Parameter branch: the messages up to and including the user's, oldest first. Empty and pending ones are
    ///   left out.
    public func messages(systemPrompt: String?, branch: [Message]) -> [ChatRequest.Message] {
        var left = self.budgetTokens
        var chosen: [ChatRequest.Message] = []
        if let systemPrompt, !systemPrompt.isEmpty {
            left -= Self.tokens(in: systemPrompt)
        }
        for message in branch.reversed() where message.state != .pending && !message.content.isEmpty {
            let cost = Self.tokens(in: message.content)
            guard cost <= left || chosen.isEmpty else { break }
            left -= cost
            chosen.append(.init(role: message.role, content: message.content))
        }
        if let systemPrompt, !systemPrompt.isEmpty {
            chosen.append(.init(role: .system, content: systemPrompt))
        }
        return chosen.reversed()
    }
}
