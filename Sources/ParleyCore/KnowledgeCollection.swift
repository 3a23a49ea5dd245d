//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// A named set of documents with its own access list: DESIGN's *collection*. (`Collection` is Swift's.)
public struct KnowledgeCollection: Hashable, Sendable {
    /// Who finds what is in a collection. Its owner always does, and alone changes it.
    public enum Readers: Hashable, Sendable, Codable {
        case owner
        case everyone
        case users(Set<UserID>)
    }

    public var id: CollectionID
    public var ownerID: UserID
    /// Unique among the owner's collections, compared without regard to case.
    public var name: String
    public var readers: Readers
    public var createdAt: Timestamp

    public init(
        id: CollectionID, ownerID: UserID, name: String, readers: Readers = .owner, createdAt: Timestamp
    ) {
        self.id = id
        self.ownerID = ownerID
        self.name = name
        self.readers = readers
        self.createdAt = createdAt
    }

    /// What a collection is called that a user's documents go to when no other is named.
    public static let defaultName = "Documents"
}

/// A collection with what the store knows of it.
public struct StoredCollection: Hashable, Sendable {
    public var collection: KnowledgeCollection
    /// A small number, never given again: the partition of the collection's vectors.
    public var partition: Int64
    public var documentCount: Int

    public init(collection: KnowledgeCollection, partition: Int64, documentCount: Int) {
        self.collection = collection
        self.partition = partition
        self.documentCount = documentCount
    }
}

/// A change to a collection; `nil` leaves a field as it is.
public struct CollectionPatch: Hashable, Sendable {
    public var name: String?
    public var readers: KnowledgeCollection.Readers?

    public init(name: String? = nil, readers: KnowledgeCollection.Readers? = nil) {
        self.name = name
        self.readers = readers
    }
}
