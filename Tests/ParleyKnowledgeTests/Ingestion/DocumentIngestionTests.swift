//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation
import ParleyCore
import ParleyStore
import Synchronization
import Testing

@testable import ParleyKnowledge

@Suite("The reading of documents", .timeLimit(.minutes(1)))
struct DocumentIngestionTests {
    /// Text of so many paragraphs, no two the same.
    static func text(_ paragraphs: Int, seed: String = "fact") -> String {
        (0..<paragraphs).map { number in
            (0..<60).map { "\(seed)\(number)x\($0)" }.joined(separator: " ") + "."
        }.joined(separator: "\n\n")
    }

    @Test("a document becomes passages that words and vectors find, once each")
    func becomesReady() async throws {
        try await KnowledgeWorld.with { world in
            let document = try await world.ingest("# Fruit\n\nApples grow on trees.", name: "notes/fruit.md")
            #expect(document.state == .ready)
            #expect(document.mediaType == "text/markdown")
            #expect(document.title == "Fruit")
            #expect(document.passageCount == 1)
            #expect(try await world.found("appl").count == 1)
            #expect(world.embedder.texts.count == 1)
            let passages = try await world.store.vectors(
                of: nil, model: world.embedder.model, after: 0, limit: 10)
            #expect(passages.count == 1)
            // Nothing is left behind.
            #expect(try FileManager.default.contentsOfDirectory(atPath: world.folder + "/tmp") == [])
        }
    }

    @Test("a job that was interrupted goes on where it was, and no passage is there twice")
    func goesOn() async throws {
        try await KnowledgeWorld.with { world in
            let document = try await world.add(Self.text(700), name: "long.txt")
            let lease = try #require(try await world.claim())
            // The worker is cancelled in the middle of a later batch.
            await withTaskGroup(of: Void.self) { group in
                let (reached, reach) = AsyncStream.makeStream(of: Void.self)
                world.embedder.change { state in
                    state.beforeEach = { count in
                        guard count >= 3 * KnowledgeLimits.batchPassages else { return }
                        reach.finish()
                        try? await Task.sleep(for: .seconds(50))
                    }
                }
                group.addTask { try? await world.ingestion().run(lease.job, progress: JobProgress()) }
                for await _ in reached {}
                group.cancelAll()
            }
            world.embedder.change { $0.beforeEach = nil }
            let staged = try await world.store.stagedCount(
                DocumentVersion(documentID: document.id, version: 1), model: world.embedder.model)
            #expect(staged == 3 * KnowledgeLimits.batchPassages)
            #expect(try await world.document(document.id).state != .ready)
            try await world.store.handBack(lease, now: .now())
            try await world.runJobs()
            let ready = try await world.document(document.id)
            #expect(ready.state == .ready)
            #expect(ready.passageCount > 4 * KnowledgeLimits.batchPassages)
            // Each was embedded once over both runs.
            #expect(world.embedder.texts.count == ready.passageCount)
            #expect(Set(world.embedder.texts).count == ready.passageCount)
            let vectors = try await world.store.vectors(
                of: nil, model: world.embedder.model, after: 0, limit: 1000)
            #expect(vectors.count == ready.passageCount)
        }
    }

