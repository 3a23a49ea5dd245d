//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCluster
import ParleyCore
import Testing

@testable import ParleyChat

/// What nodes do: the engine's steps, each of which may come late.
extension SimulatedWorld {
    /// A node commits the turn, as a rule under a lease. While the store is away the lease is provisional.
    mutating func accept(_ node: Int) {
        if self.chance(5) {
            self.cluster.isUp = false
            self.note("begun while the store was away")
        }
        guard !self.chance(8) else { return }
        let lease =
            self.cluster.acquire(node, afterEpoch: 0, now: self.now)
            ?? Lease(turnID: self.turn.id, node: NodeID("\(node)"), epoch: 1)
        self.turn.state = .running
        self.turn.epoch = lease.epoch
        self.turn.attempts = 1
        var owner = Owner(lease: lease, attempt: TurnAttempt(epoch: 1, base: "", continuing: false))
        owner.script = self.scripts[0]
        owner.stage = .speaking
        self.owners[node] = owner
    }

    /// The next step towards owning the turn.
    mutating func takeOver(_ node: Int) {
        guard let owner = self.owners[node] else { return self.lookAndAcquire(node) }
        guard !owner.isPaused else { return }
        switch owner.stage {
        case .acquired: self.claim(node, owner)
        case .claimed: self.open(node, owner)
        case .speaking, .owesTerminal: return
        }
    }

    private mutating func lookAndAcquire(_ node: Int) {
        // What the database said is sometimes old by the time the lease is taken.
        if !self.chance(5) { self.seenEpochs[node] = self.turn.epoch }
        guard !self.turn.state.isFinal, self.cluster.reaches(node) else { return }
        // A turn that another node announced as free is taken without asking who is live.
        guard !self.cluster.isLive(now: self.now) || self.chance(8) else { return }
        guard let lease = self.cluster.acquire(node, afterEpoch: self.seenEpochs[node], now: self.now) else { return }
        let nothing = TurnAttempt(epoch: lease.epoch, base: "", continuing: false)
        self.owners[node] = Owner(lease: lease, attempt: nothing)
    }

    private mutating func claim(_ node: Int, _ owner: Owner) {
        let isNew =
            owner.lease.epoch > self.turn.epoch
            || self.mutation == .claimsTwice && owner.lease.epoch == self.turn.epoch
        guard !self.turn.state.isFinal, isNew else {
            self.note("claim refused")
            return self.leave(node)
        }
        self.note(owner.lease.epoch > 1 ? "takeover" : "begin")
        self.turn.epoch = owner.lease.epoch
        self.turn.state = .running
        self.turn.attempts += 1
        self.turn.sequence = 0
        self.owners[node]?.stage = .claimed
    }

    /// What the log says is known, or the last snapshot when that says more.
    private mutating func open(_ node: Int, _ owner: Owner) {
        var owner = owner
        self.cluster.tail(node)
        var known = ReaderPosition()
        let isFresh = self.cluster.reaches(node) && Bool.random(using: &self.random)
        for event in isFresh ? self.cluster.log.events : self.cluster.mirrors[node].events {
            if known.apply(event) != .applied { known = ReaderPosition() }
        }
        var base = known.text
        let stored = self.turn.text
        if known.last == .start || stored.utf8.count > base.utf8.count && stored.utf8.starts(with: base.utf8) {
            base = stored
        }
        let continues = !base.isEmpty && Bool.random(using: &self.random)
        owner.script = self.scripts[Int.random(in: 0...1, using: &self.random)]
        if continues {
            owner.script = Array(base.unicodeScalars) + owner.script
            self.note("continuation")
        } else if !base.isEmpty {
            let isSame = owner.script.starts(with: base.unicodeScalars)
            self.note(isSame ? "restart in the same words" : "restart in other words")
        }
        owner.said = continues ? base.unicodeScalars.count : 0
        owner.attempt = TurnAttempt(epoch: owner.lease.epoch, base: base, continuing: continues)
        owner.stage = .speaking
        self.append(self.mutated(owner.attempt.opening(model: "m"), base), firstSequence: 1, node, owner)
    }

    private func mutated(_ opening: [TurnEvent.Kind], _ base: String) -> [TurnEvent.Kind] {
        opening.map { kind in
            guard case .replace = kind else { return kind }
            switch self.mutation {
            case .opensWithoutText: return .sources([])
            case .opensFromTheEnd: return .replace(from: base.unicodeScalars.count, text: "")
            case .claimsTwice, .finishesUnfenced, nil: return kind
            }
        }
    }

    /// The model says some more.
    mutating func say(_ node: Int) {
        guard var owner = self.owners[node], !owner.isPaused, case .speaking = owner.stage else { return }
        let end = min(owner.script.count, owner.said + Int.random(in: 1...4, using: &self.random))
        var view = String.UnicodeScalarView()
        view.append(contentsOf: owner.script[owner.said..<end])
        owner.said = end
        let first = owner.attempt.nextSequence
        let kinds = owner.attempt.started(model: "n") + owner.attempt.delta(String(view))
        self.append(kinds, firstSequence: first, node, owner)
    }

