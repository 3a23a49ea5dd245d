//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
public import ParleyCore

/// Where the material of a prompt comes from. What is `nil` is done without.
public struct ContextSources: Sendable {
    public var memories: (any MemoryStore)?
    public var knowledge: (any KnowledgeSearch)?
    public var recall: (any MessageRecall)?

    public init(
        memories: (any MemoryStore)? = nil, knowledge: (any KnowledgeSearch)? = nil,
        recall: (any MessageRecall)? = nil
    ) {
        self.memories = memories
        self.knowledge = knowledge
        self.recall = recall
    }
}
