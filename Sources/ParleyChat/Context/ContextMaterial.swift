//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
public import ParleyCore

/// All that may go into a prompt, before the budget decides.
public struct ContextMaterial: Sendable {
    public var systemPrompt: String?
    /// Facts about the user, oldest first.
    public var memories: [String] = []
    public var summary: ConversationSummary?
    /// Best first.
    public var recalled: [RecalledMessage] = []
    /// Best first; numbered anew unless ``passagesAreKept``.
    public var passages: [Citation] = []
    /// Whether the passages are an earlier attempt's, whose numbers readers have seen: they keep them.
    public var passagesAreKept = false
    /// For people: documents that could not be searched, each with the reason.
    public var unready: [String] = []
    /// The messages up to and including the user's newest, oldest first.
    public var branch: [Message]

    public init(systemPrompt: String? = nil, branch: [Message]) {
        self.systemPrompt = systemPrompt
        self.branch = branch
    }
}
