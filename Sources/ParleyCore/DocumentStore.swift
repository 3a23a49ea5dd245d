//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// The durable truth about collections and documents. Each call names the user, and what the user may not read is as
/// if it were not there. Every implementation passes one contract test suite.
public protocol DocumentStore: Sendable {
    // MARK: Collections

    /// - Throws: `.conflict` when the id or the owner's name is taken, or the owner has
    ///   `CoreLimits.collectionsPerUser`.
    func create(_ collection: KnowledgeCollection) async throws(StoreError) -> StoredCollection

    /// The collection with this name, made if it is not there.
    func collection(named name: String, owner: UserID, at: Timestamp) async throws(StoreError) -> StoredCollection

    /// All that the user may read, by name; the own ones first.
    func collections(readableBy user: UserID) async throws(StoreError) -> [StoredCollection]

    /// Where to search for what the user may read: the same collections in the same order, without their access lists.
    func partitions(
        readableBy user: UserID
    ) async throws(StoreError) -> [(collection: CollectionID, partition: Int64)]

    /// - Throws: `.notFound`.
    func collection(_ id: CollectionID, readableBy user: UserID) async throws(StoreError) -> StoredCollection

    /// - Throws: `.notFound` when it is not the owner's, `.conflict` when the name is taken.
    func update(
        _ id: CollectionID, owner: UserID, patch: CollectionPatch
    ) async throws(StoreError) -> StoredCollection

    /// Removes the collection with all its documents. When it returns none of their passages can be found.
    ///
    /// - Throws: `.notFound` when it is not the owner's.
    func delete(_ id: CollectionID, owner: UserID) async throws(StoreError)

    // MARK: Content, addressed by its SHA-256, in parts of `CoreLimits.contentPartBytes`

    /// Whether the whole content is there.
    func hasContent(_ hash: [UInt8]) async throws(StoreError) -> Bool

    /// Stores one part; a repeat is ignored. Parts that no document refers to are removed after a day.
    func writeContent(_ hash: [UInt8], part: Int, bytes: [UInt8]) async throws(StoreError)

    /// Marks the content as whole.
    ///
    /// - Throws: `.invalid` when the parts do not add up to `byteCount`.
    func completeContent(_ hash: [UInt8], byteCount: Int) async throws(StoreError)

    /// `nil` behind the last part.
    func contentPart(_ hash: [UInt8], part: Int) async throws(StoreError) -> [UInt8]?

    // MARK: Documents

    /// Adds a document, or a version of one, together with the job that reads it, in one transaction. The same content
    /// twice in one collection is one document; one that had failed is read again.
    ///
    /// - Throws: `.notFound` when the collection is not the owner's or the content is not complete; `.conflict` at
    ///   `CoreLimits.documentsPerCollection`.
    func add(_ document: NewDocument, owner: UserID) async throws(StoreError) -> (Document, DocumentAddition)

    /// Newest first.
    func documents(
        in collection: CollectionID?, readableBy user: UserID, before: String?, limit: Int
    ) async throws(StoreError) -> Page<Document>

    /// - Throws: `.notFound`.
    func document(_ id: DocumentID, readableBy user: UserID) async throws(StoreError) -> Document

    /// Removes text, vectors and, when no other document has it, the content; cancels its job. When it returns no
    /// passage of it can be found.
    ///
    /// - Throws: `.notFound` when it is not the owner's.
    func delete(_ id: DocumentID, owner: UserID) async throws(StoreError)

    /// Puts a failed document back into the queue.
    ///
    /// - Throws: `.notFound`; `.conflict` when it has not failed.
    func retry(_ id: DocumentID, owner: UserID) async throws(StoreError) -> Document

    /// Documents of these collections that are pending, indexing or failed, newest first.
    func unreadyDocuments(in partitions: [Int64], limit: Int) async throws(StoreError) -> [Document]
}

/// The durable truth about passages, as ingestion and retrieval see it: no users, only partitions.
public protocol PassageStore: Sendable {
    /// The document as a job sees it.
    ///
    /// - Throws: `.notFound` when it is gone or has a later version.
    func document(_ version: DocumentVersion) async throws(StoreError) -> Document

