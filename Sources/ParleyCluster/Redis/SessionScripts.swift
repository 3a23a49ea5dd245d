//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import RedisClient

/// The steps of ``RedisSessionStore``. Ends are told on the channel as the sessions' hashes, with spaces between them.
enum SessionScripts {
    /// Keys: the session, its user's sessions. Arguments: hash, user, created, seen, expires, end (ms), the limit of
    /// one user's sessions, what keys of sessions begin with, the channel.
    static let create = RedisScript(
        RedisTime.now + """
            if redis.call('EXISTS', KEYS[1]) == 1 then return 'TAKEN' end
            redis.call('HSET', KEYS[1], 'user', ARGV[2], 'created', ARGV[3], 'seen', ARGV[4], 'expires', ARGV[5])
            redis.call('PEXPIREAT', KEYS[1], ARGV[6])
            redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
            redis.call('ZADD', KEYS[2], ARGV[6], ARGV[1])
            local last = redis.call('ZRANGE', KEYS[2], -1, -1, 'WITHSCORES')
            redis.call('PEXPIREAT', KEYS[2], last[2])
            local over = redis.call('ZCARD', KEYS[2]) - ARGV[7]
            if over > 0 then
                local ended = {}
                for _, hash in ipairs(redis.call('ZRANGE', KEYS[2], 0, over)) do
                    if hash ~= ARGV[1] and #ended < over then
                        redis.call('DEL', ARGV[8] .. hash)
                        redis.call('ZREM', KEYS[2], hash)
                        ended[#ended + 1] = hash
                    end
                end
                redis.call('PUBLISH', ARGV[9], table.concat(ended, ' '))
            end
            return 'OK'
            """)

    /// Keys: the session. Arguments: hash, seen, the longest idle time (ms), what keys of users' sessions begin with.
    static let touch = RedisScript(
        """
        local known = redis.call('HMGET', KEYS[1], 'user', 'seen', 'expires')
        if not known[1] or tonumber(known[2]) >= tonumber(ARGV[2]) then return 0 end
        local stop = math.min(tonumber(known[3]), tonumber(ARGV[2]) + tonumber(ARGV[3]))
        redis.call('HSET', KEYS[1], 'seen', ARGV[2])
        redis.call('PEXPIREAT', KEYS[1], string.format('%.0f', stop))
        local set = ARGV[4] .. known[1]
        redis.call('ZADD', set, string.format('%.0f', stop), ARGV[1])
        local last = redis.call('ZRANGE', set, -1, -1, 'WITHSCORES')
        redis.call('PEXPIREAT', set, last[2])
        return 1
        """)

    /// Keys: the user's sessions. Arguments: what keys of sessions begin with.
    static let list = RedisScript(
        """
        local found = {}
        for _, hash in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
            local session = redis.call('HMGET', ARGV[1] .. hash, 'created', 'seen', 'expires')
            if session[1] then
                found[#found + 1] = {hash, session[1], session[2], session[3]}
            else
                redis.call('ZREM', KEYS[1], hash)
            end
        end
        return found
        """)

    /// Keys: the session. Arguments: hash, what keys of users' sessions begin with, the channel.
    static let delete = RedisScript(
        """
        local user = redis.call('HGET', KEYS[1], 'user')
        redis.call('DEL', KEYS[1])
        if user then redis.call('ZREM', ARGV[2] .. user, ARGV[1]) end
        redis.call('PUBLISH', ARGV[3], ARGV[1])
        return 1
        """)

    /// Keys: the user's sessions. Arguments: the hash that is kept, what keys of sessions begin with, the channel, how
    /// many ends one message tells at most.
    static let deleteAll = RedisScript(
        """
        local ended, message = {}, {}
        for _, hash in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
            if hash ~= ARGV[1] then
                redis.call('DEL', ARGV[2] .. hash)
                redis.call('ZREM', KEYS[1], hash)
                ended[#ended + 1] = hash
                message[#message + 1] = hash
                if #message >= tonumber(ARGV[4]) then
                    redis.call('PUBLISH', ARGV[3], table.concat(message, ' '))
                    message = {}
                end
            end
        end
        if #message > 0 then redis.call('PUBLISH', ARGV[3], table.concat(message, ' ')) end
        return ended
        """)
}