    @Test("without an embedder words find it, and the backfill adds the vectors later")
    func withoutEmbedder() async throws {
        try await KnowledgeWorld.with { world in
            let document = try await world.add(Self.text(40), name: "long.txt")
            try await world.runJobs(world.ingestion(withoutEmbedder: true))
            let ready = try await world.document(document.id)
            #expect(ready.state == .ready)
            #expect(try await world.found("fact7x3").count >= 1)
            let model = world.embedder.model
            #expect(try await world.store.vectors(of: nil, model: model, after: 0, limit: 1000) == [])
            let backfill = Backfill(
                passages: world.store, messages: world.store, embedder: world.embedder, passageIndex: nil,
                messageIndex: nil, logger: world.logger)
            let count = try await backfill.round(BulkEmbedding(embedder: world.embedder))
            #expect(count == ready.passageCount)
            #expect(
                try await world.store.vectors(of: nil, model: model, after: 0, limit: 1000).count == count)
            #expect(try await backfill.round(BulkEmbedding(embedder: world.embedder)) == 0)
        }
    }

    @Test("an embedder that fails holds no document up")
    func failingEmbedder() async throws {
        try await KnowledgeWorld.with { world in
            world.embedder.change { $0.failures = [EmbedderError(.unauthorized, "The key is wrong.")] }
            let document = try await world.ingest(Self.text(40), name: "long.txt")
            #expect(document.state == .ready)
            #expect(try await world.found("fact7x3").count >= 1)
        }
    }

    @Test("an embedder that fails for a moment is asked again")
    func passingFailure() async throws {
        try await KnowledgeWorld.with { world in
            world.embedder.change { $0.failures = [EmbedderError(.rateLimited, "Too many.", retryAfter: .zero)] }
            let document = try await world.ingest("Apples grow on trees.", name: "a.txt")
            #expect(document.state == .ready)
            #expect(
                try await world.store.vectors(of: nil, model: world.embedder.model, after: 0, limit: 9).count == 1)
        }
    }

    @Test("a text that the embedder refuses does not keep others from theirs, nor is it asked for ever")
    func refusedText() async throws {
        try await KnowledgeWorld.with { world in
            world.embedder.change { $0.refused = ["fact5x1"] }
            let document = try await world.ingest(Self.text(20), name: "long.txt")
            #expect(document.state == .ready)
            let model = world.embedder.model
            #expect(
                try await world.store.vectors(of: nil, model: model, after: 0, limit: 99).count
                    == document.passageCount)
            #expect(
                try await world.store.passagesWithoutVector(model: model, after: 0, limit: 9).isEmpty)
        }
    }

    @Test("a changed file takes the place of its passages in one step")
    func replaced() async throws {
        try await KnowledgeWorld.with { world in
            let first = try await world.ingest(Self.text(50, seed: "old") + " marker", name: "a.txt")
            let isDone = Flag()
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    while !isDone.isSet {
                        // All of the old or all of the new, at every moment.
                        let texts = try await world.found("marker")
                        #expect(texts.count == 1)
                    }
                }
                let second = try await world.ingest(Self.text(60, seed: "new") + " marker", name: "a.txt")
                #expect(second.id == first.id)
                #expect(second.version == 2)
                isDone.set()
                try await group.waitForAll()
            }
            #expect(try await world.found("old7x3") == [])
            #expect(try await world.found("new7x3").count >= 1)
        }
    }

    @Test("a document that is deleted while it is read ends its job quietly")
    func deletedMeanwhile() async throws {
        try await KnowledgeWorld.with { world in
            let document = try await world.add(Self.text(200), name: "long.txt")
            world.embedder.change { state in
                state.beforeEach = { count in
                    if count == KnowledgeLimits.batchPassages {
                        try? await world.store.delete(document.id, owner: world.owner)
                    }
                }
            }
            try await world.runJobs()
            #expect(world.embedder.texts.count <= 2 * KnowledgeLimits.batchPassages)
            #expect(try await world.found("fact7x3") == [])
            await #expect(throws: StoreError.self) { try await world.document(document.id) }
        }
    }

    @Test(
        "what is no document fails with a reason",
        arguments: [
            ("empty.txt", [UInt8](" \n\n \t\n".utf8)), ("nul.txt", [UInt8](repeating: 0, count: 5000)),
            ("picture.txt", [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A] + [UInt8](repeating: 7, count: 3000)),
            ("broken.pdf", [UInt8]("%PDF-1.7\nnothing else".utf8)),
            ("broken.docx", [0x50, 0x4B, 0x03, 0x04] + [UInt8](repeating: 1, count: 500)),
        ])
    func refused(_ name: String, _ bytes: [UInt8]) async throws {
        try await KnowledgeWorld.with { world in
            let document = try await world.add(bytes, name: name)
            try await world.runJobs()
            let failed = try await world.document(document.id)
            #expect(failed.state == .failed)
            #expect(failed.failure?.isEmpty == false)
            #expect(try FileManager.default.contentsOfDirectory(atPath: world.folder + "/tmp") == [])
        }
    }

    @Test("a text of few tokens and very many letters is cut, not refused")
    func longWords() async throws {
        try await KnowledgeWorld.with { world in
            let text = (0..<400).map { "\($0)" + String(repeating: "q", count: 700) }.joined(separator: " ")
            let document = try await world.ingest(text, name: "keys.txt")
            #expect(document.state == .ready, "\(document.failure ?? "")")
        }
    }

    @Test("files that a killed process left are removed, those in use are not")
    func leftovers() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("parley-\(UUID())").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let used = try ContentSpool(folder: folder)
        let old = folder + "/document-old"
        try Data("x".utf8).write(to: URL(fileURLWithPath: old))
        for path in [old, used.path] {
            try FileManager.default.setAttributes(
                [.modificationDate: Date(timeIntervalSinceNow: -3600)], ofItemAtPath: path)
        }
        ContentSpool.sweep(folder)
        #expect(!FileManager.default.fileExists(atPath: old))
        #expect(FileManager.default.fileExists(atPath: used.path))
    }

    @Test("a title is one line, and a file's name where there is none")
    func titles() async throws {
        var document = Document(
            id: .generate(), collectionID: .generate(), ownerID: .generate(), name: "a/b\u{7}.txt", title: "",
            byteCount: 1, contentHash: [], createdAt: .now(), updatedAt: .now())
        #expect(DocumentIngestion.title("  A\n title ", document) == "A title")
        #expect(DocumentIngestion.title(nil, document) == "b .txt")
        document.name = "\n"
        #expect(DocumentIngestion.title("", document) == "Document")
        #expect(
            DocumentIngestion.title(String(repeating: "x", count: 5000), document).count
                == KnowledgeLimits.titleScalars)
    }
}