    /// - Throws: `.notFound` as above: the job ends.
    func setProgress(_ version: DocumentVersion, to progress: Double) async throws(StoreError)

    func setFailure(_ version: DocumentVersion, reason: String, at: Timestamp) async throws(StoreError)

    /// Stores passages that cannot be found yet. One whose ordinal is there already is replaced, so that a job can be
    /// repeated.
    func stage(
        _ passages: [NewPassage], of version: DocumentVersion, model: EmbeddingModel?
    ) async throws(StoreError)

    /// How many passages of the version are staged with vectors of the model, contiguous from ordinal 0: where an
    /// interrupted job goes on.
    func stagedCount(_ version: DocumentVersion, model: EmbeddingModel?) async throws(StoreError) -> Int

    /// In one transaction the staged passages, exactly `passageCount` from ordinal 0, take the place of the earlier
    /// version's; state ready.
    func publish(
        _ version: DocumentVersion, title: String, mediaType: String, passageCount: Int, at: Timestamp
    ) async throws(StoreError)

    /// Removes what was left behind: replaced passages, staged ones of gone versions, unused content. At most a batch.
    ///
    /// - Returns: whether there may be more.
    func sweep(now: Timestamp) async throws(StoreError) -> Bool

    // MARK: Finding

    /// BM25 over the stemmed words of passages and titles, live ones in these partitions only, best first.
    func keywordSearch(
        _ terms: [String], partitions: [Int64], limit: Int
    ) async throws(StoreError) -> [ScoredNumber]

    /// The query's informative words as ``keywordSearch(_:partitions:limit:)`` takes them, each with its inverse
    /// document frequency within these partitions.
    func terms(of query: String, partitions: [Int64]) async throws(StoreError) -> [QueryTerm]

    /// Those of the passages that can be found in these partitions now, in no order.
    func passages(_ numbers: [Int64], partitions: [Int64]) async throws(StoreError) -> [StoredPassage]

    /// Vectors by the model of those of the passages that can be found in these partitions now, in no order.
    func vectors(
        ofPassages numbers: [Int64], partitions: [Int64], model: EmbeddingModel
    ) async throws(StoreError) -> [StoredVector]

    // MARK: The feed of an index

    /// After a sequence, oldest first.
    ///
    /// - Throws: `.invalid` when the sequence lies before ``firstChange()`` less one, or after ``lastChange()``: the
    ///   index is not of this database, or too old, and is made anew.
    func changes(after sequence: Int64, limit: Int) async throws(StoreError) -> [KnowledgeChange]

    /// The first sequence that is kept; 1 when there are no changes yet.
    func firstChange() async throws(StoreError) -> Int64

    /// The last sequence; 0 when there are no changes yet.
    func lastChange() async throws(StoreError) -> Int64

    /// Vectors of live passages by the model, ordered by number.
    ///
    /// - Parameter document: `nil` takes all documents.
    func vectors(
        of document: Int64?, model: EmbeddingModel, after number: Int64, limit: Int
    ) async throws(StoreError) -> [StoredVector]

    /// The numbers of all passages, live or not, that a document ever had and still has rows for.
    func passageNumbers(of document: Int64, except version: Int?) async throws(StoreError) -> [Int64]

    /// Live passages without a vector of the model, ordered by number.
    func passagesWithoutVector(
        model: EmbeddingModel, after number: Int64, limit: Int
    ) async throws(StoreError) -> [(number: Int64, title: String, text: String)]

    /// Adds vectors to passages; one that is gone is skipped.
    func save(_ vectors: [(number: Int64, vector: [Float])], model: EmbeddingModel) async throws(StoreError)
}

/// A stemmed word of a query.
public struct QueryTerm: Hashable, Sendable {
    public var stem: String
    /// Inverse document frequency as BM25 has it, kept positive.
    public var information: Double

    public init(stem: String, information: Double) {
        self.stem = stem
        self.information = information
    }
}