    /// Appends and keeps the owner as it then is; one that was fenced leaves off.
    ///
    /// - Returns: whether it is still the owner.
    @discardableResult
    private mutating func append(
        _ kinds: [TurnEvent.Kind], firstSequence: Int, _ node: Int, _ owner: Owner, hasEnded: Bool = false
    ) -> Bool {
        self.owners[node] = owner
        guard !kinds.isEmpty else { return true }
        for _ in 0..<ChatLimits.restoresPerAppend {
            switch self.cluster.append(kinds, firstSequence: firstSequence, owner.lease, node) {
            case .done, .away:
                if !self.cluster.reaches(node) { self.note("kept on the owner's node") }
                self.record(kinds, firstSequence: firstSequence, owner)
                return true
            case .fenced:
                self.note("fenced append")
                self.leave(node)
                return false
            case .broken(let what):
                self.violation = self.violation ?? what
                return false
            case .lost:
                self.record(kinds, firstSequence: firstSequence, owner)
                guard self.restore(node, owner, hasEnded: hasEnded) else { return false }
            }
        }
        return true
    }

    /// Asks the database and tells the store of the lease again.
    ///
    /// - Returns: false when another has the turn.
    private mutating func restore(_ node: Int, _ owner: Owner, hasEnded: Bool) -> Bool {
        let isOurs = self.turn.state == .running && self.turn.epoch == owner.lease.epoch
        guard isOurs || hasEnded else {
            self.note("lost lease was another's")
            self.leave(node)
            return false
        }
        switch self.cluster.restore(owner.lease, node, now: self.now) {
        case .done:
            self.note("lease restored")
            return true
        case .fenced:
            self.leave(node)
            return false
        case .broken(let what):
            self.violation = self.violation ?? what
            return false
        case .lost, .away: return true
        }
    }

    private mutating func leave(_ node: Int) {
        if let owner = self.owners.removeValue(forKey: node) { self.cluster.release(owner.lease, node) }
    }

    /// Remembers what each event says and what a reader must show at the last of them.
    private mutating func record(_ kinds: [TurnEvent.Kind], firstSequence: Int, _ owner: Owner) {
        for (offset, kind) in kinds.enumerated() {
            let id = EventID(epoch: owner.lease.epoch, sequence: firstSequence + offset)
            if case .replace = kind { self.note("replace") }
            if let other = self.kindAt.updateValue(kind, forKey: id), other != kind {
                self.violation = self.violation ?? "two events are called \(id)"
            }
            if offset == kinds.count - 1 { self.textAt[id] = owner.attempt.text }
        }
    }

    mutating func snapshot(_ node: Int) {
        guard let owner = self.owners[node], !owner.isPaused, case .speaking = owner.stage else { return }
        // The database's fence: an older epoch or a final turn is skipped.
        let sequence = owner.attempt.nextSequence - 1
        guard owner.lease.epoch == self.turn.epoch, !self.turn.state.isFinal, sequence >= self.turn.sequence
        else { return }
        self.turn.text = owner.attempt.text
        self.turn.sequence = sequence
    }

    mutating func finish(_ node: Int) {
        guard var owner = self.owners[node], !owner.isPaused else { return }
        if case .owesTerminal(let finish) = owner.stage {
            let event = owner.attempt.terminal(finish, messageID: self.turn.assistantMessageID)
            let sequence = owner.attempt.nextSequence - 1
            self.append([event], firstSequence: sequence, node, owner, hasEnded: true)
            return self.leave(node)
        }
        guard case .speaking = owner.stage else { return }
        let isStopped = self.chance(16)
        guard owner.said == owner.script.count || isStopped else { return }
        let first = owner.attempt.nextSequence
        let kinds = owner.attempt.started(model: "n") + (isStopped ? [] : owner.attempt.completing())
        guard self.append(kinds, firstSequence: first, node, owner) else { return }
        let finish: TurnFinish = isStopped ? .stopped : .completed(reason: .stop, usage: nil)
        self.end(node, owner, as: finish)
    }

    /// Commits the end to the database.
    private mutating func end(_ node: Int, _ owner: Owner, as finish: TurnFinish) {
        var owner = owner
        let sequence = owner.attempt.terminalSequence()
        let isCurrent = owner.lease.epoch == self.turn.epoch || self.mutation == .finishesUnfenced
        guard isCurrent, !self.turn.state.isFinal else {
            self.note("fenced finish")
            return self.leave(node)
        }
        self.turn.text = owner.attempt.text
        self.turn.sequence = sequence
        self.turn.epoch = owner.lease.epoch
        self.turn.state = finish.state
        self.turn.finish = finish
        self.finishedScript = finish == .stopped ? nil : owner.script
        self.textAt[EventID(epoch: self.turn.epoch, sequence: sequence)] = self.turn.text
        self.textAt[EventID(epoch: self.turn.epoch, sequence: sequence - 1)] = self.turn.text
        if self.chance(3) {
            self.note("crash before terminal event")
            return self.kill(node)
        }
        owner.stage = .owesTerminal(finish)
        self.owners[node] = owner
    }

    mutating func renew(_ node: Int) {
        guard let owner = self.owners[node], !owner.isPaused else { return }
        switch self.cluster.renew(owner.lease, node, now: self.now) {
        case .done: return
        case .fenced: self.leave(node)
        case .lost: _ = self.restore(node, owner, hasEnded: false)
        case .away:
            // The database tells of a takeover that the node could not hear of.
            guard case .speaking = owner.stage, self.turn.epoch != owner.lease.epoch else { return }
            self.note("takeover heard of from the database")
            self.leave(node)
        case .broken(let what): self.violation = self.violation ?? what
        }
    }
}
