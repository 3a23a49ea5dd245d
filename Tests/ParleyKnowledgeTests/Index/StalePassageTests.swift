//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCore
import ParleyStore
import Synchronization
import Testing

@testable import ParleyKnowledge

/// What the searches of a test share: tokens that must not be found any more, and how many searches there were.
private final class Seen: Sendable {
    let retired = Mutex<Set<String>>([])
    let searches = Mutex(0)
}

@Suite("Deletes and updates under search", .timeLimit(.minutes(1)))
struct StalePassageTests {
    @Test("once a delete or an update is acknowledged no search shows what was there before")
    func neverStale() async throws {
        try await KnowledgeWorld.with { world in
            let index = world.index()
            let seen = Seen()
            let isDone = Flag()
            try await running(index.run) {
                try await eventually { index.isReady }
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for _ in 0..<3 {
                        group.addTask {
                            while !isDone.isSet {
                                let before = seen.retired.withLock { $0 }
                                var texts = try await world.nearest("shared words of all", in: index, limit: 20)
                                texts += try await world.found("share")
                                for text in texts {
                                    let token = text.split(separator: " ").last.map(String.init) ?? ""
                                    #expect(!before.contains(token), "stale: \(token)")
                                }
                                seen.searches.withLock { $0 += 1 }
                            }
                        }
                    }
                    for round in 0..<25 {
                        let name = "file\(round).txt"
                        func text(_ token: String) -> String { "Some shared words of all documents: \(token)" }
                        let document = try await world.ingest(text("first\(round)"), name: name)
                        index.nudge()
                        _ = try await world.ingest(text("second\(round)"), name: name)
                        seen.retired.withLock { _ = $0.insert("first\(round)") }
                        index.nudge()
                        try await world.store.delete(document.id, owner: world.owner)
                        seen.retired.withLock { _ = $0.insert("second\(round)") }
                        if round % 5 == 0 { while try await world.store.sweep(now: .now()) {} }
                    }
                    isDone.set()
                    try await group.waitForAll()
                }
            }
            #expect(seen.searches.withLock { $0 } > 20)
        }
    }
}

@Suite("Vectors for what has none", .timeLimit(.minutes(1)))
struct BackfillTests {
    @Test("a refused batch is divided until the text that is refused stands alone")
    func refused() async throws {
        let embedder = ScriptedEmbedder()
        embedder.change { $0.refused = ["bad"] }
        let texts = (0..<9).map { $0 == 4 ? "bad" : "good \($0)" }
        let vectors = try await BulkEmbedding(embedder: embedder).vectors(of: texts, model: embedder.model)
        #expect(vectors.count == 9)
        #expect(vectors[3] == embedder.vector("good 3"))
        #expect(vectors[4].reduce(0, +) == 1)
        #expect(Set(embedder.texts) == Set(texts.filter { $0 != "bad" }))
    }

    @Test("a long text that is refused is embedded by its beginning")
    func beginning() async throws {
        let embedder = ScriptedEmbedder()
        embedder.change { $0.refused = ["END"] }
        let text = String(repeating: "word ", count: 400) + "END"
        let vectors = try await BulkEmbedding(embedder: embedder).vectors(of: [text], model: embedder.model)
        #expect(vectors == [embedder.vector(String(text.prefix(1000)))])
    }

    @Test("what cannot pass is not tried again, and a cancelled task stores nothing in its place")
    func cancelled() async throws {
        let embedder = ScriptedEmbedder()
        embedder.change { $0.failures = [EmbedderError(.refused, "no"), EmbedderError(.cancelled, "stop")] }
        await #expect(throws: EmbedderError.self) {
            _ = try await BulkEmbedding(embedder: embedder).vectors(of: ["a", "b"], model: embedder.model)
        }
        embedder.change { $0.failures = [EmbedderError(.unauthorized, "no"), EmbedderError(.unauthorized, "no")] }
        await #expect(throws: EmbedderError.self) {
            _ = try await BulkEmbedding(embedder: embedder).vectors(of: ["a"], model: embedder.model)
        }
        embedder.change { #expect($0.failures.count == 1) }
    }

    @Test("it goes on by itself when a text comes, and after a failure")
    func runs() async throws {
        try await KnowledgeWorld.with { world in
            let document = try await world.add("Apples grow on trees.", name: "a.txt")
            try await world.runJobs(world.ingestion(withoutEmbedder: true))
            let backfill = Backfill(
                passages: world.store, messages: world.store, embedder: world.embedder, passageIndex: nil,
                messageIndex: nil, logger: world.logger)
            let model = world.embedder.model
            try await running(backfill.run) {
                try await eventually {
                    try await world.store.vectors(of: nil, model: model, after: 0, limit: 9).count == 1
                }
                _ = try await world.add("Bicycles roll on wheels.", name: "b.txt")
                try await world.runJobs(world.ingestion(withoutEmbedder: true))
                backfill.nudge()
                try await eventually {
                    try await world.store.vectors(of: nil, model: model, after: 0, limit: 9).count == 2
                }
            }
            #expect(try await world.document(document.id).state == .ready)
        }
    }
}
