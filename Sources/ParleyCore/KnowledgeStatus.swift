//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// How well the knowledge base can be searched now.
public enum KnowledgeStatus: Hashable, Sendable {
    /// By words and by meaning.
    case ready
    /// By words only, for good or until the reason, a sentence for people, goes away.
    case degraded(reason: String)
    /// By words only while the index of vectors is made from the rows; so many are in it.
    case building(vectors: Int)
    /// By words and by meaning, but older passages still get their vectors; so many have got them.
    case embedding(passages: Int)

    /// The name on the wire.
    public var name: String {
        switch self {
        case .ready: "ready"
        case .degraded: "degraded"
        case .building, .embedding: "building"
        }
    }

    /// For people; `nil` when all is well.
    public var detail: String? {
        switch self {
        case .ready: nil
        case .degraded(let reason): reason
        case .building(let vectors):
            "The index of vectors is being built, \(vectors) vectors so far: words only until then."
        case .embedding(let passages):
            "Older passages get their vectors, \(passages) so far: the others are found by their words only until then."
        }
    }
}

/// What knows how well the knowledge base can be searched.
public protocol KnowledgeCondition: Sendable {
    var status: KnowledgeStatus { get }
}
