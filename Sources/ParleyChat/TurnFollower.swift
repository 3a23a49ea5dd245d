//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
public import ParleyCore

/// Follows one turn from any position to its end, for one reader, on any node.
///
/// It reads the log and waits for more. The database is asked only when the log does not know the turn, or has been
/// silent for ``ChatLimits/readerPatience``: never for an answer that streams. On a node that the log does not reach,
/// since the shared store is away, the answer so goes on in the steps of the owner's snapshots. It holds nothing but a
/// position: a slow reader costs no memory, it just reads later.
public struct TurnFollower: Sendable {
    private let store: any TurnStore
    private let log: any AnswerLog
    /// The turn as the database had it last.
    private var turn: Turn
    public private(set) var position: EventID
    private var isFinished = false
    private let readerPatience: Duration
    /// How long the log may be silent before the database is asked.
    private var silence: Duration

    /// - Parameters:
    ///   - turn: as the reader was given it, which is the proof that the reader may see it.
    ///   - after: the last event that the reader has; ``EventID/start`` reads all.
    ///   - readerPatience: how long the log may be silent before the database is asked.
    public init(
        store: any TurnStore, log: any AnswerLog, turn: Turn, after: EventID = .start,
        readerPatience: Duration = ChatLimits.readerPatience
    ) {
        self.store = store
        self.log = log
        self.turn = turn
        self.position = after
        self.readerPatience = readerPatience
        self.silence = readerPatience
    }

    /// The next events; none when there was no news for `atMost`; `nil` after the terminal event.
    ///
    /// - Throws: `StoreError` (`.notFound` when the turn was removed meanwhile), `ClusterError`, `CancellationError`.
    public mutating func next(atMost patience: Duration) async throws -> [TurnEvent]? {
        guard !self.isFinished else { return nil }
        let clock = ContinuousClock()
        let start = clock.now
        var asksAfter = self.silence
        var hasWaited = false
        while true {
            try Task.checkCancellation()
            let page = try await self.log.read(
                turn: self.turn.id, after: self.position, limit: ChatLimits.eventsPerRead)
            if let last = page.events.last {
                self.position = last.id
                self.isFinished = last.kind.isTerminal
                self.silence = self.readerPatience
                return page.events
            }
            // A wait may end early, without news.
            let waited = clock.now - start
            if waited >= asksAfter || (hasWaited && !page.exists) {
                asksAfter = waited + self.silence
                self.turn = try await self.store.turn(self.turn.id, owner: self.turn.ownerID)
                if let event = Self.progress(of: self.turn, after: self.position) {
                    self.position = event.id
                    self.silence = min(self.readerPatience, ChatLimits.snapshotInterval)
                    return [event]
                }
            }
            if self.turn.state.isFinal, let events = Self.remaining(of: self.turn, after: self.position) {
                self.isFinished = true
                return events.isEmpty ? nil : events
            }
            guard waited < patience else { return [] }
            let wait = min(patience - waited, page.exists ? asksAfter - waited : .seconds(1))
            try await self.log.waitForEvents(turn: self.turn.id, after: self.position, atMost: wait)
            hasWaited = true
        }
    }

    /// What a reader at this position lacks of a turn that runs, from its last snapshot. `nil` when it has as much:
    /// a snapshot of an earlier epoch than the turn's covers nothing that could be named.
    static func progress(of turn: Turn, after position: EventID) -> TurnEvent? {
        let id = EventID(epoch: turn.epoch, sequence: turn.sequence)
        guard !turn.state.isFinal, turn.sequence > 0, position < id else { return nil }
        return TurnEvent(turnID: turn.id, id: id, kind: .replace(from: 0, text: turn.text))
    }

    /// What a reader at this position lacks of a turn that has ended, from the database alone.
    static func remaining(of turn: Turn, after position: EventID) -> [TurnEvent]? {
        guard let finish = turn.finish else { return nil }
        let end = EventID(epoch: turn.epoch, sequence: turn.sequence)
        guard position < end else { return [] }
        var events: [TurnEvent] = []
        func add(_ sequence: Int, _ kind: TurnEvent.Kind) {
            let id = EventID(epoch: turn.epoch, sequence: sequence)
            if id > position {
                events.append(TurnEvent(turnID: turn.id, id: id, kind: kind))
            }
        }
        if position == .start, end.sequence > 2 {
            add(1, .started(model: turn.model ?? ""))
        }
        // The event before the terminal one stands for all that were lost: it says the whole text.
        add(end.sequence - 1, .replace(from: 0, text: turn.text))
        let length = turn.text.unicodeScalars.count
        switch finish {
        case .completed(let reason, let usage):
            add(
                end.sequence,
                .completed(
                    messageID: turn.assistantMessageID, textLength: length, usage: usage, finishReason: reason))
        case .stopped: add(end.sequence, .stopped(messageID: turn.assistantMessageID))
        case .failed(let failure): add(end.sequence, .failed(failure))
        }
        return events
    }
}
