//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCore
import ParleyKnowledge
import Synchronization

/// A knowledge base in memory: words are compared by how many of them a passage has, vectors by their products.
///
/// Its index is as bad as an index may be: it holds what it was given, whatever became of the rows since.
final class SmallWorld: Sendable {
    struct Entry: Sendable {
        var passage: StoredPassage
        var partition: Int64
        var vector: [Float]?
        var isLive = true
    }

    struct State: Sendable {
        var collections: [StoredCollection] = []
        var entries: [Entry] = []
        var unready: [Document] = []
        /// What the index gives, whatever it is asked.
        var indexed: [ScoredNumber]?
        var wordsError: StoreError?
        var rowsError: StoreError?
        var unreadyError: StoreError?
        var vectorsHang = false
        var wordsHang = false
        var isReady = true
        var askedPartitions: [Set<Int64>] = []
        var askedWords: [[String]] = []
        /// What happens between the search and the reading of rows.
        var beforeRows: (@Sendable (inout State) -> Void)?
    }

    let state: Mutex<State>

    init(_ state: State = State()) {
        self.state = Mutex(state)
    }

    @discardableResult
    func add(collection name: String, owner: UserID, readers: KnowledgeCollection.Readers = .owner) -> StoredCollection
    {
        self.state.withLock { state in
            let stored = StoredCollection(
                collection: KnowledgeCollection(
                    id: .generate(), ownerID: owner, name: name, readers: readers, createdAt: .now()),
                partition: Int64(state.collections.count + 1), documentCount: 0)
            state.collections.append(stored)
            return stored
        }
    }

    @discardableResult
    func add(
        _ text: String, to collection: StoredCollection, vector: [Float]? = nil, document: DocumentID = .generate(),
        range: Range<Int>? = nil
    ) -> Int64 {
        self.state.withLock { state in
            let number = Int64(state.entries.count + 1)
            state.entries.append(
                Entry(
                    passage: StoredPassage(
                        number: number, documentID: document, collectionID: collection.collection.id,
                        documentTitle: "Title", ordinal: 0, headings: [], page: nil,
                        range: range ?? 0..<text.unicodeScalars.count, text: text),
                    partition: collection.partition, vector: vector))
            return number
        }
    }

    func remove(_ number: Int64) {
        self.state.withLock { $0.entries[Int(number) - 1].isLive = false }
    }

    /// Until the task is cancelled.
    static func hang() async {
        try? await Task.sleep(for: .seconds(3600))
    }

    static func product(_ one: [Float], _ other: [Float]) -> Float {
        zip(one, other).reduce(0) { $0 + $1.0 * $1.1 }
    }

    static func words(_ text: String) -> [String] {
        text.lowercased().split { !$0.isLetter && !$0.isNumber }.map(String.init)
    }
}

extension SmallWorld: PassageIndex {
    var isReady: Bool { self.state.withLock { $0.isReady } }

    func nearest(
        _ vector: [Float], partitions: Set<Int64>, limit: Int
    ) async throws(KnowledgeError) -> [ScoredNumber] {
        let state = self.state.withLock { state in
            state.askedPartitions.append(partitions)
            return state
        }
        if state.vectorsHang { await Self.hang() }
        if let indexed = state.indexed { return indexed }
        return Array(
            state.entries.filter { partitions.contains($0.partition) && $0.vector != nil }
                .map { ScoredNumber(number: $0.passage.number, score: Double(Self.product($0.vector ?? [], vector))) }
                .sorted { ($0.score, $1.number) > ($1.score, $0.number) }
                .prefix(limit))
    }
}

extension SmallWorld: PassageStore {
    func keywordSearch(
        _ terms: [String], partitions: [Int64], limit: Int
    ) async throws(StoreError) -> [ScoredNumber] {
        let state = self.state.withLock { state in
            state.askedWords.append(terms)
            return state
        }
        if state.wordsHang { await Self.hang() }
        if let error = state.wordsError { throw error }
        return Array(
            state.entries.filter { $0.isLive && partitions.contains($0.partition) }
                .map { entry in
                    let words = Self.words(entry.passage.text)
                    return ScoredNumber(
                        number: entry.passage.number, score: Double(terms.count { words.contains($0) }))
                }
                .filter { $0.score > 0 }.sorted { ($0.score, $1.number) > ($1.score, $0.number) }.prefix(limit))
    }

    func terms(of query: String, partitions: [Int64]) async throws(StoreError) -> [QueryTerm] {
        if let error = self.state.withLock({ $0.wordsError }) { throw error }
        return Set(Self.words(query)).sorted().map { QueryTerm(stem: $0, information: 1) }
    }

    func passages(_ numbers: [Int64], partitions: [Int64]) async throws(StoreError) -> [StoredPassage] {
        let state = self.state.withLock { state in
            if let step = state.beforeRows {
                state.beforeRows = nil
                step(&state)
            }
            return state
        }
        if let error = state.rowsError { throw error }
        return state.entries.filter {
            $0.isLive && numbers.contains($0.passage.number) && partitions.contains($0.partition)
        }.map(\.passage).shuffled()
    }

