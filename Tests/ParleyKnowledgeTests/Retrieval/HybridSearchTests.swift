//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Logging
import ParleyCore
import SeededRandom
import Synchronization
import Testing

@testable import ParleyKnowledge

@Suite("Hybrid search", .timeLimit(.minutes(1)))
struct HybridSearchTests {
    private let world = SmallWorld()
    private let user = UserID.generate()
    private let stranger = UserID.generate()

    private func search(
        _ text: String, as user: UserID? = nil, in collections: [CollectionID]? = nil, limit: Int = 5,
        embedder: (any Embedder)? = HashingEmbedder(), clock: any Clock<Duration> = StillClock()
    ) async throws(KnowledgeError) -> KnowledgeResult {
        let search = HybridSearch(
            documents: self.world, passages: self.world, embedder: embedder, index: self.world, clock: clock,
            logger: Logger(label: "test"))
        return try await search.search(
            KnowledgeQuery(text: text, userID: user ?? self.user, collections: collections, limit: limit))
    }

    private func add(_ text: String, to collection: StoredCollection) -> Int64 {
        self.world.add(text, to: collection, vector: HashingEmbedder.vector(text))
    }

    // MARK: Finding

    @Test("what shares words or meaning is found, best first")
    func finds() async throws {
        let own = self.world.add(collection: "own", owner: self.user)
        let partly = self.add("Parental leave is granted to everybody who works here", to: own)
        let wholly = self.add("parental leave lasts twelve months", to: own)
        _ = self.add("The kitchen closes at nine", to: own)
        let result = try await self.search("parental leave months")
        #expect(result.hits.map(\.passage.number) == [wholly, partly])
        #expect(result.usedVectors)
        #expect(result.hits.allSatisfy { (0...1).contains($0.score) })
        #expect(result.hits.map(\.score) == result.hits.map(\.score).sorted(by: >))
    }

    @Test("a query that nothing bears on finds nothing")
    func floor() async throws {
        let own = self.world.add(collection: "own", owner: self.user)
        _ = self.add("parental leave lasts twelve months", to: own)
        _ = self.add("the kitchen closes at nine", to: own)
        #expect(try await self.search("volcanoes erupting beside penguin colonies").hits.isEmpty)
        #expect(try await self.search("the volcano at penguin colonies", embedder: nil).hits.isEmpty)
    }

    @Test(
        "without an embedder, or while it fails or the index is not ready, words alone are compared",
        arguments: ["none", "failing", "unready"])
    func wordsAlone(_ reason: String) async throws {
        let own = self.world.add(collection: "own", owner: self.user)
        let number = self.add("parental leave lasts twelve months", to: own)
        self.world.state.withLock { $0.isReady = reason != "unready" }
        let embedder: HashingEmbedder? =
            switch reason {
            case "none": nil
            case "failing": HashingEmbedder(failing: EmbedderError(.unreachable, "No."))
            default: HashingEmbedder()
            }
        let result = try await self.search("parental leave", embedder: embedder)
        #expect(result.hits.map(\.passage.number) == [number])
        #expect(!result.usedVectors)
    }

