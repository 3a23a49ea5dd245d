//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Dispatch
import Synchronization

/// The door to a ``SentenceEncoder`` for concurrent callers: encodes on a thread of its own, urgent texts before bulk.
///
/// An urgent request waits for at most one layer of the bulk batch that is being encoded (some milliseconds), and for
/// urgent requests before it. The number of requests that wait is bounded; the texts are their callers' own.
public final class EncodingQueue: Sendable {
    /// How soon texts are wanted.
    public enum Priority: Hashable, Sendable {
        /// One of many, such as the passages of a document.
        case bulk
        /// Somebody waits, such as a question.
        case urgent
    }

    private typealias Outcome = Result<[[Float]], SentenceEncoderError>

    private struct State {
        var schedule: EncodingSchedule
        var callers: [EncodingSchedule.RequestID: CheckedContinuation<Outcome, Never>] = [:]
        /// Ended before the caller had its continuation.
        var early: [EncodingSchedule.RequestID: Outcome] = [:]
        /// Whether the thread works.
        var isRunning = false
    }

    public let encoder: SentenceEncoder
    private let state: Mutex<State>
    /// Held by the thread while it works.
    private let engine = Mutex<EncoderEngine?>(nil)
    private let thread = DispatchQueue(label: "parley.sentence-encoder", qos: .userInitiated)

    /// - Parameter waitingRequests: how many requests may be here at once; one more is refused.
    public init(_ encoder: SentenceEncoder, waitingRequests: Int = EncoderLimits.waitingRequests) {
        self.encoder = encoder
        self.state = Mutex(State(schedule: EncodingSchedule(limit: waitingRequests)))
    }

    /// Encodes texts; gives a vector for each, in order. Cancelling the task ends the work soon.
    ///
    /// - Throws: ``SentenceEncoderError``: `.overloaded` when too many requests wait, `.cancelled`.
    public func encode(_ texts: [String], priority: Priority) async throws(SentenceEncoderError) -> [[Float]] {
        guard !texts.isEmpty else { return [] }
        guard !Task.isCancelled else { throw Self.cancelled }
        let (id, starts) = self.state.withLock { state -> (EncodingSchedule.RequestID?, Bool) in
            guard let id = state.schedule.add(texts, urgent: priority == .urgent) else { return (nil, false) }
            defer { state.isRunning = true }
            return (id, !state.isRunning)
        }
        guard let id else {
            throw SentenceEncoderError(.overloaded, "too many texts wait to be encoded; try again soon")
        }
        if starts { self.thread.async { self.run() } }
        let outcome = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let early = self.state.withLock { state -> Outcome? in
                    if let outcome = state.early.removeValue(forKey: id) { return outcome }
                    state.callers[id] = continuation
                    return nil
                }
                if let early { continuation.resume(returning: early) }
            }
        } onCancel: {
            self.end(id, .failure(Self.cancelled))
        }
        return try outcome.get()
    }

    private static var cancelled: SentenceEncoderError {
        SentenceEncoderError(.cancelled, "the texts are no longer wanted")
    }

    /// Ends a request, unless it has ended.
    private func end(_ id: EncodingSchedule.RequestID, _ outcome: Outcome) {
        let caller = self.state.withLock { state -> CheckedContinuation<Outcome, Never>? in
            guard state.schedule.remove(id) else { return nil }
            return Self.caller(of: id, outcome, &state)
        }
        caller?.resume(returning: outcome)
    }

    private static func caller(
        of id: EncodingSchedule.RequestID, _ outcome: Outcome, _ state: inout State
    ) -> CheckedContinuation<Outcome, Never>? {
        if let caller = state.callers.removeValue(forKey: id) { return caller }
        state.early[id] = outcome
        return nil
    }

    // MARK: The thread

    /// Encodes until nothing is left.
    private func run() {
        self.engine.withLock { engine in
            while self.hasWork() {
                do {
                    let ready = try engine ?? EncoderEngine(self.encoder)
                    engine = ready
                    if !self.encodeBatch(ready, urgent: true) { _ = self.encodeBatch(ready, urgent: false) }
                } catch {
                    self.failAll(error)
                }
            }
        }
    }

    private func hasWork() -> Bool {
        self.state.withLock { state in
            state.isRunning = !state.schedule.isEmpty
            return state.isRunning
        }
    }

    /// Encodes the next batch; `false` when there is none.
    private func encodeBatch(_ engine: EncoderEngine, urgent: Bool) -> Bool {
        let (pieces, ids) = self.nextBatch(urgent: urgent)
        guard !pieces.isEmpty else { return false }
        do throws(SentenceEncoderError) {
            let vectors = try engine.encode(
                ids, urgent: urgent, between: urgent ? nil : { self.isBetweenLayers(of: pieces, engine) })
            self.deliver(vectors, for: pieces)
        } catch {
            for piece in pieces { self.end(piece.request, .failure(error)) }
        }
        if !urgent { self.state.withLock { $0.schedule.takeTurns() } }
        return true
    }

    /// Lets urgent texts go before; `false` when nobody wants the batch any more.
    private func isBetweenLayers(of pieces: [EncodingSchedule.Piece], _ engine: EncoderEngine) -> Bool {
        let (hasUrgent, isWanted) = self.state.withLock { state in
            (state.schedule.hasUrgent, pieces.contains { state.schedule.wants($0.request) })
        }
        guard isWanted else { return false }
        if hasUrgent { _ = self.encodeBatch(engine, urgent: true) }
        return true
    }

    /// Takes texts until their tokens fill a batch.
    private func nextBatch(urgent: Bool) -> ([EncodingSchedule.Piece], [[Int32]]) {
        let limit = urgent ? EncoderLimits.urgentBatchTokens : EncoderLimits.batchTokens
        var pieces: [EncodingSchedule.Piece] = []
        var ids: [[Int32]] = []
        var tokens = 0
        while let piece = self.state.withLock({ $0.schedule.next(urgent: urgent) }) {
            let text = self.encoder.tokenizer.ids(of: piece.text, longest: self.encoder.maximumTokens)
            if tokens + text.count > limit, !pieces.isEmpty {
                self.state.withLock { $0.schedule.giveBack(piece, urgent: urgent) }
                break
            }
            pieces.append(piece)
            ids.append(text)
            tokens += text.count
        }
        return (pieces, ids)
    }

    private func deliver(_ vectors: [[Float]], for pieces: [EncodingSchedule.Piece]) {
        for (vector, piece) in zip(vectors, pieces) {
            let ended = self.state.withLock { state -> (CheckedContinuation<Outcome, Never>, Outcome)? in
                guard let all = state.schedule.deliver(vector, for: piece) else { return nil }
                return Self.caller(of: piece.request, .success(all), &state).map { ($0, .success(all)) }
            }
            if let (caller, outcome) = ended { caller.resume(returning: outcome) }
        }
    }

    private func failAll(_ error: any Error) {
        let reason = error as? SentenceEncoderError ?? SentenceEncoderError(.unsupported, "\(error)")
        while let piece = self.state.withLock({ $0.schedule.next(urgent: true) ?? $0.schedule.next(urgent: false) }) {
            self.end(piece.request, .failure(reason))
        }
    }
}
