//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import RedisClient

/// The steps on a turn that Redis takes at once. Time is Redis's own. Every answer begins with a word:
/// `OK`, `HELD`, `FENCED`, `LOST` or `GAP`; an `OK` goes on with whether the turn is to be stopped and the id of the
/// log's last event.
///
/// What they know is a hash per turn, which lives longer than the lease in it, so that an epoch never comes twice.
enum TurnScripts {
    /// Numbers as text where a float would be written with an exponent, and what is known of a turn.
    private static let prelude =
        RedisTime.now + """
            local function text(number) return string.format('%.0f', number) end
            local function known(key)
              local v = redis.call('HMGET', key,
                'epoch', 'node', 'until', 'released', 'stop', 'finished', 'lastEpoch', 'lastSequence')
              return {epoch = tonumber(v[1]), node = v[2], expiry = tonumber(v[3] or 0), released = v[4] == '1',
                stop = v[5] or '0', finished = v[6] == '1',
                lastEpoch = tonumber(v[7] or 0), lastSequence = tonumber(v[8] or 0)}
            end
            local function ok(turn)
              return {'OK', turn.stop, text(turn.lastEpoch) .. '-' .. text(turn.lastSequence)}
            end
            -- Extends the lease of a turn that has not ended, and the life of what is known of it.
            local function extend(turn, id, life, keep)
              if turn.finished then return end
              redis.call('HSET', KEYS[1], 'until', text(now + life))
              redis.call('ZADD', KEYS[3], text(now + life), id)
              redis.call('PEXPIRE', KEYS[1], keep)
              redis.call('PEXPIRE', KEYS[2], keep)
            end

            """

    /// KEYS: lease, log, leases. ARGV: turn, node, highest epoch known elsewhere, life and keep in ms.
    static let acquire = RedisScript(
        prelude + """
            local turn = known(KEYS[1])
            if turn.epoch and not turn.released and turn.expiry > now then return {'HELD'} end
            local epoch = math.max(turn.epoch or 0, tonumber(ARGV[3])) + 1
            redis.call('HSET', KEYS[1], 'node', ARGV[2], 'epoch', text(epoch), 'until', text(now + ARGV[4]),
              'released', '0')
            redis.call('PEXPIRE', KEYS[1], ARGV[5])
            extend(turn, ARGV[1], tonumber(ARGV[4]), ARGV[5])
            local answer = ok(turn)
            answer[4] = text(epoch)
            return answer
            """)

    /// KEYS: lease, log, leases. ARGV: turn, node, epoch, life and keep in ms.
    static let renew = RedisScript(
        prelude + """
            local turn = known(KEYS[1])
            local epoch = tonumber(ARGV[3])
            if not turn.epoch or turn.epoch < epoch then return {'LOST'} end
            if turn.epoch > epoch or turn.node ~= ARGV[2] or turn.released then return {'FENCED'} end
            extend(turn, ARGV[1], tonumber(ARGV[4]), ARGV[5])
            return ok(turn)
            """)

    /// As ``renew``, but what is not known, or known of an earlier epoch only, is made known.
    static let restore = RedisScript(
        prelude + """
            local turn = known(KEYS[1])
            local epoch = tonumber(ARGV[3])
            if turn.epoch and turn.epoch > epoch then return {'FENCED'} end
            if turn.epoch == epoch and (turn.node ~= ARGV[2] or turn.released) then return {'FENCED'} end
            redis.call('HSET', KEYS[1], 'node', ARGV[2], 'epoch', text(epoch), 'until', text(now + ARGV[4]),
              'released', '0')
            redis.call('PEXPIRE', KEYS[1], ARGV[5])
            extend(turn, ARGV[1], tonumber(ARGV[4]), ARGV[5])
            return ok(turn)
            """)

    /// KEYS: lease, log, leases. ARGV: turn, node, epoch.
    static let release = RedisScript(
        prelude + """
            local turn = known(KEYS[1])
            if turn.epoch ~= tonumber(ARGV[3]) or turn.node ~= ARGV[2] then return {'FENCED'} end
            redis.call('HSET', KEYS[1], 'released', '1')
            redis.call('ZREM', KEYS[3], ARGV[1])
            return ok(turn)
            """)

    /// KEYS: lease, log, leases. ARGV: turn, node, epoch, keep in ms, channel, epoch and sequence of the event before
    /// the first, whether the last one ends the turn, then of each event: epoch, sequence, name, payload.
    static let append = RedisScript(
        prelude + """
            local turn = known(KEYS[1])
            local epoch = tonumber(ARGV[3])
            if not turn.epoch or turn.epoch < epoch then return {'LOST'} end
            if turn.epoch > epoch or turn.node ~= ARGV[2] or turn.released then return {'FENCED'} end
            local function isNew(e, s)
              return e > turn.lastEpoch or (e == turn.lastEpoch and s > turn.lastSequence)
            end
            if isNew(tonumber(ARGV[6]), tonumber(ARGV[7])) then
              return {'GAP', '0', ok(turn)[3]}
            end
            local added = false
            for i = 9, #ARGV, 4 do
              local e, s = tonumber(ARGV[i]), tonumber(ARGV[i + 1])
              if isNew(e, s) then
                if turn.finished then return {'FENCED'} end
                redis.call('XADD', KEYS[2], text(e) .. '-' .. text(s), ARGV[i + 2], ARGV[i + 3])
                turn.lastEpoch, turn.lastSequence, added = e, s, true
              end
            end
            local answer = ok(turn)
            if added then
              redis.call('HSET', KEYS[1], 'lastEpoch', text(turn.lastEpoch), 'lastSequence', text(turn.lastSequence))
              if ARGV[8] == '1' then
                redis.call('HSET', KEYS[1], 'finished', '1')
                redis.call('ZREM', KEYS[3], ARGV[1])
              end
              redis.call('PEXPIRE', KEYS[1], ARGV[4])
              redis.call('PEXPIRE', KEYS[2], ARGV[4])
              redis.call('PUBLISH', ARGV[5], answer[3])
            end
            return answer
            """)

    /// KEYS: lease. ARGV: turn, channel. The flag stays for the owner, who may not hear the channel.
    static let stop = RedisScript(
        """
        if redis.call('EXISTS', KEYS[1]) == 1 then redis.call('HSET', KEYS[1], 'stop', '1') end
        return redis.call('PUBLISH', ARGV[2], ARGV[1])
        """)

    /// Which run of the server this is, and for how many ms it has known anything.
    private static let age = """
        redis.call('SET', KEYS[1], text(now), 'NX')
        local age = text(now - tonumber(redis.call('GET', KEYS[1])))
        local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)') or ''

        """

    /// KEYS: born, leases of turns. Answers with the run, the age, and of each turn 1 when a lease is live, 0 when
    /// none is, and -1 when nothing is known.
    static let live = RedisScript(
        prelude + age + """
            local answer = {run, age}
            for i = 2, #KEYS do
              local turn = known(KEYS[i])
              local state = turn.epoch and 0 or -1
              if turn.epoch and not turn.released and turn.expiry > now then state = 1 end
              answer[i + 1] = state
            end
            return answer
            """)

    /// KEYS: born, leases. ARGV: how long an expired lease counts, in ms. Answers with the run, the age, and whether a
    /// lease has expired. Turns that nobody wanted for so long have ended in the database.
    static let expired = RedisScript(
        prelude + age + """
            redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', text(now - tonumber(ARGV[1])))
            return {run, age, #redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', text(now), 'LIMIT', 0, 1)}
            """)
}
