//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCore

/// What one node knows of a turn's log in Redis, as a pure value: its events, how far Redis has them, and how far
/// readers of this node may see them.
///
/// The owner's mirror is filled by its own appends. An event becomes visible when Redis has accepted it
/// (``accepted(upTo:)``), or at once while Redis is away (``show()``); what Redis does not have is sent, again if need
/// be, from ``unsent()``. A mirror of another node is filled from Redis (``merge(_:)``). A mirror never takes back
/// what it has shown: if Redis lost the end of its log the mirror stands, and the next epoch opens with a `replace`
/// that puts readers of both right.
struct TurnMirror: Sendable {
    /// What goes to Redis in one script.
    struct Batch: Sendable {
        /// The event before the first; Redis must have it.
        var previous: EventID
        var events: [TurnEvent]
        var lease: Lease
    }

    private(set) var log: TurnLog
    /// Redis has the events up to here, as far as is known.
    private(set) var stored = EventID.start
    /// Readers may have the events up to here.
    private(set) var visible = EventID.start
    /// Under which this node writes; `nil` when it does not.
    private(set) var lease: Lease?
    /// The highest epoch under which this node ever wrote.
    private(set) var epoch = 0
    /// The highest epoch that this node has given up.
    private var given = 0
    /// How much memory it takes, about.
    private(set) var bytes = 0

    init(turnID: TurnID) {
        self.log = TurnLog(turnID: turnID)
    }

    /// Whether readers have the terminal event.
    var isFinished: Bool {
        self.log.isFinished && self.visible == self.log.last
    }

    /// Whether there is something that Redis should get.
    var hasUnsent: Bool {
        self.lease != nil && self.stored < self.log.last
    }

    /// This node writes from now on. Redis has the log up to `last`.
    mutating func take(_ lease: Lease, stored last: EventID) {
        guard lease.epoch >= self.epoch else { return }
        self.lease = lease
        self.epoch = lease.epoch
        self.given = 0
        self.stored = last
    }

    /// This node writes no more. What Redis had not accepted and nobody has seen never was.
    mutating func give(_ lease: Lease) {
        self.given = max(self.given, lease.epoch)
        guard self.lease == lease else { return }
        self.lease = nil
        self.cut(after: self.visible)
    }

    /// Adds events of the owner, not yet visible.
    mutating func append(_ kinds: [TurnEvent.Kind], firstSequence: Int, lease: Lease) -> TurnLog.Append {
        guard lease.epoch >= self.epoch, lease.epoch > self.given else { return .fenced }
        let result = self.log.append(kinds, firstSequence: firstSequence, epoch: lease.epoch)
        guard case .appended(let count) = result else { return result }
        self.bytes += kinds.suffix(count).reduce(0) { $0 + $1.memory }
        // It may be a lease that this node has without Redis, or again after it was refused.
        self.lease = lease
        self.epoch = lease.epoch
        return result
    }

    /// What Redis lacks, in bounded pieces; `nil` when it has all.
    func unsent() -> Batch? {
        guard let lease, self.stored < self.log.last else { return nil }
        var events: [TurnEvent] = []
        var bytes = 0
        for event in self.log.events(after: self.stored, limit: ClusterLimits.eventsPerAppend) {
            bytes += event.kind.textBytes
            guard events.isEmpty || bytes <= ClusterLimits.bytesPerAppend else { break }
            events.append(event)
        }
        return Batch(previous: self.log.id(before: self.stored), events: events, lease: lease)
    }

    /// Redis has accepted everything up to `last`.
    ///
    /// - Returns: whether readers have more to see.
    mutating func accepted(upTo last: EventID) -> Bool {
        self.stored = max(self.stored, last)
        return self.show(upTo: min(last, self.log.last))
    }

    /// Redis said where its log ends. It may have lost what it once accepted; that is then sent again.
    mutating func found(last: EventID) {
        self.stored = last
    }

    /// Redis is away: readers of this node get what there is.
    ///
    /// - Returns: whether readers have more to see.
    mutating func show() -> Bool {
        self.show(upTo: self.log.last)
    }

    /// Takes over what Redis has after the events that are here.
    ///
    /// - Returns: whether readers have more to see; `nil` when an event is missing in between.
    mutating func merge(_ events: [TurnEvent]) -> Bool? {
        guard let last = events.last?.id else { return false }
        if let later = events.first(where: { $0.id.epoch > self.log.last.epoch }), later.id > self.log.last {
            // Another epoch has begun; what of ours never became visible never will.
            self.cut(after: max(self.visible, events.last { $0.id < later.id }?.id ?? .start))
        }
        let new = events.drop { $0.id <= self.log.last }
        guard self.log.merge(new) else { return nil }
        self.bytes += new.reduce(0) { $0 + $1.kind.memory }
        return self.accepted(upTo: last)
    }

    func page(after position: EventID, limit: Int) -> AnswerLogPage {
        let events = self.log.events(after: position, limit: limit).prefix { $0.id <= self.visible }
        return AnswerLogPage(events: Array(events), exists: self.visible > .start)
    }

    private mutating func cut(after position: EventID) {
        self.log.cut(after: position)
        self.bytes = self.log.events.reduce(0) { $0 + $1.kind.memory }
    }

    private mutating func show(upTo position: EventID) -> Bool {
        guard position > self.visible else { return false }
        self.visible = position
        return true
    }
}

extension TurnEvent.Kind {
    /// About as many bytes does an event take in memory.
    fileprivate var memory: Int {
        self.textBytes + MemoryLayout<TurnEvent>.stride
    }

    /// About as many bytes of text does it carry.
    var textBytes: Int {
        switch self {
        case .delta(let text), .replace(_, let text): text.utf8.count
        case .sources(let passages): passages.reduce(0) { $0 + $1.text.utf8.count + $1.title.utf8.count + 100 }
        case .started, .completed, .stopped, .failed: 200
        }
    }
}
