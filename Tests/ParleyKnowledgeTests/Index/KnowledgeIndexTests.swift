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

@Suite("The index of passages", .timeLimit(.minutes(1)))
struct KnowledgeIndexTests {
    @Test("an index is made from the rows, saved at the end, and loaded at the next start")
    func saved() async throws {
        try await KnowledgeWorld.with { world in
            _ = try await world.ingest("Apples and pears grow on trees.", name: "fruit.txt")
            let first = world.index()
            try await running(first.run) {
                try await eventually { first.isReady }
                #expect(try await world.nearest("apples pears trees", in: first).count == 1)
            }
            #expect(first.status == .ready)
            let file = IndexFiles(folder: world.folder + "/index", name: "passages").path(of: world.embedder.model)
            let made = try FileManager.default.attributesOfItem(atPath: file)[.modificationDate] as? Date
            let second = world.index()
            try await running(second.run) {
                try await eventually { second.isReady }
                #expect(second.figures.vectors == 1)
            }
            // Nothing changed, so nothing was written.
            #expect(try FileManager.default.attributesOfItem(atPath: file)[.modificationDate] as? Date == made)
        }
    }

    @Test("a file that is damaged, foreign or empty is made anew", arguments: ["garbage", "", "cut"])
    func damaged(_ kind: String) async throws {
        try await KnowledgeWorld.with { world in
            _ = try await world.ingest("Apples and pears grow on trees.", name: "fruit.txt")
            let first = world.index()
            try await running(first.run) { try await eventually { first.isReady } }
            let file = IndexFiles(folder: world.folder + "/index", name: "passages").path(of: world.embedder.model)
            let url = URL(fileURLWithPath: file)
            let whole = try Data(contentsOf: url)
            try (kind == "cut" ? whole.dropLast(7) : Data(kind.utf8)).write(to: url)
            let second = world.index()
            try await running(second.run) {
                try await eventually { second.isReady }
                #expect(try await world.nearest("apples", in: second).count == 1)
            }
            #expect(try Data(contentsOf: url).count == whole.count)
        }
    }

    @Test("what is published, replaced and removed is followed, and what is gone is never shown")
    func followed() async throws {
        try await KnowledgeWorld.with { world in
            let index = world.index()
            try await running(index.run) {
                try await eventually { index.isReady }
                let document = try await world.ingest("Apples grow on trees.", name: "a.txt")
                index.nudge()
                try await eventually { try await world.nearest("apples trees", in: index).count == 1 }
                _ = try await world.ingest("Bicycles roll on wheels.", name: "a.txt")
                // At once, whatever the index holds.
                #expect(try await world.nearest("apples trees", in: index).filter { $0.contains("Apples") } == [])
                index.nudge()
                try await eventually {
                    try await world.nearest("bicycles wheels", in: index).first?.contains("Bicycles") == true
                }
                #expect(index.figures.vectors == 1)
                try await world.store.delete(document.id, owner: world.owner)
                #expect(try await world.nearest("bicycles", in: index) == [])
                index.nudge()
                try await eventually { index.figures.vectors == 0 }
                try await eventually { index.figures.lag == 0 }
            }
        }
    }

    @Test("another model has another file; the old one goes when the new one is whole")
    func generations() async throws {
        try await KnowledgeWorld.with { world in
            _ = try await world.ingest("Apples grow on trees.", name: "a.txt")
            let files = IndexFiles(folder: world.folder + "/index", name: "passages")
            let first = world.index()
            try await running(first.run) { try await eventually { first.isReady } }
            let other = ScriptedEmbedder(name: "others", dimension: 16)
            let second = world.index(embedder: other)
            try await running(second.run) {
                try await eventually { second.isReady }
                #expect(second.figures.vectors == 0)
                let backfill = Backfill(
                    passages: world.store, messages: world.store, embedder: other, passageIndex: second,
                    messageIndex: nil, logger: world.logger)
                #expect(try await backfill.round(BulkEmbedding(embedder: other)) == 1)
                try await eventually { second.figures.vectors == 1 }
            }
            #expect(FileManager.default.fileExists(atPath: files.path(of: other.model)))
            #expect(!FileManager.default.fileExists(atPath: files.path(of: world.embedder.model)))
        }
    }

    @Test("an index whose strangers can no longer be told apart is made anew")
    func strangers() async throws {
        try await KnowledgeWorld.with { world in
            let gone = try await world.ingest("Apples grow on trees.", name: "a.txt")
            _ = try await world.ingest("Bicycles roll on wheels.", name: "b.txt")
            let first = world.index()
            try await running(first.run) { try await eventually { first.figures.vectors == 2 } }
            try await world.store.delete(gone.id, owner: world.owner)
            while try await world.store.sweep(now: .now()) {}
            let second = world.index()
            try await running(second.run) {
                try await eventually { second.isReady && second.figures.vectors == 1 }
            }
        }
    }

