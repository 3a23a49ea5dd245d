//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import NIOCore
import ParleyCore
import RedisClient

/// The scripts of ``TurnScripts`` as calls, and what Redis answers as values.
struct TurnRedis: Sendable {
    /// What became of a step on a turn.
    enum Reply: Hashable, Sendable {
        /// Done. The log ends with `last`; `epoch` is that of a new lease.
        case ok(stop: Bool, last: EventID, epoch: Int?)
        case held
        case fenced
        case lost
        /// The log ends with `last`, before the events that were given.
        case gap(last: EventID)
    }

    /// What is known of the leases of some turns.
    struct Live: Sendable {
        var run: String
        var age: Duration
        var live: [TurnID] = []
        var unknown: [TurnID] = []
    }

    let client: RedisClient
    let keys: TurnKeys
    let leaseLife: Duration

    private var keep: RedisArgument { .integer(Int(ClusterLimits.abandonedLogLife.milliseconds)) }
    private var life: RedisArgument { .integer(Int(self.leaseLife.milliseconds)) }

    func acquire(_ turn: TurnID, node: NodeID, afterEpoch: Int) async throws(RedisError) -> Reply {
        try await self.step(
            TurnScripts.acquire, turn, [.string(node.name), .integer(afterEpoch), self.life, self.keep])
    }

    func renew(_ lease: Lease) async throws(RedisError) -> Reply {
        try await self.step(TurnScripts.renew, lease.turnID, Self.words(lease) + [self.life, self.keep])
    }

    func restore(_ lease: Lease) async throws(RedisError) -> Reply {
        try await self.step(TurnScripts.restore, lease.turnID, Self.words(lease) + [self.life, self.keep])
    }

    func release(_ lease: Lease) async throws(RedisError) -> Reply {
        try await self.step(TurnScripts.release, lease.turnID, Self.words(lease))
    }

    func append(_ batch: TurnMirror.Batch) async throws(RedisError) -> Reply {
        let turn = batch.lease.turnID
        let ends = batch.events.last?.kind.isTerminal ?? false
        let keep = ends ? ClusterLimits.finishedLogLife : ClusterLimits.abandonedLogLife
        var arguments = Self.words(batch.lease)
        arguments.reserveCapacity(8 + batch.events.count * 4)
        arguments += [
            .integer(Int(keep.milliseconds)), .string(self.keys.news(turn)), .integer(batch.previous.epoch),
            .integer(batch.previous.sequence), .integer(ends ? 1 : 0),
        ]
        for event in batch.events {
            let record = LogRecord(event.kind)
            arguments += [
                .integer(event.id.epoch), .integer(event.id.sequence), .string(record.name),
                RedisArgument(record.payload),
            ]
        }
        return try await self.step(TurnScripts.append, turn, arguments, patience: ClusterLimits.appendPatience)
    }

    func requestStop(_ turn: TurnID) async throws(RedisError) {
        _ = try await self.run(
            TurnScripts.stop, keys: [self.keys.lease(turn)],
            arguments: ["\(turn)", .string(self.keys.stops)])
    }

    func announceFree(_ turn: TurnID) async throws(RedisError) {
        _ = try await self.client.send(
            .publish(self.keys.free, "\(turn)"), deadline: ClusterLimits.commandPatience)
    }

    /// The events after a position, oldest first, at most `limit`. An entry that is none of ours ends them.
    func events(_ turn: TurnID, after: EventID, limit: Int) async throws(RedisError) -> [TurnEvent] {
        let command = RedisCommand(
            "XRANGE", .string(self.keys.log(turn)), "(\(after.description)", "+", "COUNT", .integer(limit))
        let entries = try await self.client.send(command, deadline: ClusterLimits.commandPatience).array()
        var events: [TurnEvent] = []
        events.reserveCapacity(entries.count)
        for entry in entries {
            let parts = try entry.array()
            guard parts.count == 2, let id = EventID(try parts[0].string()) else { break }
            let fields = try parts[1].array()
            guard fields.count == 2 else { break }
            let record = LogRecord(
                name: try fields[0].string(), payload: Array(try fields[1].bytes().readableBytesView))
            guard let kind = record.kind else { break }
            events.append(TurnEvent(turnID: turn, id: id, kind: kind))
        }
        return events
    }

    func live(
        among turns: some Collection<TurnID>, patience: Duration = ClusterLimits.commandPatience
    ) async throws(RedisError) -> Live {
        let keys = [self.keys.born] + turns.map { self.keys.lease($0) }
        let reply = try await self.run(TurnScripts.live, keys: keys, arguments: [], patience: patience).array()
        guard reply.count == turns.count + 2 else {
            throw RedisError(.decoding, "a reply of \(reply.count) elements", wasSent: true)
        }
        var result = Live(run: try reply[0].string(), age: .milliseconds(try reply[1].integer()))
        for (turn, state) in zip(turns, reply.dropFirst(2)) {
            switch try state.integer() {
            case 1: result.live.append(turn)
            case 0: break
            default: result.unknown.append(turn)
            }
        }
        return result
    }

    func hasExpired() async throws(RedisError) -> (run: String, age: Duration, expired: Bool) {
        let reply = try await self.run(
            TurnScripts.expired, keys: [self.keys.born, self.keys.leases],
            arguments: [.integer(Int(ClusterLimits.expiredLeaseLife.milliseconds))]
        ).array()
        guard reply.count == 3 else { throw RedisError(.decoding, "a reply of \(reply.count) elements", wasSent: true) }
        return (try reply[0].string(), .milliseconds(try reply[1].integer()), try reply[2].integer() > 0)
    }

    private static func words(_ lease: Lease) -> [RedisArgument] {
        [.string(lease.node.name), .integer(lease.epoch)]
    }

    private func step(
        _ script: RedisScript, _ turn: TurnID, _ arguments: [RedisArgument],
        patience: Duration = ClusterLimits.commandPatience
    ) async throws(RedisError) -> Reply {
        let keys = [self.keys.lease(turn), self.keys.log(turn), self.keys.leases]
        let reply = try await self.run(
            script, keys: keys, arguments: ["\(turn)"] + arguments, patience: patience)
        return try Self.reply(reply)
    }

    static func reply(_ value: RedisValue) throws(RedisError) -> Reply {
        let words = try value.strings()
        switch words.first {
        case "HELD": return .held
        case "FENCED": return .fenced
        case "LOST": return .lost
        case "OK" where words.count >= 3, "GAP" where words.count == 3:
            guard let last = EventID(words[2]) else { break }
            if words[0] == "GAP" { return .gap(last: last) }
            return .ok(stop: words[1] == "1", last: last, epoch: words.count > 3 ? Int(words[3]) : nil)
        default: break
        }
        throw RedisError(.decoding, "an answer that no script of ours gives", wasSent: true)
    }

    private func run(
        _ script: RedisScript, keys: [String], arguments: [RedisArgument],
        patience: Duration = ClusterLimits.commandPatience
    ) async throws(RedisError) -> RedisValue {
        try await self.client.run(script, keys: keys, arguments: arguments, deadline: patience)
    }
}
