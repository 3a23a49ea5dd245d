//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCluster
import ParleyCore
import Testing

/// Makes stores of one cache as seen by two nodes. The contract runs on every factory in ``all``.
struct CacheStoreFactory: Sendable, CustomTestStringConvertible {
    let name: String
    let with:
        @Sendable (@Sendable (_ here: any CacheStore, _ there: any CacheStore) async throws -> Void)
            async throws -> Void

    var testDescription: String { self.name }

    static let all = [CacheStoreFactory.inProcess, redis]

    static let redis = CacheStoreFactory(name: "Redis") { body in
        try await SharedRedis.run(2) { redis in
            try await body(RedisCache(client: redis.clients[0]), RedisCache(client: redis.clients[1]))
        }
    }

    static let inProcess = CacheStoreFactory(name: "in process") { body in
        let store = InProcessCache()
        try await body(store, store)
    }
}

@Suite("A shared cache", .timeLimit(.minutes(1)))
struct CacheContract {
    private struct Refusal: Error, Equatable {
        var number: Int
    }

    private let key = CacheKey("answer ü", tags: ["corpus", "model"])

    @Test("what is set is got, on every node, byte for byte", arguments: CacheStoreFactory.all)
    func setAndGet(_ factory: CacheStoreFactory) async throws {
        try await factory.with { here, there in
            let (one, two) = (SharedCache(here), SharedCache(there))
            #expect(await one.get(self.key) == nil)
            let bytes = [UInt8](0...255)
            await one.set(bytes, for: self.key, life: .seconds(60))
            #expect(await one.get(self.key) == bytes)
            #expect(await two.get(self.key) == bytes)
            #expect(await two.get(CacheKey("another", tags: self.key.tags)) == nil)
            await two.set([], for: CacheKey("empty"), life: .seconds(60))
            #expect(await one.get(CacheKey("empty")) == [])
        }
    }

    @Test("a value lives no longer than its life", arguments: CacheStoreFactory.all)
    func lives(_ factory: CacheStoreFactory) async throws {
        try await factory.with { here, _ in
            let cache = SharedCache(here)
            await cache.set([1], for: self.key, life: .milliseconds(1))
            let deadline = ContinuousClock.now.advanced(by: .seconds(5))
            while await cache.get(self.key) != nil, ContinuousClock.now < deadline { await Task.yield() }
            #expect(await cache.get(self.key) == nil)
        }
    }