    @Test("while the search by words fails vectors alone are compared; when neither works the search says so")
    func vectorsAlone() async throws {
        let own = self.world.add(collection: "own", owner: self.user)
        let number = self.add("parental leave months", to: own)
        self.world.state.withLock { $0.wordsError = StoreError(.unavailable, "Busy.") }
        let result = try await self.search("parental leave months")
        #expect(result.hits.map(\.passage.number) == [number])
        #expect(result.usedVectors)
        let error = await #expect(throws: KnowledgeError.self) {
            try await self.search("parental leave months", embedder: nil)
        }
        #expect(error?.code == .unavailable)
    }

    @Test(
        "a query vector that is none leaves words alone",
        arguments: [[Float](repeating: .nan, count: HashingEmbedder.dimension), [1, 0]])
    func brokenVector(_ vector: [Float]) async throws {
        let own = self.world.add(collection: "own", owner: self.user)
        let number = self.add("parental leave months", to: own)
        let result = try await self.search("parental leave months", embedder: HashingEmbedder(answer: vector))
        #expect(result.hits.map(\.passage.number) == [number])
        #expect(!result.usedVectors)
    }

    @Test("a passage without a vector is found by its words")
    func withoutVector() async throws {
        let own = self.world.add(collection: "own", owner: self.user)
        let number = self.world.add("error E4711 means an empty tank", to: own)
        _ = self.add("the kitchen closes at nine", to: own)
        #expect(try await self.search("error E4711").hits.map(\.passage.number) == [number])
    }

    @Test("documents that cannot be searched yet are named; when they cannot be told the search goes on")
    func unready() async throws {
        let own = self.world.add(collection: "own", owner: self.user)
        let number = self.add("parental leave months", to: own)
        let document = Document(
            id: .generate(), collectionID: own.collection.id, ownerID: self.user, name: "a", title: "a",
            byteCount: 1, contentHash: [], createdAt: .now(), updatedAt: .now())
        self.world.state.withLock { $0.unready = [document] }
        #expect(try await self.search("parental leave").unready == [document])
        #expect(try await self.search("?!").unready == [document])
        self.world.state.withLock { $0.unreadyError = StoreError(.unavailable, "Busy.") }
        let result = try await self.search("parental leave")
        #expect(result.unready.isEmpty)
        #expect(result.hits.map(\.passage.number) == [number])
    }

    @Test("one of two passages that say the same is given; rows that differ in a number are both given")
    func diversity() async throws {
        let own = self.world.add(collection: "own", owner: self.user)
        let text = "Parental leave lasts twelve months for everybody who has worked here for a year"
        let first = self.add(text, to: own)
        _ = self.add(text.uppercased(), to: own)
        _ = self.add(text + "!", to: own)
        let second = self.add("Parental leave lasts six weeks for everybody else who asks in time", to: own)
        #expect(Set(try await self.search("parental leave lasts").hits.map(\.passage.number)) == [first, second])
    }

    // MARK: Bounds

    @Test("of a long query the beginning and the end are looked for, and not too many words")
    func longQuery() async throws {
        let own = self.world.add(collection: "own", owner: self.user)
        _ = self.add("parental leave months", to: own)
        let text = "alpha " + (0..<50_000).map { "w\($0)" }.joined(separator: " ") + " omega"
        let embedder = HashingEmbedder()
        _ = try await self.search(text, embedder: embedder)
        let embedded = embedder.embedded.withLock { $0.first { $0.hasPrefix("alpha") } }
        #expect(embedded?.hasSuffix("omega") == true)
        #expect(embedded?.utf8.count ?? .max <= CoreLimits.queryBytes)
        #expect(self.world.state.withLock { $0.askedWords.allSatisfy { $0.count <= KnowledgeLimits.queryWords } })
    }

    @Test("never more than the limit is given, and never more than a search may give", arguments: [-1, 0, 3, 1000])
    func limit(_ limit: Int) async throws {
        let own = self.world.add(collection: "own", owner: self.user)
        for number in 0..<200 { _ = self.add("parental leave of kind x\(number)y and z\(number)", to: own) }
        let hits = try await self.search("parental leave", limit: limit).hits
        #expect(hits.count == min(max(limit, 0), CoreLimits.foundPassages))
    }

    @Test("an index that gives far too much, repeats and no numbers is borne")
    func hostileIndex() async throws {
        let own = self.world.add(collection: "own", owner: self.user)
        let number = self.add("parental leave months", to: own)
        self.world.state.withLock { state in
            state.indexed = (0..<10_000).map { ScoredNumber(number: $0 % 7 - 3, score: $0 % 2 == 0 ? .nan : .infinity) }
        }
        #expect(try await self.search("parental leave").hits.map(\.passage.number) == [number])
    }

    @Test("reads that hang end with the deadline")
    func deadline() async throws {
        let own = self.world.add(collection: "own", owner: self.user)
        _ = self.add("parental leave months", to: own)
        self.world.state.withLock { ($0.wordsHang, $0.vectorsHang) = (true, true) }
        let error = await #expect(throws: KnowledgeError.self) {
            try await self.search("parental leave", clock: PassedClock())
        }
        #expect(error?.code == .unavailable)
    }

    // MARK: Access

    @Test("a collection that the user may not read is not there, and is not searched")
    func access() async throws {
        let foreign = self.world.add(collection: "foreign", owner: self.stranger)
        let shared = self.world.add(collection: "shared", owner: self.stranger, readers: .users([self.user]))
        _ = self.add("parental leave months", to: foreign)
        let number = self.add("parental leave lasts months", to: shared)
        #expect(try await self.search("parental leave").hits.map(\.passage.number) == [number])
        #expect(self.world.state.withLock { $0.askedPartitions } == [[shared.partition]])
        for collections in [[foreign.collection.id], [shared.collection.id, foreign.collection.id], [.generate()]] {
            let error = await #expect(throws: KnowledgeError.self) {
                try await self.search("parental leave", in: collections)
            }
            #expect(error?.code == .notFound)
        }
        #expect(self.world.state.withLock { $0.askedPartitions }.count == 1)
    }

    @Test("no collection is none, not all")
    func noCollection() async throws {
        let own = self.world.add(collection: "own", owner: self.user)
        _ = self.add("parental leave months", to: own)
        #expect(try await self.search("parental leave", in: []).hits.isEmpty)
        #expect(try await self.search("parental leave", as: self.stranger).hits.isEmpty)
        #expect(self.world.state.withLock { $0.askedPartitions }.isEmpty)
    }

    @Test("a passage that is deleted while the search runs is not given")
    func deletedMeanwhile() async throws {
        let own = self.world.add(collection: "own", owner: self.user)
        let gone = self.add("parental leave months", to: own)
        let number = self.add("parental leave lasts long", to: own)
        self.world.state.withLock { state in
            state.beforeRows = { $0.entries[Int(gone) - 1].isLive = false }
        }
        #expect(try await self.search("parental leave").hits.map(\.passage.number) == [number])
    }

    @Test("whatever the index holds, only live passages of readable collections are given", arguments: 0..<40)
    func property(seed: UInt64) async throws {
        var random = SeededGenerator(seed: seed)
        let users = [self.user, self.stranger, .generate()]
        var collections: [StoredCollection] = []
        for name in 0..<6 {
            let owner = try #require(users.randomElement(using: &random))
            let readers: KnowledgeCollection.Readers =
                switch Int.random(in: 0..<3, using: &random) {
                case 0: .owner
                case 1: .everyone
                default: .users(Set(users.filter { _ in Bool.random(using: &random) }))
                }
            collections.append(self.world.add(collection: "\(name)", owner: owner, readers: readers))
        }
        let words = ["parental", "leave", "months", "kitchen", "closes", "tank", "volcano", "penguin"]
        for _ in 0..<60 {
            let text = (0..<Int.random(in: 1...6, using: &random)).map { _ in words.randomElement(using: &random) ?? ""
            }
            .joined(separator: " ")
            let collection = try #require(collections.randomElement(using: &random))
            let vector = Bool.random(using: &random) ? HashingEmbedder.vector(text) : nil
            let number = self.world.add(text, to: collection, vector: vector)
            if Int.random(in: 0..<3, using: &random) == 0 { self.world.remove(number) }
        }
        // The index knows no partitions and no deletions.
        self.world.state.withLock { state in
            state.indexed = (-5...80).map {
                ScoredNumber(number: Int64($0), score: Double.random(in: 0...1, using: &random))
            }
        }
        let text = "\(words.randomElement(using: &random) ?? "") \(words.randomElement(using: &random) ?? "")"
        for user in users {
            let readable = Set(try await self.world.collections(readableBy: user).map(\.collection.id))
            let result = try await self.search(text, as: user, limit: 50)
            let live = Set(self.world.state.withLock { $0.entries.filter(\.isLive).map(\.passage.number) })
            #expect(result.hits.allSatisfy { readable.contains($0.passage.collectionID) })
            #expect(result.hits.allSatisfy { live.contains($0.passage.number) })
            #expect(Set(result.hits.map(\.passage.number)).count == result.hits.count)
            #expect(try await self.search(text, as: user, limit: 50) == result, "the order is the same each time")
            #expect(
                try await self.search(text, as: user, limit: 3).hits == Array(result.hits.prefix(3)),
                "a shorter result is the beginning of a longer one")
        }
    }
}

/// A clock on which no deadline ever passes, however busy the machine is.
struct StillClock: Clock {
    var now: ContinuousClock.Instant { .now }
    var minimumResolution: Duration { .zero }
    func sleep(until deadline: ContinuousClock.Instant, tolerance: Duration?) async throws {
        try await Task.sleep(for: .seconds(3600))
    }
}

/// A clock on which every deadline has passed.
struct PassedClock: Clock {
    var now: ContinuousClock.Instant { .now }
    var minimumResolution: Duration { .zero }
    func sleep(until deadline: ContinuousClock.Instant, tolerance: Duration?) async throws {}
}
