//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCore
import RedisClient

/// The names of the keys of the queue of jobs. All have one hash tag, so that a script may use them together.
struct JobKeys {
    let born: String
    let news: String
    private let stem: String

    init(prefix: String) {
        self.stem = "\(prefix){jobs}:"
        self.born = self.stem + "born"
        self.news = self.stem + "news"
    }

    /// What is due, and what is taken.
    func pair(_ kind: JobKind) -> [String] {
        ["\(self.stem)due:\(kind.rawValue)", "\(self.stem)taken:\(kind.rawValue)"]
    }

    func round(_ name: String) -> String { "\(self.stem)round:\(name)" }
}

/// The steps of the queue, each one script. Times are milliseconds of Redis' clock.
enum JobScripts {
    /// KEYS: born, then due and taken of each kind. ARGV: a word for a queue that is new, the life of a lease, then how
    /// many of each kind.
    ///
    /// Answers with the word of the queue, the wait for the next (or -1), then for each kind how many of its ids had
    /// lapsed, and the ids.
    static let take = RedisScript(
        RedisTime.now + """
            redis.call('SET', KEYS[1], ARGV[1], 'NX')
            local reply = {redis.call('GET', KEYS[1]), -1}
            local nearest
            for k = 1, #ARGV - 2 do
                local due, taken, count = KEYS[2 * k], KEYS[2 * k + 1], tonumber(ARGV[2 + k])
                local ids = redis.call('ZRANGEBYSCORE', taken, '-inf', now, 'LIMIT', 0, count)
                local lapsed = #ids
                if lapsed < count then
                    local fresh = redis.call('ZRANGEBYSCORE', due, '-inf', now, 'LIMIT', 0, count - lapsed)
                    if #fresh > 0 then
                        redis.call('ZREM', due, unpack(fresh))
                        for _, id in ipairs(fresh) do ids[#ids + 1] = id end
                    end
                end
                if #ids > 0 then
                    local entries = {}
                    for i, id in ipairs(ids) do
                        entries[2 * i - 1] = now + ARGV[2]
                        entries[2 * i] = id
                    end
                    redis.call('ZADD', taken, unpack(entries))
                end
                for _, key in ipairs({due, taken}) do
                    local first = redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')[2]
                    if first and (not nearest or tonumber(first) < nearest) then nearest = tonumber(first) end
                end
                reply[2 * k + 1] = lapsed
                reply[2 * k + 2] = ids
            end
            if nearest then reply[2] = math.max(nearest - now, 0) end
            return reply
            """)

    /// KEYS: due, taken. ARGV: how many there may be, where news go, the kind, then ids and how far away their times
    /// are. Answers with how many had no room.
    static let add = RedisScript(
        RedisTime.now + """
            local room = ARGV[1] - redis.call('ZCARD', KEYS[1]) - redis.call('ZCARD', KEYS[2])
            local added, refused = 0, 0
            for i = 4, #ARGV, 2 do
                local id = ARGV[i]
                if not redis.call('ZSCORE', KEYS[2], id) then
                    if room > 0 then
                        local new = redis.call('ZADD', KEYS[1], 'NX', now + ARGV[i + 1], id)
                        room = room - new
                        added = added + new
                    elseif not redis.call('ZSCORE', KEYS[1], id) then
                        refused = refused + 1
                    end
                end
            end
            if added > 0 then redis.call('PUBLISH', ARGV[2], ARGV[3]) end
            return refused
            """)

    /// KEYS: due, taken. ARGV: the life of a lease, then ids.
    static let extend = RedisScript(
        RedisTime.now + """
            for i = 2, #ARGV do
                redis.call('ZREM', KEYS[1], ARGV[i])
                redis.call('ZADD', KEYS[2], now + ARGV[1], ARGV[i])
            end
            """)

    /// KEYS: due, taken. ARGV: where news go, the kind, then ids and how far away their times are.
    static let putOff = RedisScript(
        RedisTime.now + """
            for i = 3, #ARGV, 2 do
                redis.call('ZREM', KEYS[2], ARGV[i])
                redis.call('ZADD', KEYS[1], now + ARGV[i + 1], ARGV[i])
            end
            redis.call('PUBLISH', ARGV[1], ARGV[2])
            """)

    /// KEYS: due, taken. ARGV: ids.
    static let remove = RedisScript(
        """
        redis.call('ZREM', KEYS[2], unpack(ARGV))
        redis.call('ZREM', KEYS[1], unpack(ARGV))
        """)

    /// KEYS: due and taken of each kind. Answers for each with how many there are of both, and how long the oldest has
    /// been due.
    static let figures = RedisScript(
        RedisTime.now + """
            local reply = {}
            for k = 1, #KEYS, 2 do
                local first = redis.call('ZRANGE', KEYS[k], 0, 0, 'WITHSCORES')[2]
                reply[#reply + 1] = redis.call('ZCARD', KEYS[k])
                reply[#reply + 1] = redis.call('ZCARD', KEYS[k + 1])
                reply[#reply + 1] = first and math.max(now - first, 0) or 0
            end
            return reply
            """)
}