    @Test("invalidating a tag makes all its values void on every node, and no others", arguments: CacheStoreFactory.all)
    func invalidates(_ factory: CacheStoreFactory) async throws {
        try await factory.with { here, there in
            let (one, two) = (SharedCache(here), SharedCache(there))
            let keys = (0..<20).map { CacheKey("k\($0)", tags: $0 % 2 == 0 ? ["even", "all"] : ["all"]) }
            for key in keys { await one.set([1], for: key, life: .seconds(60)) }
            try await two.invalidate(tag: "even")
            for (number, key) in keys.enumerated() {
                #expect(await one.get(key) == (number % 2 == 0 ? nil : [1]), "\(key)")
            }
            await one.set([2], for: keys[0], life: .seconds(60))
            #expect(await two.get(keys[0]) == [2], "it can be set again")
            try await one.invalidate(tag: "all")
            for key in keys { #expect(await two.get(key) == nil) }
        }
    }

    @Test("a value that is being made while its tag is invalidated is not kept", arguments: CacheStoreFactory.all)
    func invalidatedMeanwhile(_ factory: CacheStoreFactory) async throws {
        try await factory.with { here, there in
            let (one, two) = (SharedCache(here), SharedCache(there))
            let value = try await one.value(for: self.key, life: .seconds(60)) {
                try await two.invalidate(tag: "model")
                return [1]
            }
            #expect(value == [1])
            #expect(await two.get(self.key) == nil)
            #expect(await two.value(for: self.key, life: .seconds(60)) { [2] } == [2])
            #expect(await one.get(self.key) == [2])
        }
    }

    @Test("many who ask at once on two nodes get one making", arguments: CacheStoreFactory.all)
    func singleFlight(_ factory: CacheStoreFactory) async throws {
        try await factory.with { here, there in
            let makings = Shared(0)
            // In one process one store has one cache in front; two nodes have two.
            let caches =
                here as AnyObject === there as AnyObject ? [SharedCache(here)] : [here, there].map { SharedCache($0) }
            let values = await withTaskGroup(of: [UInt8].self) { group in
                for number in 0..<60 {
                    group.addTask {
                        await caches[number % caches.count].value(for: self.key, life: .seconds(60)) {
                            makings.value += 1
                            try? await Task.sleep(for: .milliseconds(100))
                            return [7]
                        }
                    }
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
            #expect(values == Array(repeating: [7], count: 60))
            #expect(makings.value == 1)
        }
    }

    @Test(
        "a failure is shared by those who wait, is not kept, and lets others make it", arguments: CacheStoreFactory.all)
    func failures(_ factory: CacheStoreFactory) async throws {
        try await factory.with { here, there in
            let cache = SharedCache(here)
            let makings = Shared(0)
            let failures = await withTaskGroup(of: Refusal?.self) { group in
                for _ in 0..<20 {
                    group.addTask {
                        do throws(Refusal) {
                            _ = try await cache.value(for: self.key, life: .seconds(60)) { () throws(Refusal) in
                                let number = makings.update { makings in
                                    makings += 1
                                    return makings
                                }
                                try? await Task.sleep(for: .milliseconds(100))
                                throw Refusal(number: number)
                            }
                            return nil
                        } catch {
                            return error
                        }
                    }
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
            #expect(failures == Array(repeating: Refusal(number: 1), count: 20))
            let start = ContinuousClock.now
            let value = await SharedCache(there).value(for: self.key, life: .seconds(60)) { [3] }
            #expect(value == [3])
            #expect(start.duration(to: .now) < CoreLimits.cacheMakeLife, "the failed maker's hold was given up")
        }
    }

    @Test("when the one who makes it is cancelled, another makes it", arguments: CacheStoreFactory.all)
    func cancelledMaker(_ factory: CacheStoreFactory) async throws {
        try await factory.with { here, _ in
            let cache = SharedCache(here)
            let (begun, begin) = AsyncStream.makeStream(of: Void.self)
            // Two tasks that a test cancels one of need to be free ones.
            let maker = Task {
                try await cache.value(for: self.key, life: .seconds(60)) {
                    begin.yield()
                    try await Task.sleep(for: .seconds(50))
                    return [1]
                }
            }
            for await _ in begun { break }
            let waiter = Task { await cache.value(for: self.key, life: .seconds(60)) { [2] } }
            maker.cancel()
            #expect(await waiter.value == [2])
            await #expect(throws: CancellationError.self) { try await maker.value }
            #expect(await cache.get(self.key) == [2])
        }
    }

    @Test("what is too large, or has too long a name, is made and not kept", arguments: CacheStoreFactory.all)
    func limits(_ factory: CacheStoreFactory) async throws {
        try await factory.with { here, _ in
            let cache = SharedCache(here)
            let large = [UInt8](repeating: 1, count: CoreLimits.cacheValueBytes + 1)
            #expect(await cache.value(for: self.key, life: .seconds(60)) { large } == large)
            #expect(await cache.get(self.key) == nil)
            let long = CacheKey(String(repeating: "x", count: CoreLimits.cacheKeyBytes + 1))
            #expect(await cache.value(for: long, life: .seconds(60)) { [1] } == [1])
            #expect(await cache.get(long) == nil)
            let exact = [UInt8](repeating: 1, count: CoreLimits.cacheValueBytes)
            #expect(await cache.value(for: self.key, life: .seconds(60)) { exact } == exact)
            #expect(await cache.get(self.key) == exact)
        }
    }
}
