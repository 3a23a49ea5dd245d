//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// A passage as ingestion makes it.
public struct NewPassage: Hashable, Sendable {
    /// From 0, in the order of the text.
    public var ordinal: Int
    /// The headings that lead to it, outermost first, without the document's title.
    public var headings: [String]
    /// From 1, for what has pages.
    public var page: Int?
    /// Its place in the extracted text, in Unicode scalars.
    public var range: Range<Int>
    public var text: String
    /// Normalised to length 1; `nil` when there is no embedder.
    public var vector: [Float]?

    public init(
        ordinal: Int, headings: [String], page: Int?, range: Range<Int>, text: String, vector: [Float]? = nil
    ) {
        self.ordinal = ordinal
        self.headings = headings
        self.page = page
        self.range = range
        self.text = text
        self.vector = vector
    }
}

/// A passage that can be found, with its document.
public struct StoredPassage: Hashable, Sendable {
    /// Never given again: the id of its vector.
    public var number: Int64
    public var documentID: DocumentID
    public var collectionID: CollectionID
    public var documentTitle: String
    public var ordinal: Int
    public var headings: [String]
    public var page: Int?
    public var range: Range<Int>
    public var text: String

    public init(
        number: Int64, documentID: DocumentID, collectionID: CollectionID, documentTitle: String, ordinal: Int,
        headings: [String], page: Int?, range: Range<Int>, text: String
    ) {
        self.number = number
        self.documentID = documentID
        self.collectionID = collectionID
        self.documentTitle = documentTitle
        self.ordinal = ordinal
        self.headings = headings
        self.page = page
        self.range = range
        self.text = text
    }

    /// The document's title and the headings: `Handbook › Leave › Parents`.
    public var title: String {
        Self.title(in: self.documentTitle, headings: self.headings)
    }

    /// The title of a passage under these headings, also before it is stored.
    public static func title(in document: String, headings: [String]) -> String {
        ([document] + headings.filter { $0 != document }).joined(separator: " › ")
    }
}

/// A numbered text with its score: what a search finds before the text is read.
public struct ScoredNumber: Hashable, Sendable {
    public var number: Int64
    /// Higher is better.
    public var score: Double

    public init(number: Int64, score: Double) {
        self.number = number
        self.score = score
    }
}

/// A vector as an index takes it.
public struct StoredVector: Hashable, Sendable {
    public var number: Int64
    public var partition: Int64
    public var vector: [Float]

    public init(number: Int64, partition: Int64, vector: [Float]) {
        self.number = number
        self.partition = partition
        self.vector = vector
    }
}

/// A step in the history of what can be found. An index that has applied all steps up to a sequence holds what the
/// database held then.
public struct KnowledgeChange: Hashable, Sendable {
    public enum Kind: String, Sendable {
        /// The passages of ``KnowledgeChange/version`` can be found, those of every other version cannot.
        case published
        /// The document is gone with all passages.
        case removed
        /// Vectors were added to passages that were there without.
        case embedded
    }

    /// Grows with every step; holes are possible.
    public var sequence: Int64
    public var documentNumber: Int64
    public var version: Int
    public var kind: Kind

    public init(sequence: Int64, documentNumber: Int64, version: Int, kind: Kind) {
        self.sequence = sequence
        self.documentNumber = documentNumber
        self.version = version
        self.kind = kind
    }
}
