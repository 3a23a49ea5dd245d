//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
public import ParleyCore

/// A prompt as it goes to the model, and what was chosen for it.
public struct ContextPlan: Sendable {
    public var messages: [ChatRequest.Message] = []
    /// The user's newest message without the material before it.
    public var question = ""
    /// What is quoted, numbered as in the prompt.
    public var passages: [Citation] = []
    public var unready: [String] = []
    /// The prompt's tokens as estimated for the model.
    public var tokens = 0
    /// The same with a ratio of one, to learn from what the server reports.
    public var plainTokens = 0
    /// How many messages of the branch are in the prompt.
    public var recentMessages = 0
    /// Whether messages were left out that no summary covers.
    public var needsSummary = false
    /// Whether the system prompt had to be cut.
    public var cutsSystemPrompt = false

    /// The request to a model.
    public func request(model: String?) -> ChatRequest {
        ChatRequest(
            messages: self.messages, model: model, question: self.question, passages: self.passages,
            unready: self.unready)
    }
}
