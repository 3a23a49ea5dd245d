//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCore
import Testing

@Suite("a store keeps collections and documents")
struct DocumentContract {
    let owner = UserID.generate()
    let other = UserID.generate()

    private func withCollection(
        _ factory: StoreFactory, _ body: @Sendable (any DurableStore, StoredCollection) async throws -> Void
    ) async throws {
        try await factory.withStore { [owner] store in
            try await body(store, try await store.create(Samples.collection(owner: owner)))
        }
    }

    // MARK: Collections

    @Test("a collection's name is its owner's, without regard to case", arguments: StoreFactory.all)
    func names(_ factory: StoreFactory) async throws {
        try await factory.withStore { [owner, other] store in
            let one = try await store.create(Samples.collection(owner: owner, name: "Über"))
            await expectError(.conflict) { _ = try await store.create(Samples.collection(owner: owner, name: "üBER")) }
            _ = try await store.create(Samples.collection(owner: other, name: "über"))
            #expect(try await store.collection(named: "ÜBER", owner: owner, at: Samples.time(0)) == one)
            let made = try await store.collection(named: "New", owner: owner, at: Samples.time(5))
            #expect(try await store.collection(named: "new", owner: owner, at: Samples.time(6)) == made)
            await expectError(.conflict) {
                _ = try await store.update(made.collection.id, owner: owner, patch: CollectionPatch(name: "über"))
            }
            let renamed = try await store.update(made.collection.id, owner: owner, patch: CollectionPatch(name: "NEW"))
            #expect(renamed.collection.name == "NEW" && renamed.partition == made.partition)
            let names = try await store.collections(readableBy: owner).map(\.collection.name)
            #expect(names == ["NEW", "Über"])
        }
    }

    @Test("one is read by its owner, its readers or everyone, and changed by its owner", arguments: StoreFactory.all)
    func readers(_ factory: StoreFactory) async throws {
        try await self.withCollection(factory) { [owner, other] store, stored in
            let id = stored.collection.id
            let third = UserID.generate()
            func readable(_ user: UserID) async throws -> Bool {
                let listed = try await store.collections(readableBy: user).contains { $0.collection.id == id }
                let isRead = (try? await store.collection(id, readableBy: user)) != nil
                let isSearched = try await store.partitions(readableBy: user).contains {
                    $0.collection == id && $0.partition == stored.partition
                }
                #expect(isRead == listed && isSearched == listed)
                return isRead
            }
            let lists: [(KnowledgeCollection.Readers, [Bool])] = [
                (.owner, [true, false, false]), (.users([other]), [true, true, false]),
                (.everyone, [true, true, true]), (.users([]), [true, false, false]), (.owner, [true, false, false]),
            ]
            for (readers, expected) in lists {
                let changed = try await store.update(id, owner: owner, patch: CollectionPatch(readers: readers))
                #expect(changed.collection.readers == readers)
                #expect([try await readable(owner), try await readable(other), try await readable(third)] == expected)
                await expectError(.notFound) {
                    _ = try await store.update(id, owner: other, patch: CollectionPatch(name: "mine"))
                }
                await expectError(.notFound) { try await store.delete(id, owner: other) }
            }
        }
    }

    @Test("nobody finds a passage or document of a collection that he may not read", arguments: StoreFactory.all)
    func access(_ factory: StoreFactory) async throws {
        try await self.withCollection(factory) { [owner, other] store, stored in
            let id = stored.collection.id
            let document = try await store.addReady("a.txt", content: 1, to: id, owner: owner, ["secret walrus"])
            let (pending, _) = try await store.add("b.txt", content: 2, to: id, owner: owner)
            let mine = try await store.create(Samples.collection(owner: other))
            try await store.addReady(
                "c.txt", content: 1, to: mine.collection.id, owner: other, ["public walrus"])
            let partitions = try await store.partitions(readableBy: other).map(\.partition)
            #expect(partitions == [mine.partition])
            #expect(try await store.found("walrus", in: partitions) == ["public walrus"])
            let numbers = try await store.keywordSearch(["walru"], partitions: [stored.partition], limit: 9)
            #expect(try await store.passages(numbers.map(\.number), partitions: partitions).isEmpty)
            #expect(try await store.terms(of: "secret", partitions: partitions).map(\.stem) == ["secret"])
            #expect(try await store.unreadyDocuments(in: partitions, limit: 9).isEmpty)
            let listed = try await store.documents(in: nil, readableBy: other, before: nil, limit: 9).elements
            #expect(listed.map(\.name) == ["c.txt"])
            for id in [document.id, pending.id] {
                await expectError(.notFound) { _ = try await store.document(id, readableBy: other) }
                await expectError(.notFound) { try await store.delete(id, owner: other) }
                await expectError(.notFound) { _ = try await store.retry(id, owner: other) }
            }
            await expectError(.notFound) {
                _ = try await store.documents(in: id, readableBy: other, before: nil, limit: 9)
            }
            await expectError(.notFound) { _ = try await store.add("d", content: 3, to: id, owner: other) }
            // A reader reads, and changes nothing.
            _ = try await store.update(id, owner: owner, patch: CollectionPatch(readers: .users([other])))
            #expect(try await store.document(document.id, readableBy: other).id == document.id)
            await expectError(.notFound) { try await store.delete(document.id, owner: other) }
            await expectError(.notFound) { _ = try await store.add("d", content: 3, to: id, owner: other) }
        }
    }

