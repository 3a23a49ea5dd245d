//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// An uploaded source of the knowledge base.
public struct Document: Hashable, Sendable {
    /// How far the reading of the present content has come.
    public enum State: String, Sendable, Codable {
        /// Waits for its job.
        case pending
        case indexing
        case ready
        /// ``Document/failure`` says why; passages of an earlier content stay searchable.
        case failed
    }

    public var id: DocumentID
    public var collectionID: CollectionID
    public var ownerID: UserID
    /// Unique within the collection: a file's name, its path below the ingested folder, or a URL. Adding another
    /// content under the same name replaces the document's.
    public var name: String
    /// From the content, or the name.
    public var title: String
    /// By content, such as `application/pdf`; `nil` until the document is read.
    public var mediaType: String?
    public var byteCount: Int
    /// SHA-256 of the content.
    public var contentHash: [UInt8]
    /// Grows by one with each new content; passages belong to a version.
    public var version: Int
    public var state: State
    /// From 0 to 1 while indexing.
    public var progress: Double
    /// For people: what failed and what to do.
    public var failure: String?
    /// Passages that can be found now.
    public var passageCount: Int
    public var createdAt: Timestamp
    public var updatedAt: Timestamp

    public init(
        id: DocumentID, collectionID: CollectionID, ownerID: UserID, name: String, title: String,
        mediaType: String? = nil, byteCount: Int, contentHash: [UInt8], version: Int = 1, state: State = .pending,
        progress: Double = 0, failure: String? = nil, passageCount: Int = 0, createdAt: Timestamp,
        updatedAt: Timestamp
    ) {
        self.id = id
        self.collectionID = collectionID
        self.ownerID = ownerID
        self.name = name
        self.title = title
        self.mediaType = mediaType
        self.byteCount = byteCount
        self.contentHash = contentHash
        self.version = version
        self.state = state
        self.progress = progress
        self.failure = failure
        self.passageCount = passageCount
        self.createdAt = createdAt
        self.updatedAt = updatedAt
    }
}

/// A document to add. Its content must be stored and complete.
public struct NewDocument: Hashable, Sendable {
    public var id: DocumentID
    public var collectionID: CollectionID
    public var name: String
    public var byteCount: Int
    public var contentHash: [UInt8]
    public var at: Timestamp

    public init(
        id: DocumentID, collectionID: CollectionID, name: String, byteCount: Int, contentHash: [UInt8], at: Timestamp
    ) {
        self.id = id
        self.collectionID = collectionID
        self.name = name
        self.byteCount = byteCount
        self.contentHash = contentHash
        self.at = at
    }
}

/// What came of adding a document.
public enum DocumentAddition: String, Hashable, Sendable {
    case added
    /// The name was there with other content: a new version is pending, the old passages stay until it is ready.
    case replaced
    /// The same content is in the collection already, under this or another name.
    case unchanged
}

/// One content of one document: what a job reads and what passages belong to.
public struct DocumentVersion: Hashable, Sendable, Codable {
    public var documentID: DocumentID
    public var version: Int

    public init(documentID: DocumentID, version: Int) {
        self.documentID = documentID
        self.version = version
    }
}
