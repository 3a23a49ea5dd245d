//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import NIOCore
public import ParleyCore
public import RedisClient
import Synchronization

/// A cache of many nodes on the Redis that they share.
///
/// | key | what |
/// |---|---|
/// | `parley:{cache}:value:<name>` | hash: the value, and the generations of its tags when it was made |
/// | `parley:{cache}:maker:<name>` | who makes the value, for a short time |
/// | `parley:{cache}:tag:<tag>` | the tag's generation: a name that was never used before |
///
/// A tag that Redis has forgotten gets a new generation, so a value can become void too early and never live too long.
/// While Redis is away there is no cache; it is then asked once a second only, so that nobody waits for it.
public final class RedisCache: CacheStore {
    private let client: RedisClient
    private let prefix: String
    private let awayUntil = Mutex<ContinuousClock.Instant?>(nil)

    /// - Parameter prefix: what all keys begin with.
    public init(client: RedisClient, prefix: String = "parley:") {
        self.client = client
        self.prefix = prefix + "{cache}:"
    }

    public func look(_ key: CacheKey, toMake: Bool) async -> CacheLook {
        let token = unusedName()
        guard key.isKept,
            let answer = await self.run(
                CacheScripts.look, key,
                [
                    toMake ? "1" : "0", .string(token), .integer(Int(CoreLimits.cacheMakeLife.milliseconds)),
                    .integer(Self.tagLifeMs),
                ]), let parts = try? answer.array(), let word = try? parts.first?.string()
        else { return .absent(nil) }
        switch (word, parts.count) {
        case ("FOUND", 2):
            guard let value = try? parts[1].bytes() else { return .absent(nil) }
            return .found(Array(value.readableBytesView))
        case ("BUSY", 1): return .busy
        case ("ABSENT", let count):
            let generations = parts[1..<count].compactMap { try? $0.string() }
            return .absent(CacheTicket(generations: generations, token: toMake ? token : ""))
        default: return .absent(nil)
        }
    }

    public func put(_ value: [UInt8], for key: CacheKey, life: Duration, ticket: CacheTicket) async -> Bool {
        let lifeMs = min(life, CoreLimits.cacheLife).milliseconds
        guard value.count <= CoreLimits.cacheValueBytes, lifeMs > 0 else {
            await self.giveUp(key, ticket: ticket)
            return true
        }
        let answer = await self.run(
            CacheScripts.put, key,
            [RedisArgument(value), .integer(Int(lifeMs)), .string(ticket.token), .integer(Self.tagLifeMs)]
                + ticket.generations.map { .string($0) })
        return (try? answer?.integer()) != 0
    }

    public func giveUp(_ key: CacheKey, ticket: CacheTicket) async {
        guard !ticket.token.isEmpty else { return }
        _ = await self.run(CacheScripts.giveUp, key, [.string(ticket.token)])
    }

    public func invalidate(tag: String) async throws(ClusterError) {
        do throws(RedisError) {
            _ = try await self.client.send(
                RedisCommand(
                    "SET", .string(self.tagKey(tag)), .string(unusedName()), "PX", .integer(Self.tagLifeMs)))
        } catch {
            throw ClusterError(error)
        }
    }

    /// Longer than any value lives, counted from the last value that was put down.
    private static let tagLifeMs = Int((CoreLimits.cacheLife * 2).milliseconds)

    private func tagKey(_ tag: String) -> String { "\(self.prefix)tag:\(tag)" }

    /// `nil` while Redis is away.
    private func run(_ script: RedisScript, _ key: CacheKey, _ arguments: [RedisArgument]) async -> RedisValue? {
        if let until = self.awayUntil.withLock({ $0 }), until > .now { return nil }
        let keys = ["\(self.prefix)value:\(key.name)", "\(self.prefix)maker:\(key.name)"] + key.tags.map(self.tagKey)
        do throws(RedisError) {
            let answer = try await self.client.run(script, keys: keys, arguments: arguments)
            self.awayUntil.withLock { $0 = nil }
            return answer
        } catch {
            // One who no longer wants the answer says nothing of Redis.
            if error.code != .cancelled {
                self.awayUntil.withLock { $0 = ContinuousClock.now.advanced(by: ClusterLimits.cachePause) }
            }
            return nil
        }
    }
}

/// The steps of ``RedisCache``. Keys of all: the value, its maker, its tags in order.
private enum CacheScripts {
    /// Arguments: whether the caller makes the value, its token, how long it has for that (ms), the life of tags (ms).
    static let look = RedisScript(
        """
        local generations = {}
        for index = 3, #KEYS do
            local generation = redis.call('GET', KEYS[index])
            if not generation then
                generation = ARGV[2] .. '-' .. index
                redis.call('SET', KEYS[index], generation, 'PX', ARGV[4])
            end
            generations[#generations + 1] = generation
        end
        local known = redis.call('HMGET', KEYS[1], 'generations', 'value')
        if known[2] and known[1] == table.concat(generations, ' ') then return {'FOUND', known[2]} end
        if ARGV[1] == '1' and not redis.call('SET', KEYS[2], ARGV[2], 'NX', 'PX', ARGV[3]) then return {'BUSY'} end
        return {'ABSENT', unpack(generations)}
        """)

    /// Arguments: the value, its life (ms), the token, the life of tags (ms), the generations of the tags.
    static let put = RedisScript(
        """
        if redis.call('GET', KEYS[2]) == ARGV[3] then redis.call('DEL', KEYS[2]) end
        local generations = {}
        for index = 3, #KEYS do
            local generation = ARGV[index + 2]
            if redis.call('GET', KEYS[index]) ~= generation then return 0 end
            generations[#generations + 1] = generation
        end
        for index = 3, #KEYS do redis.call('PEXPIRE', KEYS[index], ARGV[4]) end
        redis.call('HSET', KEYS[1], 'generations', table.concat(generations, ' '), 'value', ARGV[1])
        redis.call('PEXPIRE', KEYS[1], ARGV[2])
        return 1
        """)

    /// Arguments: the token.
    static let giveUp = RedisScript(
        "if redis.call('GET', KEYS[2]) == ARGV[1] then return redis.call('DEL', KEYS[2]) end return 0")
}