    func vectors(
        ofPassages numbers: [Int64], partitions: [Int64], model: EmbeddingModel
    ) async throws(StoreError) -> [StoredVector] {
        self.state.withLock { $0.entries }.compactMap { entry in
            guard entry.isLive, numbers.contains(entry.passage.number), partitions.contains(entry.partition),
                let vector = entry.vector
            else { return nil }
            return StoredVector(number: entry.passage.number, partition: entry.partition, vector: vector)
        }.shuffled()
    }

    // MARK: Not asked by a search

    private var unasked: StoreError { StoreError(.internal, "A search has no business here.") }

    func document(_ version: DocumentVersion) async throws(StoreError) -> Document { throw self.unasked }
    func setProgress(_ version: DocumentVersion, to progress: Double) async throws(StoreError) { throw self.unasked }
    func setFailure(
        _ version: DocumentVersion, reason: String, at: Timestamp
    ) async throws(StoreError) { throw self.unasked }
    func stage(
        _ passages: [NewPassage], of version: DocumentVersion, model: EmbeddingModel?
    ) async throws(StoreError) { throw self.unasked }
    func stagedCount(
        _ version: DocumentVersion, model: EmbeddingModel?
    ) async throws(StoreError) -> Int { throw self.unasked }
    func publish(
        _ version: DocumentVersion, title: String, mediaType: String, passageCount: Int, at: Timestamp
    ) async throws(StoreError) { throw self.unasked }
    func sweep(now: Timestamp) async throws(StoreError) -> Bool { throw self.unasked }
    func changes(after sequence: Int64, limit: Int) async throws(StoreError) -> [KnowledgeChange] {
        throw self.unasked
    }
    func firstChange() async throws(StoreError) -> Int64 { throw self.unasked }
    func lastChange() async throws(StoreError) -> Int64 { throw self.unasked }
    func vectors(
        of document: Int64?, model: EmbeddingModel, after number: Int64, limit: Int
    ) async throws(StoreError) -> [StoredVector] { throw self.unasked }
    func passageNumbers(
        of document: Int64, except version: Int?
    ) async throws(StoreError) -> [Int64] { throw self.unasked }
    func passagesWithoutVector(
        model: EmbeddingModel, after number: Int64, limit: Int
    ) async throws(StoreError) -> [(number: Int64, title: String, text: String)] { throw self.unasked }
    func save(
        _ vectors: [(number: Int64, vector: [Float])], model: EmbeddingModel
    ) async throws(StoreError) { throw self.unasked }
}

extension SmallWorld: DocumentStore {
    func collections(readableBy user: UserID) async throws(StoreError) -> [StoredCollection] {
        self.state.withLock { $0.collections }.filter { stored in
            if stored.collection.ownerID == user { return true }
            return switch stored.collection.readers {
            case .owner: false
            case .everyone: true
            case .users(let users): users.contains(user)
            }
        }
    }

    func partitions(
        readableBy user: UserID
    ) async throws(StoreError) -> [(collection: CollectionID, partition: Int64)] {
        try await self.collections(readableBy: user).map { (collection: $0.collection.id, partition: $0.partition) }
    }

    func unreadyDocuments(in partitions: [Int64], limit: Int) async throws(StoreError) -> [Document] {
        let state = self.state.withLock { $0 }
        if let error = state.unreadyError { throw error }
        return Array(state.unready.prefix(limit))
    }

    func create(
        _ collection: KnowledgeCollection
    ) async throws(StoreError) -> StoredCollection { throw self.unasked }
    func collection(
        named name: String, owner: UserID, at: Timestamp
    ) async throws(StoreError) -> StoredCollection { throw self.unasked }
    func collection(
        _ id: CollectionID, readableBy user: UserID
    ) async throws(StoreError) -> StoredCollection { throw self.unasked }
    func update(
        _ id: CollectionID, owner: UserID, patch: CollectionPatch
    ) async throws(StoreError) -> StoredCollection { throw self.unasked }
    func delete(_ id: CollectionID, owner: UserID) async throws(StoreError) { throw self.unasked }
    func hasContent(_ hash: [UInt8]) async throws(StoreError) -> Bool { throw self.unasked }
    func writeContent(_ hash: [UInt8], part: Int, bytes: [UInt8]) async throws(StoreError) { throw self.unasked }
    func completeContent(_ hash: [UInt8], byteCount: Int) async throws(StoreError) { throw self.unasked }
    func contentPart(_ hash: [UInt8], part: Int) async throws(StoreError) -> [UInt8]? { throw self.unasked }
    func add(
        _ document: NewDocument, owner: UserID
    ) async throws(StoreError) -> (Document, DocumentAddition) { throw self.unasked }
    func documents(
        in collection: CollectionID?, readableBy user: UserID, before: String?, limit: Int
    ) async throws(StoreError) -> Page<Document> { throw self.unasked }
    func document(_ id: DocumentID, readableBy user: UserID) async throws(StoreError) -> Document {
        throw self.unasked
    }
    func delete(_ id: DocumentID, owner: UserID) async throws(StoreError) { throw self.unasked }
    func retry(_ id: DocumentID, owner: UserID) async throws(StoreError) -> Document { throw self.unasked }
}
