//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation
import Logging
import ParleyCore
import ParleyStore
import Synchronization
import Testing

@testable import ParleyKnowledge

/// A store in a folder of its own, with one user and one collection, and what works on it.
struct KnowledgeWorld: Sendable {
    let folder: String
    let store: SQLiteStore
    let collection: StoredCollection
    let embedder = ScriptedEmbedder()
    let owner = User.local.id
    let logger: Logger = {
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        return logger
    }()

    /// Calls the body with a fresh world and removes it afterwards.
    static func with(_ body: (KnowledgeWorld) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("parley-\(UUID())").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let store = try SQLiteStore(path: folder + "/parley.db", durability: .processCrash)
        try await store.create(User.local, passwordHash: nil, onlyIfFirst: false)
        let collection = try await store.collection(named: "Papers", owner: User.local.id, at: .now())
        try await body(KnowledgeWorld(folder: folder, store: store, collection: collection))
        try await store.close()
    }

    // MARK: Documents

    @discardableResult
    func add(_ content: [UInt8], name: String) async throws -> Document {
        // The store takes the caller's word for the hash.
        var hash = [UInt8](repeating: 0, count: 32)
        for (index, byte) in content.enumerated() { hash[index % 32] = hash[index % 32] &* 31 &+ byte }
        for (part, start) in stride(from: 0, to: content.count, by: CoreLimits.contentPartBytes).enumerated() {
            let end = min(start + CoreLimits.contentPartBytes, content.count)
            try await self.store.writeContent(hash, part: part, bytes: Array(content[start..<end]))
        }
        try await self.store.completeContent(hash, byteCount: content.count)
        return try await self.store.add(
            NewDocument(
                id: .generate(), collectionID: self.collection.collection.id, name: name,
                byteCount: content.count, contentHash: hash, at: .now()),
            owner: self.owner
        ).0
    }

    @discardableResult
    func add(_ text: String, name: String) async throws -> Document {
        try await self.add(Array(text.utf8), name: name)
    }

    func document(_ id: DocumentID) async throws -> Document {
        try await self.store.document(id, readableBy: self.owner)
    }

    func ingestion(embedder: (any Embedder)? = nil, withoutEmbedder: Bool = false) -> DocumentIngestion {
        DocumentIngestion(
            contents: self.store, passages: self.store,
            embedder: withoutEmbedder ? nil : embedder ?? self.embedder, folder: self.folder + "/tmp",
            logger: self.logger)
    }

    /// Runs all jobs that are due.
    func runJobs(_ ingestion: DocumentIngestion? = nil) async throws {
        let ingestion = ingestion ?? self.ingestion()
        while let lease = try await self.claim() {
            do {
                try await ingestion.run(lease.job, progress: JobProgress())
                _ = try await self.store.complete(lease, now: .now())
            } catch let error as JobError {
                _ = try await self.store.fail(
                    lease, error: error.message, retryable: error.isRetryable, now: .now())
                throw error
            }
        }
    }

    /// The next job, as if leases of earlier ones had run out.
    func claim() async throws -> JobLease? {
        try await self.store.claim(
            kinds: [.readDocument], worker: NodeID("test"), limit: 1,
            now: Timestamp.now().advanced(by: .seconds(60))
        ).first
    }

    /// Reads a document at once.
    func ingest(_ text: String, name: String) async throws -> Document {
        let document = try await self.add(text, name: name)
        try await self.runJobs()
        return try await self.document(document.id)
    }

    /// The texts of all passages that hold this word now.
    func found(_ word: String) async throws -> [String] {
        for _ in 0..<10 {
            let hits = try await self.store.keywordSearch(
                [word], partitions: [self.collection.partition], limit: 100)
            let rows = try await self.store.passages(
                hits.map(\.number), partitions: [self.collection.partition])
            // What was replaced between the two reads is looked for again, as a search does.
            if rows.count == hits.count { return rows.map(\.text) }
        }
        return []
    }

    // MARK: Index

    func index(embedder: (any Embedder)? = nil) -> KnowledgeIndex {
        KnowledgeIndex.ofPassages(
            self.store, embedder: embedder ?? self.embedder, absence: "", folder: self.folder + "/index",
            logger: self.logger)
    }

    /// Texts of the passages nearest to a text, by the index and the rows.
    func nearest(_ text: String, in index: KnowledgeIndex, limit: Int = 3) async throws -> [String] {
        let hits = try await index.nearest(
            self.embedder.vector(text), partitions: [self.collection.partition], limit: limit)
        let passages = try await self.store.passages(
            hits.map(\.number), partitions: [self.collection.partition])
        return hits.compactMap { hit in passages.first { $0.number == hit.number }?.text }
    }
}

/// Waits until a condition holds, within ten seconds.
func eventually(
    sourceLocation: SourceLocation = #_sourceLocation, _ condition: () async throws -> Bool
) async throws {
    let end = ContinuousClock.now + .seconds(10)
    while try await !condition() {
        guard ContinuousClock.now < end else {
            Issue.record("it did not come to be within ten seconds", sourceLocation: sourceLocation)
            return
        }
        try await Task.sleep(for: .milliseconds(5))
    }
}

/// Runs a service beside the body, and ends it by cancelling.
func running<Value: Sendable>(
    _ service: @escaping @Sendable () async throws -> Void, _ body: () async throws -> Value
) async throws -> Value {
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await service() }
        let value = try await body()
        group.cancelAll()
        return value
    }
}

/// Is set once, for all tasks.
final class Flag: Sendable {
    private let value = Atomic(false)

    var isSet: Bool { self.value.load(ordering: .relaxed) }

    func set() { self.value.store(true, ordering: .relaxed) }
}
