//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// The limits of the knowledge base. Each has its unit in its name; `parley doctor` shows them all.
public enum KnowledgeLimits {
    // MARK: Retrieval

    /// Collections that one search looks into.
    public static let searchedCollections = 1000
    /// Passages that each way of searching, by words and by vectors, brings to one search.
    public static let searchCandidates = 100
    /// The best candidates of a search, whose scores are shared among neighbours.
    public static let neighbourhoodCandidates = 50
    /// The most informative words of a query that are looked for.
    public static let queryWords = 32
    /// How long one way of searching may take; then the search goes on without it.
    public static let searchLaneDeadline = Duration.seconds(3)
    /// How long a search may wait for one read of the database.
    public static let searchReadDeadline = Duration.seconds(5)
    /// Documents that one search names as not searchable yet.
    public static let unreadyDocuments = 20
    /// How long a query may wait for its model to be measured.
    public static let scaleDeadline = Duration.seconds(1)
    /// Messages that one recall looks at, at most.
    public static let recallCandidates = 400
    /// Messages that one recall brings, at most.
    public static let recalledMessages = 20

    // MARK: Passages

    /// A passage of a document, in tokens: as many as the local embedder reads.
    public static let passageTokens = 256
    /// A passage with at least this many tokens is closed before a block that does not fit.
    public static let fullPassageTokens = 128
    /// Sentences that a passage repeats from the one before, in tokens.
    public static let overlapTokens = 32
    /// Code stays whole up to this many tokens.
    public static let wholeTokens = 320
    /// An introduction with fewer tokens goes with the first section below it.
    public static let introductionTokens = 32
    /// A heading in a passage's path, in characters.
    public static let headingCharacters = 200
    /// A passage is closed before it passes this many words, unless one block alone does.
    public static let passageWords = 250
    /// A passage with at least this many words may be closed at the end of a block.
    public static let fullPassageWords = 100
    /// An introduction with fewer words goes with the first section below it.
    public static let introductionWords = 25
    /// Files of a manual that are read, at most.
    public static let manualFiles = 500
    /// A longer file of a manual is left out, in bytes.
    public static let manualFileBytes = 1024 * 1024
}
