//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCore

// The shapes of the knowledge base and of memory, as they go over the wire. Absent values are written as `null`.

/// A collection as one user sees it.
struct CollectionRecord: Encodable {
    var stored: StoredCollection
    var user: UserID

    func encode(to encoder: any Encoder) throws {
        let collection = self.stored.collection
        let isOwner = collection.ownerID == self.user
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(collection.id, forKey: .id)
        try container.encode(collection.name, forKey: .name)
        try container.encode(collection.ownerID, forKey: .ownerID)
        try container.encode(ReadersRecord(readers: self.readers(isOwner: isOwner)), forKey: .readers)
        try container.encode(isOwner, forKey: .mayWrite)
        try container.encode(self.stored.documentCount, forKey: .documentCount)
        try container.encode(collection.createdAt, forKey: .createdAt)
    }

    /// A reader is not told who else reads.
    private func readers(isOwner: Bool) -> KnowledgeCollection.Readers {
        if !isOwner, case .users = self.stored.collection.readers { return .users([self.user]) }
        return self.stored.collection.readers
    }

    enum CodingKeys: CodingKey {
        case id, name, ownerID, readers, mayWrite, documentCount, createdAt
    }
}

/// `"owner"`, `"everyone"`, or an array of users' ids.
struct ReadersRecord: Codable {
    var readers: KnowledgeCollection.Readers

    init(readers: KnowledgeCollection.Readers) {
        self.readers = readers
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let meaning = "must be \"owner\", \"everyone\" or an array of users' ids"
        if let word = try? container.decode(String.self) {
            switch word {
            case "owner": self.readers = .owner
            case "everyone": self.readers = .everyone
            default: throw DecodingError.dataCorruptedError(in: container, debugDescription: meaning)
            }
        } else {
            guard let users = try? container.decode([UserID].self) else {
                throw DecodingError.dataCorruptedError(in: container, debugDescription: meaning)
            }
            guard users.count <= HTTPLimits.readersPerCollection else {
                throw DecodingError.dataCorruptedError(
                    in: container,
                    debugDescription: "must name at most \(HTTPLimits.readersPerCollection) users")
            }
            self.readers = .users(Set(users))
        }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self.readers {
        case .owner: try container.encode("owner")
        case .everyone: try container.encode("everyone")
        case .users(let users): try container.encode(users.sorted { $0.description < $1.description })
        }
    }
}

struct DocumentRecord: Encodable {
    var document: Document
    /// Only in the answer to an upload.
    var addition: DocumentAddition?

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(self.document.id, forKey: .id)
        try container.encode(self.document.collectionID, forKey: .collectionID)
        try container.encode(self.document.name, forKey: .name)
        try container.encode(self.document.title, forKey: .title)
        try container.encode(self.document.mediaType, forKey: .mediaType)
        try container.encode(self.document.byteCount, forKey: .byteCount)
        try container.encode(self.document.state, forKey: .state)
        try container.encode(self.document.progress, forKey: .progress)
        try container.encode(self.document.failure, forKey: .failure)
        try container.encode(self.document.passageCount, forKey: .passageCount)
        try container.encode(self.document.createdAt, forKey: .createdAt)
        try container.encode(self.document.updatedAt, forKey: .updatedAt)
        try container.encodeIfPresent(self.addition?.rawValue, forKey: .addition)
    }

    enum CodingKeys: CodingKey {
        case id, collectionID, name, title, mediaType, byteCount, state, progress, failure, passageCount, createdAt
        case updatedAt, addition
    }
}

struct PassageRecord: Encodable {
    var hit: KnowledgeResult.Hit

    func encode(to encoder: any Encoder) throws {
        let passage = self.hit.passage
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(passage.documentID, forKey: .documentID)
        try container.encode(passage.collectionID, forKey: .collectionID)
        try container.encode(passage.documentTitle, forKey: .title)
        try container.encode(passage.headings, forKey: .headings)
        try container.encode(passage.page, forKey: .page)
        try container.encode([passage.range.lowerBound, passage.range.upperBound], forKey: .range)
        try container.encode(passage.text, forKey: .text)
        try container.encode(self.hit.score.isFinite ? self.hit.score : 0, forKey: .score)
    }

    enum CodingKeys: CodingKey {
        case documentID, collectionID, title, headings, page, range, text, score
    }
}

struct MemoryRecord: Encodable {
    var memory: Memory

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(self.memory.id, forKey: .id)
        try container.encode(self.memory.text, forKey: .text)
        try container.encode(self.memory.origin, forKey: .origin)
        try container.encode(self.memory.conversationID, forKey: .conversationID)
        try container.encode(self.memory.createdAt, forKey: .createdAt)
        try container.encode(self.memory.updatedAt, forKey: .updatedAt)
    }

    enum CodingKeys: CodingKey {
        case id, text, origin, conversationID, createdAt, updatedAt
    }
}

struct JobRecord: Encodable {
    var job: Job

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(self.job.id, forKey: .id)
        try container.encode(self.job.kind, forKey: .kind)
        try container.encode(self.job.payload, forKey: .payload)
        try container.encode(self.job.state, forKey: .state)
        try container.encode(self.job.progress, forKey: .progress)
        try container.encode(self.job.deliveries, forKey: .deliveries)
        try container.encode(self.job.failures, forKey: .failures)
        try container.encode(self.job.lastError, forKey: .lastError)
        try container.encode(self.job.runAt, forKey: .runAt)
        try container.encode(self.job.createdAt, forKey: .createdAt)
        try container.encode(self.job.updatedAt, forKey: .updatedAt)
    }

    enum CodingKeys: CodingKey {
        case id, kind, payload, state, progress, deliveries, failures, lastError, runAt, createdAt, updatedAt
    }
}