    @Test("deleting a collection hides all that is in it at once and removes it in time", arguments: StoreFactory.all)
    func deleteCollection(_ factory: StoreFactory) async throws {
        try await self.withCollection(factory) { [owner] store, stored in
            let id = stored.collection.id
            let document = try await store.addReady(
                "a.txt", content: 1, to: id, owner: owner, ["walrus"], vectors: [[1, 0, 0, 0]])
            let (pending, _) = try await store.add("b.txt", content: 2, to: id, owner: owner)
            // The queue holds the jobs of both: this one's is the oldest.
            let leases = try await store.claim(
                kinds: [.readDocument], worker: NodeID("n"), limit: 9, now: Samples.time(10))
            #expect(leases.count == 2)
            let numbers = try await store.keywordSearch(["walru"], partitions: [stored.partition], limit: 9)
            try await store.delete(id, owner: owner)
            for lease in leases {
                #expect(try await store.heartbeat(lease, progress: nil, now: Samples.time(11)) == false)
            }
            for _ in 0..<2 {
                #expect(try await store.keywordSearch(["walru"], partitions: [stored.partition], limit: 9).isEmpty)
                #expect(try await store.passages(numbers.map(\.number), partitions: [stored.partition]).isEmpty)
                #expect(try await store.vectors(of: nil, model: Samples.model, after: 0, limit: 9).isEmpty)
                #expect(try await store.collections(readableBy: owner).isEmpty)
                #expect(try await store.partitions(readableBy: owner).isEmpty)
                for id in [document.id, pending.id] {
                    await expectError(.notFound) { _ = try await store.document(id, readableBy: owner) }
                    await expectError(.notFound) {
                        _ = try await store.document(DocumentVersion(documentID: id, version: 1))
                    }
                }
                try await store.sweepAll()
            }
            #expect(try await store.changes(after: 0, limit: 9).last?.kind == .removed)
            #expect(try await store.hasContent(Samples.hash(1)) == false)
            // The name is free, the number is not.
            let again = try await store.create(Samples.collection(owner: owner))
            #expect(again.partition > stored.partition && again.documentCount == 0)
        }
    }

    @Test("one user owns a limited number of collections", arguments: StoreFactory.all)
    func collectionLimit(_ factory: StoreFactory) async throws {
        try await factory.withStore { [owner] store in
            for number in 0..<CoreLimits.collectionsPerUser {
                _ = try await store.create(Samples.collection(owner: owner, name: "\(number)"))
            }
            await expectError(.conflict) { _ = try await store.create(Samples.collection(owner: owner)) }
        }
    }

    // MARK: Content

    @Test("content comes in parts and is whole when they add up", arguments: StoreFactory.all)
    func content(_ factory: StoreFactory) async throws {
        try await factory.withStore { store in
            let size = CoreLimits.contentPartBytes + 5
            #expect(try await store.hasContent(Samples.hash(1)) == false)
            try await store.writeContent(
                Samples.hash(1), part: 1, bytes: [UInt8](repeating: 2, count: 5))
            await expectError(.invalid) { try await store.completeContent(Samples.hash(1), byteCount: size) }
            #expect(try await store.contentPart(Samples.hash(1), part: 1) == nil)
            try await store.upload(1, byteCount: size)
            #expect(try await store.hasContent(Samples.hash(1)))
            #expect(try await store.contentPart(Samples.hash(1), part: 0)?.count == CoreLimits.contentPartBytes)
            // What was there first stays.
            #expect(try await store.contentPart(Samples.hash(1), part: 1) == [2, 2, 2, 2, 2])
            #expect(try await store.contentPart(Samples.hash(1), part: 2) == nil)
            try await store.completeContent(Samples.hash(9), byteCount: 0)
            #expect(try await store.hasContent(Samples.hash(9)))
            for (part, count) in [(0, 0), (-1, 5), (0, CoreLimits.contentPartBytes + 1), (1_000_000, 1)] {
                await expectError(.invalid) {
                    try await store.writeContent(
                        Samples.hash(3), part: part, bytes: [UInt8](repeating: 0, count: count))
                }
            }
        }
    }