    @Test("without an embedder it says why, and answers nothing")
    func absent() async throws {
        try await KnowledgeWorld.with { world in
            let index = KnowledgeIndex.ofPassages(
                world.store, embedder: nil, absence: "No model: fetch one.", folder: world.folder + "/index",
                logger: world.logger)
            #expect(index.status == .degraded(reason: "No model: fetch one."))
            #expect(!index.isReady)
            await #expect(throws: KnowledgeError.self) {
                _ = try await index.nearest([1], partitions: [1], limit: 1)
            }
        }
    }

    @Test("an embedder that is away at start is asked again")
    func late() async throws {
        try await KnowledgeWorld.with { world in
            let embedder = AbsentEmbedder(world.embedder)
            let index = world.index(embedder: embedder)
            try await running(index.run) {
                try await eventually { index.status.name == "degraded" }
                embedder.isAway.withLock { $0 = false }
                index.nudge()
                try await eventually { index.isReady }
            }
        }
    }
}

/// One whose model cannot be learnt while it is away.
private final class AbsentEmbedder: Embedder {
    let isAway = Mutex(true)
    private let other: ScriptedEmbedder

    init(_ other: ScriptedEmbedder) {
        self.other = other
    }

    var model: EmbeddingModel {
        get async throws(EmbedderError) {
            guard !self.isAway.withLock({ $0 }) else { throw EmbedderError(.unreachable, "It is away.") }
            return self.other.model
        }
    }

    func embed(_ texts: [String], purpose: EmbeddingPurpose) async throws(EmbedderError) -> [[Float]] {
        try await self.other.embed(texts, purpose: purpose)
    }

    func tokens(in text: String) -> Int { self.other.tokens(in: text) }
}

@Suite("Changes of what can be found")
struct PassageFeedTests {
    @Test("of many changes of one document the last ones count")
    func outcomes() {
        let changes: [KnowledgeChange] = [
            .init(sequence: 1, documentNumber: 7, version: 1, kind: .published),
            .init(sequence: 2, documentNumber: 8, version: 1, kind: .published),
            .init(sequence: 3, documentNumber: 7, version: 1, kind: .embedded),
            .init(sequence: 4, documentNumber: 7, version: 2, kind: .published),
            .init(sequence: 5, documentNumber: 8, version: 1, kind: .removed),
            .init(sequence: 6, documentNumber: 9, version: 1, kind: .embedded),
            .init(sequence: 7, documentNumber: 9, version: 1, kind: .embedded),
        ]
        let outcomes = PassageFeed.outcomes(of: changes)
        #expect(outcomes.map(\.document) == [7, 8, 9])
        #expect(outcomes[0].outcome.published == 2)
        #expect(outcomes[0].outcome.embedded == 0)
        #expect(outcomes[1].outcome.isRemoved)
        #expect(outcomes[2].outcome.embedded == 2)
        #expect(outcomes[2].outcome.published == nil)
        #expect(outcomes[2].outcome.firstSequence == 6)
    }

    @Test("a document that is given vectors in a thousand steps is read some ten times, not a thousand")
    func backlog() {
        var backlog = EmbeddedBacklog()
        let start = ContinuousClock.now
        var reads = 0
        for step in 0..<1000 {
            let now = start + .milliseconds(step)
            backlog.add(5, sequence: Int64(step), steps: 1, now: now)
            #expect(backlog.firstSequence.map { $0 <= Int64(step) } == true)
            for document in backlog.due(now: now) {
                reads += 1
                backlog.settle(document)
            }
        }
        #expect(reads <= 12)
        #expect(backlog.due(now: start + .seconds(2)) == [])
        #expect(backlog.due(now: start + .seconds(1) + KnowledgeLimits.quietInterval) == [5])
        backlog.settle(5)
        #expect(backlog.firstSequence == nil)
    }

    @Test("a model's generation depends on its name and dimension")
    func generation() {
        let model = EmbeddingModel(name: "a", dimension: 3, maximumTokens: 9)
        var other = model
        other.maximumTokens = 10
        #expect(IndexFiles.generation(of: model) == IndexFiles.generation(of: other))
        other.dimension = 4
        #expect(IndexFiles.generation(of: model) != IndexFiles.generation(of: other))
        #expect(IndexFiles.generation(of: model) > 0)
    }
}

@Suite("A nudge", .timeLimit(.minutes(1)))
struct NudgeTests {
    @Test("a signal that came before the wait ends it")
    func before() async {
        let nudge = Nudge()
        nudge.signal()
        nudge.signal()
        await nudge.wait(atMost: .seconds(50))
    }

    @Test("a wait ends with the signal, with its time, and with its task")
    func ends() async {
        let nudge = Nudge()
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await nudge.wait(atMost: .seconds(50)) }
            await Task.yield()
            nudge.signal()
        }
        await nudge.wait(atMost: .milliseconds(1))
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await nudge.wait(atMost: .seconds(50)) }
            group.cancelAll()
        }
    }
}
