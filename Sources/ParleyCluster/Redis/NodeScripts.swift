//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import RedisClient

/// The steps of ``RedisNodeRegistry``. Keys of all: `seen`, `records`, `epochs`, `left`, `born`.
enum NodeScripts {
    /// Arguments: node, epoch or 0, record, channel, whether the record has changed, how long a node is remembered
    /// (ms). Epochs are times, so that they rise also in a Redis that was emptied.
    static let announce = RedisScript(
        RedisTime.now + """
            local known = tonumber(redis.call('HGET', KEYS[3], ARGV[1]) or 0)
            local epoch = tonumber(ARGV[2])
            if epoch == 0 then
                epoch = math.max(known + 1, now)
            elseif epoch < known then
                return 'FENCED'
            end
            local isNew = redis.call('ZADD', KEYS[1], now, ARGV[1]) == 1
            redis.call('HSET', KEYS[2], ARGV[1], ARGV[3])
            redis.call('HSET', KEYS[3], ARGV[1], string.format('%.0f', epoch))
            redis.call('ZREM', KEYS[4], ARGV[1])
            local old = now - ARGV[6]
            for _, key in ipairs({KEYS[1], KEYS[4]}) do
                for _, node in ipairs(redis.call('ZRANGEBYSCORE', key, '-inf', old, 'LIMIT', 0, 100)) do
                    redis.call('ZREM', key, node)
                    redis.call('HDEL', KEYS[2], node)
                    redis.call('HDEL', KEYS[3], node)
                end
            end
            if isNew or ARGV[5] == '1' then redis.call('PUBLISH', ARGV[4], ARGV[1]) end
            return string.format('%.0f', epoch)
            """)

    /// Arguments: node, epoch, channel.
    static let withdraw = RedisScript(
        RedisTime.now + """
            if tonumber(redis.call('HGET', KEYS[3], ARGV[1]) or 0) > tonumber(ARGV[2]) then return 0 end
            if redis.call('ZREM', KEYS[1], ARGV[1]) == 0 then return 0 end
            redis.call('HDEL', KEYS[2], ARGV[1])
            redis.call('ZADD', KEYS[4], now, ARGV[1])
            redis.call('PUBLISH', ARGV[3], ARGV[1])
            return 1
            """)

    /// Arguments: a name for a Redis that has none, how long a silent node is listed (ms), the most nodes.
    static let read = RedisScript(
        RedisTime.now + """
            redis.call('SET', KEYS[5], ARGV[1], 'NX')
            local nodes = {}
            local seen = redis.call(
                'ZREVRANGEBYSCORE', KEYS[1], '+inf', '(' .. string.format('%.0f', now - ARGV[2]), 'WITHSCORES',
                'LIMIT', 0, ARGV[3])
            for index = 1, #seen, 2 do
                local record = redis.call('HGET', KEYS[2], seen[index])
                local epoch = redis.call('HGET', KEYS[3], seen[index])
                if record and epoch then nodes[#nodes + 1] = {seen[index], seen[index + 1], epoch, record} end
            end
            local left = {}
            for _, node in ipairs(redis.call('ZREVRANGE', KEYS[4], 0, ARGV[3] - 1)) do
                left[#left + 1] = {node, redis.call('HGET', KEYS[3], node) or '0'}
            end
            return {redis.call('GET', KEYS[5]), string.format('%.0f', now), nodes, left}
            """)
}