    @Test(
        "content that no document has is removed after a day, shared content with its last document",
        arguments: StoreFactory.all)
    func orphans(_ factory: StoreFactory) async throws {
        try await self.withCollection(factory) { [owner, other] store, stored in
            try await store.upload(1)
            try await store.sweepAll()
            #expect(try await store.hasContent(Samples.hash(1)))
            let one = try await store.addReady("a", content: 2, to: stored.collection.id, owner: owner, ["x"])
            let second = try await store.create(Samples.collection(owner: other))
            let two = try await store.addReady("a", content: 2, to: second.collection.id, owner: other, ["x"])
            try await store.sweepAll(now: Timestamp.now().advanced(by: .seconds(25 * 3600)))
            #expect(try await store.hasContent(Samples.hash(1)) == false)
            try await store.delete(one.id, owner: owner)
            try await store.sweepAll()
            #expect(try await store.contentPart(Samples.hash(2), part: 0) != nil)
            try await store.delete(two.id, owner: other)
            try await store.sweepAll()
            #expect(try await store.hasContent(Samples.hash(2)) == false)
            #expect(try await store.contentPart(Samples.hash(2), part: 0) == nil)
        }
    }

    // MARK: Documents

    @Test("adding commits the document with the job that reads it", arguments: StoreFactory.all)
    func adding(_ factory: StoreFactory) async throws {
        try await self.withCollection(factory) { [owner] store, stored in
            let id = stored.collection.id
            let missing = NewDocument(
                id: .generate(), collectionID: id, name: "x", byteCount: 10, contentHash: Samples.hash(7),
                at: Samples.time(0))
            await expectError(.notFound) { _ = try await store.add(missing, owner: owner) }
            #expect(try await store.jobFigures(now: Samples.time(9)).waiting == 0)
            let (document, addition) = try await store.add("a.txt", content: 1, to: id, owner: owner, at: 5)
            #expect(addition == .added && document.state == .pending && document.version == 1)
            #expect(document.name == "a.txt" && document.title == "a.txt" && document.byteCount == 10)
            #expect(document.contentHash == Samples.hash(1) && document.ownerID == owner)
            let lease = try #require(
                try await store.claim(kinds: [.readDocument], worker: NodeID("n"), limit: 9, now: Samples.time(5))
                    .first)
            #expect(
                lease.job.payload.contains(document.id.description) && lease.job.payload.contains("\"version\":1"))
            #expect(try await store.document(document.id, readableBy: owner).state == .indexing)
            #expect(try await store.collection(id, readableBy: owner).documentCount == 1)
        }
    }

    @Test("the same content twice is one document", arguments: StoreFactory.all)
    func sameContent(_ factory: StoreFactory) async throws {
        try await self.withCollection(factory) { [owner] store, stored in
            let id = stored.collection.id
            let (one, _) = try await store.add("a.txt", content: 1, to: id, owner: owner)
            for name in ["a.txt", "copy.txt"] {
                let (same, addition) = try await store.add(name, content: 1, to: id, owner: owner)
                #expect(addition == .unchanged && same.id == one.id && same.name == "a.txt")
            }
            #expect(try await store.jobFigures(now: Samples.time(9)).waiting == 1)
            #expect(try await store.collection(id, readableBy: owner).documentCount == 1)
        }
    }

    @Test("one that had failed is read again when it is added again or retried", arguments: StoreFactory.all)
    func failedAgain(_ factory: StoreFactory) async throws {
        try await self.withCollection(factory) { [owner] store, stored in
            let id = stored.collection.id
            let (document, _) = try await store.add("a.txt", content: 1, to: id, owner: owner)
            await expectError(.conflict) { _ = try await store.retry(document.id, owner: owner) }
            for attempt in 0..<2 {
                let now = Timestamp.now().advanced(by: .seconds(10))
                let lease = try #require(
                    try await store.claim(kinds: [.readDocument], worker: NodeID("n"), limit: 1, now: now).first)
                #expect(try await store.fail(lease, error: "no text", retryable: false, now: now) != nil)
                let failed = try await store.document(document.id, readableBy: owner)
                #expect(failed.state == .failed && failed.failure == "no text")
                #expect(try await store.unreadyDocuments(in: [stored.partition], limit: 9).map(\.id) == [document.id])
                if attempt == 0 {
                    #expect(try await store.retry(document.id, owner: owner).state == .pending)
                } else {
                    let (again, addition) = try await store.add("a.txt", content: 1, to: id, owner: owner)
                    #expect(addition == .unchanged && again.state == .pending && again.failure == nil)
                }
                // The failed job is gone: it would read the same once more.
                #expect(try await store.jobs(state: .dead, before: nil, limit: 9).elements.isEmpty)
            }
        }
    }

    @Test(
        "another content under a name replaces the document's; the old text stays until then",
        arguments: StoreFactory.all)
    func replacing(_ factory: StoreFactory) async throws {
        try await self.withCollection(factory) { [owner] store, stored in
            let id = stored.collection.id
            let one = try await store.addReady("a.txt", content: 1, to: id, owner: owner, ["old walrus"])
            let lease = try #require(
                try await store.claim(kinds: [.readDocument], worker: NodeID("n"), limit: 9, now: Samples.time(9))
                    .first)
            let (two, addition) = try await store.add("a.txt", content: 2, to: id, owner: owner)
            #expect(addition == .replaced && two.id == one.id && two.version == 2 && two.state == .pending)
            // The worker of the old version stops.
            #expect(try await store.heartbeat(lease, progress: nil, now: Samples.time(10)) == false)
            await expectError(.notFound) {
                try await store.stage(
                    [], of: DocumentVersion(documentID: one.id, version: 1), model: nil)
            }
            #expect(try await store.found("walrus", in: [stored.partition]) == ["old walrus"])
            try await store.publish(two, ["new walrus", "and seal"])
            #expect(
                try await store.found("walrus seal", in: [stored.partition]).sorted() == ["and seal", "new walrus"])
            let ready = try await store.document(one.id, readableBy: owner)
            #expect(ready.state == .ready && ready.passageCount == 2 && ready.contentHash == Samples.hash(2))
            try await store.sweepAll()
            #expect(try await store.hasContent(Samples.hash(1)) == false)
            #expect(try await store.found("walrus seal", in: [stored.partition]).count == 2)
        }
    }

    @Test("a deleted document is not found from then on, and its job is cancelled", arguments: StoreFactory.all)
    func deleting(_ factory: StoreFactory) async throws {
        try await self.withCollection(factory) { [owner] store, stored in
            let id = stored.collection.id
            let ready = try await store.addReady(
                "a", content: 1, to: id, owner: owner, ["walrus"], vectors: [[1, 0, 0, 0]])
            let (pending, _) = try await store.add("b", content: 2, to: id, owner: owner)
            let leases = try await store.claim(
                kinds: [.readDocument], worker: NodeID("n"), limit: 9, now: Samples.time(9))
            let numbers = try await store.keywordSearch(["walru"], partitions: [stored.partition], limit: 9)
            try await store.delete(ready.id, owner: owner)
            try await store.delete(pending.id, owner: owner)
            await expectError(.notFound) { try await store.delete(ready.id, owner: owner) }
            for lease in leases {
                #expect(try await store.heartbeat(lease, progress: 0.5, now: Samples.time(9)) == false)
                #expect(try await store.complete(lease, now: Samples.time(9)) == false)
            }
            for _ in 0..<2 {
                #expect(try await store.keywordSearch(["walru"], partitions: [stored.partition], limit: 9).isEmpty)
                #expect(try await store.passages(numbers.map(\.number), partitions: [stored.partition]).isEmpty)
                #expect(try await store.vectors(of: nil, model: Samples.model, after: 0, limit: 9).isEmpty)
                try await store.sweepAll()
            }
            #expect(try await store.collection(id, readableBy: owner).documentCount == 0)
            await expectError(.notFound) {
                try await store.stage(
                    [Samples.passage(0, "late")], of: DocumentVersion(documentID: pending.id, version: 1), model: nil)
            }
        }
    }

    @Test("documents are listed newest first, in pages", arguments: StoreFactory.all)
    func paging(_ factory: StoreFactory) async throws {
        try await self.withCollection(factory) { [owner, other] store, stored in
            let foreign = try await store.create(Samples.collection(owner: other, name: "b", readers: .everyone))
            var names: [String] = []
            for number in 0..<7 {
                let place = number % 3 == 0 ? (foreign, other) : (stored, owner)
                _ = try await store.add(
                    "\(number)", content: number, to: place.0.collection.id, owner: place.1)
                names.append("\(number)")
            }
            var seen: [String] = []
            var cursor: String?
            repeat {
                let page = try await store.documents(in: nil, readableBy: owner, before: cursor, limit: 3)
                seen += page.elements.map(\.name)
                cursor = page.next
            } while cursor != nil
            #expect(seen == names.reversed())
            let one = try await store.documents(
                in: stored.collection.id, readableBy: owner, before: nil, limit: 99)
            #expect(one.elements.map(\.name) == ["5", "4", "2", "1"] && one.next == nil)
            await expectError(.invalid) {
                _ = try await store.documents(in: nil, readableBy: owner, before: "m.3", limit: 3)
            }
        }
    }
}
