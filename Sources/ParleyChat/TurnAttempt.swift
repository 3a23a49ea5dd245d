//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
public import ParleyCore

/// One attempt to make an answer: turns what a model says into events. Pure; the engine performs them.
///
/// An attempt knows the text so far (`base`, from the log or the last snapshot). It either *continues* after that text
/// or *restarts*: then the new text is compared with the old, nothing is sent while they agree, and the first
/// difference becomes one `replace`.
///
/// An epoch above 1 opens with the whole of that text as one `replace`. Readers may have more of an earlier epoch than
/// the log knows, since a shared store that restarts may have lost the last second of it, and a log that was restored
/// begins with the epoch of its owner. A reader that has the text already sees nothing of it, and one whose answer is
/// made anew in the same words sees nothing but the continuation.
public struct TurnAttempt: Sendable {
    private enum Mode: Sendable {
        case appending
        /// Restarting: this many scalars of the old text have been said again.
        case matching(old: [Unicode.Scalar], matched: Int)
    }

    public let epoch: Int
    /// The sequence that the next event will have.
    public private(set) var nextSequence = 1
    /// The answer as the log's readers have it.
    public private(set) var text: String
    /// Unicode scalars in ``text``.
    public private(set) var scalarCount: Int
    /// What the answer rests on; an earlier attempt's until this one finds others.
    public private(set) var sources: [Citation]
    public private(set) var model: String?
    /// Whether the model has said anything in this attempt.
    public private(set) var hasDelta = false
    private var mode: Mode

    /// - Parameters:
    ///   - base: the text that earlier epochs came to.
    ///   - continuing: whether the model's deltas come after the base instead of from the beginning.
    ///   - sources: what an earlier attempt found.
    public init(epoch: Int, base: String, continuing: Bool, sources: [Citation] = []) {
        self.epoch = epoch
        self.text = base
        let scalars = Array(base.unicodeScalars)
        self.scalarCount = scalars.count
        self.mode = continuing || scalars.isEmpty ? .appending : .matching(old: scalars, matched: 0)
        self.sources = sources
    }

    /// Whether a continuing model has to be given the base as the beginning of its answer.
    public var isContinuing: Bool {
        if case .appending = self.mode { return !self.text.isEmpty }
        return false
    }

    /// The events that open an epoch above 1 before the model is heard of, so that a reader sees at once that the
    /// answer goes on: everything that an earlier epoch came to. The first epoch has nothing to say yet.
    ///
    /// - Parameter model: the model that answered before or will be asked.
    public mutating func opening(model: String) -> [TurnEvent.Kind] {
        guard self.epoch > 1, self.model == nil else { return [] }
        return self.started(model: model)
    }

    /// The model has begun. It is told of once, or again if it is another than the opening said.
    public mutating func started(model: String) -> [TurnEvent.Kind] {
        guard model != self.model else { return [] }
        let opens = self.model == nil && self.epoch > 1
        self.model = model
        var kinds: [TurnEvent.Kind] = [.started(model: model)]
        if opens {
            kinds += [.replace(from: 0, text: self.text), .sources(self.sources)]
        }
        return self.numbered(kinds)
    }

    /// What the answer rests on; the same again says nothing.
    public mutating func found(_ sources: [Citation]) -> [TurnEvent.Kind] {
        guard sources != self.sources else { return [] }
        self.sources = sources
        return self.numbered([.sources(sources)])
    }

    /// New text from the model.
    public mutating func delta(_ new: String) -> [TurnEvent.Kind] {
        guard !new.isEmpty else { return [] }
        self.hasDelta = true
        guard case .matching(let old, var matched) = self.mode else {
            return self.appended(new)
        }
        let scalars = new.unicodeScalars
        var index = scalars.startIndex
        while index < scalars.endIndex, matched < old.count, scalars[index] == old[matched] {
            matched += 1
            index = scalars.index(after: index)
        }
        if index == scalars.endIndex, matched < old.count {
            self.mode = .matching(old: old, matched: matched)
            return []
        }
        self.mode = .appending
        let rest = String(scalars[index...])
        if matched == old.count {
            return rest.isEmpty ? [] : self.appended(rest)
        }
        return self.replaced(old: old, from: matched, with: rest)
    }

    /// What must still be said before the terminal event of a completed answer: cuts what the old text had more.
    public mutating func completing() -> [TurnEvent.Kind] {
        guard case .matching(let old, let matched) = self.mode, matched < old.count else { return [] }
        self.mode = .appending
        return self.replaced(old: old, from: matched, with: "")
    }

    /// Takes the sequence of the terminal event.
    public mutating func terminalSequence() -> Int {
        defer { self.nextSequence += 1 }
        return self.nextSequence
    }

    /// The terminal event of a finish.
    public func terminal(_ finish: TurnFinish, messageID: MessageID) -> TurnEvent.Kind {
        switch finish {
        case .completed(let reason, let usage):
            .completed(messageID: messageID, textLength: self.scalarCount, usage: usage, finishReason: reason)
        case .stopped: .stopped(messageID: messageID)
        case .failed(let failure): .failed(failure)
        }
    }

    private mutating func appended(_ new: String) -> [TurnEvent.Kind] {
        self.text += new
        self.scalarCount += new.unicodeScalars.count
        return self.numbered([.delta(new)])
    }

    private mutating func replaced(
        old: [Unicode.Scalar], from: Int, with new: String
    ) -> [TurnEvent.Kind] {
        var view = String.UnicodeScalarView()
        view.append(contentsOf: old[..<from])
        self.text = String(view) + new
        self.scalarCount = from + new.unicodeScalars.count
        return self.numbered([.replace(from: from, text: new)])
    }

    private mutating func numbered(_ kinds: [TurnEvent.Kind]) -> [TurnEvent.Kind] {
        self.nextSequence += kinds.count
        return kinds
    }
}
