//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
public import ParleyCore

/// The events of one turn: the rules of an answer log as a pure value.
///
/// Ids rise; within an epoch sequences are contiguous from 1; nothing follows a terminal event.
public struct TurnLog: Sendable {
    /// What became of an append.
    public enum Append: Hashable, Sendable {
        /// How many events were new; an event that was there already is skipped.
        case appended(Int)
        /// The epoch is older than the log's, or the turn has ended.
        case fenced
        /// The first event is not the next of its epoch.
        case gap
        case full
    }

    public let turnID: TurnID
    public private(set) var events: [TurnEvent] = []

    public init(turnID: TurnID) {
        self.turnID = turnID
    }

    public var last: EventID {
        self.events.last?.id ?? .start
    }

    public var isFinished: Bool {
        self.events.last?.kind.isTerminal ?? false
    }

    public mutating func append(
        _ kinds: [TurnEvent.Kind], firstSequence: Int, epoch: Int, limit: Int = CoreLimits.logEventsPerTurn
    ) -> Append {
        let last = self.last
        guard epoch >= last.epoch else { return .fenced }
        let next = epoch == last.epoch ? last.sequence + 1 : 1
        guard firstSequence >= 1, firstSequence <= next else { return .gap }
        let known = min(next - firstSequence, kinds.count)
        let new = kinds.dropFirst(known)
        guard !new.isEmpty else { return .appended(0) }
        guard !self.isFinished else { return .fenced }
        // One place is kept for the terminal event, so that a full log can still be ended.
        let room = limit - self.events.count - (new.last?.isTerminal == true ? 0 : 1)
        guard new.count <= room else { return .full }
        for (offset, kind) in new.enumerated() {
            let id = EventID(epoch: epoch, sequence: next + offset)
            self.events.append(TurnEvent(turnID: self.turnID, id: id, kind: kind))
        }
        return .appended(new.count)
    }

    /// Adds what a log of the same turn elsewhere has after ``last``; what is here already is skipped.
    ///
    /// - Returns: false when an event is missing before one of these; that one and those after it are then not added.
    mutating func merge(_ events: some Sequence<TurnEvent>) -> Bool {
        for event in events where event.id > self.last {
            let last = self.last
            let isNext =
                event.id.epoch == last.epoch
                ? event.id.sequence == last.sequence + 1 : event.id.sequence == 1
            guard isNext else { return false }
            self.events.append(event)
        }
        return true
    }

    /// Forgets what comes after a position.
    mutating func cut(after position: EventID) {
        self.events.removeLast(self.events.count - self.index(after: position))
    }

    /// The event before the first one after `position`.
    func id(before position: EventID) -> EventID {
        let index = self.index(after: position)
        return index == 0 ? .start : self.events[index - 1].id
    }

    /// The events after a position, at most `limit`.
    public func events(after position: EventID, limit: Int) -> ArraySlice<TurnEvent> {
        self.events[self.index(after: position)...].prefix(limit)
    }

    /// Where the first event after `position` is.
    private func index(after position: EventID) -> Int {
        var low = 0
        var high = self.events.count
        while low < high {
            let middle = (low + high) / 2
            if self.events[middle].id > position {
                high = middle
            } else {
                low = middle + 1
            }
        }
        return low
    }
}
