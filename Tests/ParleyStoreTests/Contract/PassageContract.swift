//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCore
import Testing

@Suite("a store keeps passages and finds them")
struct PassageContract {
    let owner = UserID.generate()

    private func withDocument(
        _ factory: StoreFactory,
        _ body: @Sendable (any DurableStore, StoredCollection, Document, DocumentVersion) async throws -> Void
    ) async throws {
        try await factory.withStore { [owner] store in
            let stored = try await store.create(Samples.collection(owner: owner))
            let (document, _) = try await store.add("a.txt", content: 1, to: stored.collection.id, owner: owner)
            try await body(store, stored, document, DocumentVersion(documentID: document.id, version: 1))
        }
    }

    @Test("staged passages are not found, published ones are, as they were staged", arguments: StoreFactory.all)
    func publishing(_ factory: StoreFactory) async throws {
        try await self.withDocument(factory) { [owner] store, stored, document, version in
            let passages = [
                Samples.passage(0, "The walrus sleeps.", headings: ["Sea", "Mammals\r\nbig"], vector: [1, 0, 0, 0]),
                Samples.passage(1, "A seal swims.", headings: ["Sea"], vector: [0, 0.5, -0.25, 1e-3]),
            ]
            try await store.stage(passages, of: version, model: Samples.model)
            #expect(try await store.found("walrus", in: [stored.partition]).isEmpty)
            #expect(try await store.vectors(of: nil, model: Samples.model, after: 0, limit: 9).isEmpty)
            await expectError(.invalid) {
                try await store.publish(version, title: "T", mediaType: "m", passageCount: 3, at: Samples.time(2))
            }
            #expect(try await store.found("walrus", in: [stored.partition]).isEmpty)
            try await store.publish(
                version, title: "Animals", mediaType: "text/plain", passageCount: 2, at: Samples.time(2))
            let ready = try await store.document(document.id, readableBy: owner)
            #expect(ready.state == .ready && ready.passageCount == 2 && ready.title == "Animals")
            #expect(ready.mediaType == "text/plain" && ready.progress == 1)
            let hits = try await store.keywordSearch(["walru"], partitions: [stored.partition], limit: 9)
            #expect(hits.count == 1 && hits[0].score > 0)
            let found = try #require(
                try await store.passages([hits[0].number], partitions: [stored.partition]).first)
            #expect(
                found
                    == StoredPassage(
                        number: hits[0].number, documentID: document.id, collectionID: stored.collection.id,
                        documentTitle: "Animals", ordinal: 0, headings: ["Sea", "Mammals  big"], page: 1, range: 0..<10,
                        text: "The walrus sleeps."))
            let vectors = try await store.vectors(of: nil, model: Samples.model, after: 0, limit: 9)
            #expect(vectors.map(\.vector) == [[1, 0, 0, 0], [0, 0.5, -0.25, 1e-3]])
            #expect(vectors.allSatisfy { $0.partition == stored.partition })
            let candidates = { (partition: Int64, model: EmbeddingModel) in
                try await store.vectors(
                    ofPassages: vectors.map(\.number).reversed() + [-1, 99], partitions: [partition], model: model)
            }
            #expect(Set(try await candidates(stored.partition, Samples.model)) == Set(vectors))
            #expect(try await candidates(stored.partition + 1, Samples.model).isEmpty)
            let foreign = EmbeddingModel(name: "foreign", dimension: 4, maximumTokens: 9)
            #expect(try await candidates(stored.partition, foreign).isEmpty)
            // A repeat whose answer was lost.
            try await store.publish(
                version, title: "Animals", mediaType: "text/plain", passageCount: 2, at: Samples.time(2))
            #expect(try await store.changes(after: 0, limit: 9).map(\.kind) == [.published])
        }
    }

    @Test(
        "a job that begins again goes on where it was, and replaces what it stages again", arguments: StoreFactory.all)
    func resuming(_ factory: StoreFactory) async throws {
        try await self.withDocument(factory) { store, stored, _, version in
            #expect(try await store.stagedCount(version, model: nil) == 0)
            try await store.stage(
                [Samples.passage(0, "zero"), Samples.passage(1, "one"), Samples.passage(3, "three")], of: version,
                model: nil)
            #expect(try await store.stagedCount(version, model: nil) == 2)
            #expect(try await store.stagedCount(version, model: Samples.model) == 0)
            try await store.stage(
                [Samples.passage(0, "zero", vector: [1, 0, 0, 0]), Samples.passage(1, "uno")], of: version,
                model: Samples.model)
            #expect(try await store.stagedCount(version, model: Samples.model) == 1)
            try await store.stage(
                (2..<9).map { Samples.passage($0, "number \($0)") }, of: version, model: nil)
            #expect(try await store.stagedCount(version, model: nil) == 9)
            // An attempt under another title, with fewer passages in the end.
            await expectError(.invalid) {
                try await store.publish(
                    version, title: "Elephant", mediaType: "m", passageCount: 10, at: Samples.time(1))
            }
            try await store.stage([Samples.passage(4, "vier")], of: version, model: nil)
            try await store.publish(version, title: "Giraffe", mediaType: "m", passageCount: 5, at: Samples.time(1))
            #expect(try await store.found("elephant", in: [stored.partition]).isEmpty)
            #expect(try await store.found("giraffe", in: [stored.partition]).count == 5)
            #expect(try await store.found("one", in: [stored.partition]).isEmpty)
            #expect(try await store.found("uno", in: [stored.partition]) == ["uno"])
            #expect(try await store.found("vier", in: [stored.partition]) == ["vier"])
            #expect(try await store.found("number", in: [stored.partition]).count == 2)
        }
    }

    @Test("what is published is left alone by a worker that comes late", arguments: StoreFactory.all)
    func late(_ factory: StoreFactory) async throws {
        try await self.withDocument(factory) { [owner] store, stored, document, version in
            try await store.publish(document, ["walrus"])
            try await store.stage(
                [Samples.passage(0, "seal"), Samples.passage(1, "seal")], of: version, model: nil)
            try await store.setFailure(version, reason: "late", at: Samples.time(3))
            try await store.setProgress(version, to: 0.2)
            #expect(try await store.found("walrus seal", in: [stored.partition]) == ["walrus"])
            let after = try await store.document(document.id, readableBy: owner)
            #expect(after.state == .ready && after.failure == nil && after.progress == 1)
        }
    }

    @Test("passages that cannot be one are refused", arguments: StoreFactory.all)
    func invalid(_ factory: StoreFactory) async throws {
        try await self.withDocument(factory) { store, _, _, version in
            let wrong = [
                Samples.passage(-1, "x"), Samples.passage(CoreLimits.passagesPerDocument, "x"),
                Samples.passage(0, String(repeating: "x", count: CoreLimits.passageBytes + 1)),
                Samples.passage(0, "x", vector: [1, 2, 3]),
            ]
            for passage in wrong {
                await expectError(.invalid) { try await store.stage([passage], of: version, model: Samples.model) }
            }
            let staged = try await store.stagedCount(version, model: nil)
            #expect(staged == 0)
        }
    }

    @Test("words are found by their stems, in titles and headings too; titles count more", arguments: StoreFactory.all)
    func words(_ factory: StoreFactory) async throws {
        try await self.withDocument(factory) { store, stored, document, version in
            try await store.stage(
                [
                    Samples.passage(0, "She was running home.", headings: ["Étude"]),
                    Samples.passage(1, "我想学习机器学习的基础知识"),
                    Samples.passage(2, "nothing, but \"quotes\" AND NOT operators*"),
                    Samples.passage(3, "The stars are far away", headings: ["Planets"]),
                    Samples.passage(4, "The planets are near, the moon is nearer still, and so on and so on"),
                ], of: version, model: nil)
            try await store.publish(version, title: "Guide", mediaType: "m", passageCount: 5, at: Samples.time(1))
            let here = [stored.partition]
            #expect(try await store.found("How does one run?", in: here) == ["She was running home."])
            #expect(try await store.found("etude", in: here).count == 1)
            #expect(try await store.found("GUIDES", in: here).count == 5)
            #expect(try await store.found("机器", in: here).count == 1)
            #expect(try await store.found("器机", in: here).isEmpty)
            #expect(try await store.found("\"quotes\" AND", in: here).count == 1)
            #expect(try await store.found("planet", in: here).first == "The stars are far away")
            #expect(try await store.found("?! — …", in: here).isEmpty)
            #expect(try await store.keywordSearch([], partitions: here, limit: 9).isEmpty)
            for hostile in ["\"", "a\" OR collection:\"1", "*", "(", "\0", ""] {
                _ = try await store.keywordSearch([hostile], partitions: here, limit: 9)
            }
            // Stop words count when there is nothing else.
            #expect(try await store.found("the are", in: here).isEmpty == false)
        }
    }

    @Test("a rare word tells more than a common one, counted where the user may read", arguments: StoreFactory.all)
    func information(_ factory: StoreFactory) async throws {
        try await self.withDocument(factory) { [owner] store, stored, document, _ in
            try await store.publish(document, (0..<20).map { "common word number\($0)" })
            let other = try await store.create(Samples.collection(owner: owner, name: "other"))
            try await store.addReady(
                "b", content: 2, to: other.collection.id, owner: owner, (0..<50).map { _ in "number7 elsewhere" })
            let terms = try await store.terms(of: "Which number7 is common, unheard?", partitions: [stored.partition])
            #expect(terms.map(\.stem) == ["number7", "common", "unheard"])
            #expect(terms[0].information > terms[1].information && terms[2].information > terms[0].information)
            #expect(terms.allSatisfy { $0.information > 0 })
            let all = try await store.terms(of: "number7", partitions: [stored.partition, other.partition])
            #expect(all[0].information < terms[0].information)
        }
    }

    @Test("a version that is staged or replaced takes no place from what is live", arguments: StoreFactory.all)
    func starvation(_ factory: StoreFactory) async throws {
        try await self.withDocument(factory) { [owner] store, stored, document, _ in
            try await store.publish(document, (0..<30).map { _ in "walrus walrus walrus" })
            let (second, _) = try await store.add("a.txt", content: 2, to: stored.collection.id, owner: owner)
            try await store.publish(second, ["one walrus in a long and winding sentence about much else"])
            let (third, _) = try await store.add("a.txt", content: 3, to: stored.collection.id, owner: owner)
            let version = DocumentVersion(documentID: third.id, version: third.version)
            try await store.stage(
                (0..<30).map { Samples.passage($0, "walrus walrus") }, of: version, model: nil)
            await expectError(.invalid) {
                try await store.publish(version, title: "t", mediaType: "m", passageCount: 31, at: Samples.time(0))
            }
            for _ in 0..<2 {
                let found = try await store.found("walrus", in: [stored.partition], limit: 1)
                #expect(found == ["one walrus in a long and winding sentence about much else"])
                try await store.sweepAll()
            }
        }
    }

    @Test("the change sequence tells an index what to add and what to drop", arguments: StoreFactory.all)
    func changes(_ factory: StoreFactory) async throws {
        try await self.withDocument(factory) { [owner] store, stored, document, _ in
            #expect(try await store.lastChange() == 0)
            #expect(try await store.firstChange() == 1)
            #expect(try await store.changes(after: 0, limit: 9).isEmpty)
            try await store.publish(document, ["a", "b"])
            let first = try #require(try await store.changes(after: 0, limit: 9).first)
            #expect(first.kind == .published && first.version == 1)
            let lacking = try await store.passagesWithoutVector(model: Samples.model, after: 0, limit: 9)
            #expect(lacking.map(\.text) == ["a", "b"] && lacking.map(\.title) == ["Title", "Title"])
            try await store.save(
                [
                    (number: lacking[1].number, vector: [0, 1, 0, 0]), (number: 4711, vector: [0, 1, 0, 0]),
                ], model: Samples.model)
            await expectError(.invalid) {
                try await store.save([(number: lacking[0].number, vector: [1])], model: Samples.model)
            }
            #expect(
                try await store.passagesWithoutVector(model: Samples.model, after: 0, limit: 9).map(\.text) == ["a"])
            // Another dimension is another model.
            let larger = EmbeddingModel(name: "test", dimension: 8, maximumTokens: 256)
            #expect(try await store.passagesWithoutVector(model: larger, after: 0, limit: 9).count == 2)
            let (second, _) = try await store.add("a.txt", content: 2, to: stored.collection.id, owner: owner)
            try await store.publish(second, ["c"], vectors: [[1, 0, 0, 0]])
            try await store.delete(second.id, owner: owner)
            let all = try await store.changes(after: 0, limit: 9)
            #expect(all.map(\.kind) == [.published, .embedded, .published, .removed])
            #expect(all.map(\.version) == [1, 1, 2, 2])
            #expect(Set(all.map(\.documentNumber)) == [first.documentNumber])
            #expect(try await store.lastChange() == all.last?.sequence)
            #expect(try await store.changes(after: all[1].sequence, limit: 1).map(\.kind) == [.published])
            await expectError(.invalid) { _ = try await store.changes(after: 99, limit: 9) }
        }
    }

    @Test("vectors come by document and by number, each once", arguments: StoreFactory.all)
    func vectors(_ factory: StoreFactory) async throws {
        try await self.withDocument(factory) { [owner] store, stored, document, _ in
            let vector: [Float] = [1, 0, 0, 0]
            try await store.publish(
                document, (0..<5).map { "\($0)" }, vectors: Array(repeating: vector, count: 5))
            try await store.addReady(
                "b", content: 2, to: stored.collection.id, owner: owner, ["x"], vectors: [vector])
            let numbers = try await store.changes(after: 0, limit: 9).map(\.documentNumber)
            var seen: [Int64] = []
            while true {
                let page = try await store.vectors(of: nil, model: Samples.model, after: seen.last ?? 0, limit: 2)
                if page.isEmpty { break }
                seen += page.map(\.number)
            }
            #expect(seen.count == 6 && seen == seen.sorted() && Set(seen).count == 6)
            let own = try await store.vectors(of: numbers[0], model: Samples.model, after: 0, limit: 9).map(\.number)
            #expect(own == Array(seen.prefix(5)))
            #expect(
                try await store.vectors(of: numbers[0], model: Samples.model, after: own[2], limit: 9).map(\.number)
                    == Array(own.suffix(2)))
            #expect(try await store.passageNumbers(of: numbers[0], except: nil).sorted() == own)
            #expect(try await store.passageNumbers(of: numbers[0], except: 1).isEmpty)
            #expect(try await store.passageNumbers(of: numbers[0], except: 2).count == 5)
        }
    }
}
