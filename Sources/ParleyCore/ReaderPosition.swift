//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// What one reader of a turn has seen: its position and the text that it shows.
///
/// This is the rule by which each character is shown once, the same in the server's tests, in the page
/// (`turn-reader.js`) and in any other client:
/// - an event at or below the position is dropped;
/// - a `replace` may come with any later id, since it says exactly what the text is;
/// - any other event must be the next of its epoch, or the first of a later one; otherwise events are missing and
///   the reader asks again from its position.
public struct ReaderPosition: Hashable, Sendable {
    public enum Action: Hashable, Sendable {
        /// The event was new and has been applied.
        case applied
        /// The event had been seen.
        case dropped
        /// Events are missing: read again after ``ReaderPosition/last``.
        case gap
    }

    public private(set) var last: EventID
    /// The text shown, as Unicode scalars: `replace` counts them.
    public private(set) var scalars: [Unicode.Scalar]
    public private(set) var isFinished = false

    public init(last: EventID = .start, text: String = "") {
        self.last = last
        self.scalars = Array(text.unicodeScalars)
    }

    public var text: String {
        var view = String.UnicodeScalarView()
        view.append(contentsOf: self.scalars)
        return String(view)
    }

    public mutating func apply(_ event: TurnEvent) -> Action {
        guard event.id > self.last else { return .dropped }
        if case .replace(let from, let text) = event.kind {
            guard from <= self.scalars.count else { return .gap }
            self.scalars.removeSubrange(from...)
            self.scalars.append(contentsOf: text.unicodeScalars)
            self.last = event.id
            return .applied
        }
        let expected = event.id.epoch == self.last.epoch ? self.last.sequence + 1 : 1
        guard event.id.sequence == expected else { return .gap }
        if case .delta(let text) = event.kind {
            self.scalars.append(contentsOf: text.unicodeScalars)
        }
        self.isFinished = event.kind.isTerminal
        self.last = event.id
        return .applied
    }
}
