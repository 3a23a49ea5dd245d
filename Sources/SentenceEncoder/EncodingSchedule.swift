//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import DequeModule

/// Which text of which request is encoded next. A pure value.
///
/// Requests of one priority take turns, batch by batch, so that a long one does not hold up a short one.
struct EncodingSchedule: Sendable {
    typealias RequestID = Int

    struct Piece: Hashable, Sendable {
        var request: RequestID
        /// Which of the request's texts.
        var index: Int
        var text: String
    }

    private struct Request: Sendable {
        var texts: [String]
        var vectors: [[Float]]
        /// The next text to begin.
        var next = 0
        var done = 0
    }

    let limit: Int
    private var requests: [RequestID: Request] = [:]
    private var urgent: Deque<RequestID> = []
    private var bulk: Deque<RequestID> = []
    private var lastID = 0

    /// - Parameter limit: how many requests may be here, running ones included.
    init(limit: Int) {
        self.limit = limit
    }

    var isEmpty: Bool { self.requests.isEmpty }
    var hasUrgent: Bool { !self.urgent.isEmpty }

    /// Takes a request in; `nil` when there are too many. `texts` must not be empty.
    mutating func add(_ texts: [String], urgent: Bool) -> RequestID? {
        guard self.requests.count < self.limit, !texts.isEmpty else { return nil }
        self.lastID += 1
        self.requests[self.lastID] = Request(texts: texts, vectors: [[Float]](repeating: [], count: texts.count))
        if urgent { self.urgent.append(self.lastID) } else { self.bulk.append(self.lastID) }
        return self.lastID
    }

    /// Whether somebody still wants the request's vectors.
    func wants(_ id: RequestID) -> Bool { self.requests[id] != nil }

    /// Begins the next text.
    mutating func next(urgent: Bool) -> Piece? {
        while let id = urgent ? self.urgent.first : self.bulk.first {
            if var request = self.requests[id], request.next < request.texts.count {
                let piece = Piece(request: id, index: request.next, text: request.texts[request.next])
                request.next += 1
                self.requests[id] = request
                if request.next == request.texts.count { self.dropFirst(urgent) }
                return piece
            }
            self.dropFirst(urgent)
        }
        return nil
    }

    /// Gives a text back that did not fit the batch: it is the next again.
    mutating func giveBack(_ piece: Piece, urgent: Bool) {
        guard var request = self.requests[piece.request] else { return }
        if request.next == request.texts.count {
            if urgent { self.urgent.prepend(piece.request) } else { self.bulk.prepend(piece.request) }
        }
        request.next = piece.index
        self.requests[piece.request] = request
    }

    /// Ends a batch of bulk work: the next request has its turn.
    mutating func takeTurns() {
        if self.bulk.count > 1, let first = self.bulk.popFirst() { self.bulk.append(first) }
    }

    /// Notes a vector; gives the request's vectors when it was the last.
    mutating func deliver(_ vector: [Float], for piece: Piece) -> [[Float]]? {
        guard var request = self.requests.removeValue(forKey: piece.request) else { return nil }
        request.vectors[piece.index] = vector
        request.done += 1
        if request.done == request.texts.count { return request.vectors }
        self.requests[piece.request] = request
        return nil
    }

    /// Forgets a request; `false` when it is not here.
    mutating func remove(_ id: RequestID) -> Bool {
        self.requests.removeValue(forKey: id) != nil
    }

    private mutating func dropFirst(_ urgent: Bool) {
        if urgent { self.urgent.removeFirst() } else { self.bulk.removeFirst() }
    }
}
