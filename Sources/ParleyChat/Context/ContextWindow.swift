//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// Puts together what a model is given to read, within a budget of tokens. Pure; `docs/decisions/0016` says why it is
/// as it is.
///
/// The prompt has always this form, whatever the material holds: one system message (the conversation's prompt, then
/// Parley's rules if there is material), the recent messages as they are, and the user's newest message, before which,
/// in the same message, stands the material in marked blocks: memories, summary, recalled messages, passages, documents
/// that are not ready. The newest message is always whole, even when it alone is over the budget: the model server then
/// says what it thinks of its length. The system prompt may take half the budget. What is left is divided by
/// ``ContextBudget``.
public struct ContextWindow: Sendable {
    public var budgetTokens: Int

    public init(budgetTokens: Int = ChatLimits.contextTokens) {
        self.budgetTokens = budgetTokens
    }

    /// - Parameters:
    ///   - estimate: how the model counts.
    ///   - random: where the key of the marks comes from; it must be unpredictable outside tests.
    public func plan(
        _ material: ContextMaterial, estimate: TokenEstimate = TokenEstimate(),
        using random: inout some RandomNumberGenerator
    ) -> ContextPlan {
        ContextDraft(
            material: material, budget: self.budgetTokens, estimate: estimate, quote: QuotedText(using: &random)
        ).plan()
    }

    /// - Parameter material: see ``plan(_:estimate:using:)``.
    public func plan(_ material: ContextMaterial, estimate: TokenEstimate = TokenEstimate()) -> ContextPlan {
        var random = SystemRandomNumberGenerator()
        return self.plan(material, estimate: estimate, using: &random)
    }
}
