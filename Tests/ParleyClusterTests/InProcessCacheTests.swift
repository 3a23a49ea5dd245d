//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCore
import Testing

@testable import ParleyCluster

@Suite("The cache of one node")
struct InProcessCacheTests {
    @Test("is bounded: what was not used for the longest time goes")
    func bounded() async throws {
        let entry = 1000 + 1 + ClusterLimits.cacheEntryBytes
        let cache = SharedCache(InProcessCache(bytes: 3 * entry))
        let value = [UInt8](repeating: 1, count: 1000)
        for name in ["a", "b", "c"] { await cache.set(value, for: CacheKey(name), life: .seconds(60)) }
        _ = await cache.get(CacheKey("a"))
        await cache.set(value, for: CacheKey("d"), life: .seconds(60))
        #expect(await cache.get(CacheKey("b")) == nil)
        for name in ["a", "c", "d"] { #expect(await cache.get(CacheKey(name)) == value) }
    }

    @Test("forgets tags only together with everything that they could void")
    func tags() async throws {
        let cache = SharedCache(InProcessCache())
        await cache.set([1], for: CacheKey("a", tags: ["t"]), life: .seconds(60))
        try await cache.invalidate(tag: "t")
        await cache.set([2], for: CacheKey("b", tags: ["u"]), life: .seconds(60))
        for number in 0...ClusterLimits.cacheTags { try await cache.invalidate(tag: "x\(number)") }
        #expect(await cache.get(CacheKey("a", tags: ["t"])) == nil)
        #expect(await cache.get(CacheKey("b", tags: ["u"])) == nil, "void, since its tag's generation was forgotten")
        await cache.set([3], for: CacheKey("b", tags: ["u"]), life: .seconds(60))
        #expect(await cache.get(CacheKey("b", tags: ["u"])) == [3])
    }

    @Test("the order of use is kept over any steps, as in a plain list")
    func recency() {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<200 {
            var table = RecencyTable<Int, Int>(weight: 20)
            var plain: [(key: Int, weight: Int)] = []
            for _ in 0..<200 {
                let key = Int.random(in: 0..<8, using: &generator)
                switch Int.random(in: 0..<3, using: &generator) {
                case 0:
                    let weight = Int.random(in: 1...22, using: &generator)
                    table.set(key, key * 10, weight: weight)
                    plain.removeAll { $0.key == key }
                    if weight <= 20 { plain.append((key, weight)) }
                    while plain.reduce(0, { $0 + $1.weight }) > 20 { plain.removeFirst() }
                case 1:
                    table.remove(key)
                    plain.removeAll { $0.key == key }
                default:
                    let known = plain.firstIndex { $0.key == key }
                    #expect(table.use(key) == known.map { _ in key * 10 })
                    if let known { plain.append(plain.remove(at: known)) }
                }
                #expect(table.count == plain.count && table.weight == plain.reduce(0) { $0 + $1.weight })
            }
        }
    }
}
