//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCluster
import ParleyCore
import SeededRandom
import Testing

@testable import ParleyChat

/// One turn in a world of three nodes, a database, a log and three readers.
struct SimulatedWorld {
    /// A node that believes it owns the turn.
    struct Owner {
        var lease: Lease
        var attempt: TurnAttempt
        /// What its model will say, and how much of it was said.
        var script: [Unicode.Scalar]
        var said: Int
        var isPaused = false
        /// The end is in the database, the terminal event not yet in the log.
        var owesTerminal: TurnFinish?
    }

    struct Reader {
        var position = ReaderPosition()
        /// Read from the log, not yet shown.
        var pending: [TurnEvent] = []
    }

    struct Violation: Error {
        var seed: UInt64
        var what: String
    }

    let seed: UInt64
    var random: SeededGenerator
    var now = ContinuousClock.now
    var turn: Turn
    var leases = LeaseTable<ContinuousClock.Instant>()
    var log: TurnLog?
    /// The text that a reader at each event must show.
    var textAt: [EventID: String] = [:]
    var owners: [Int: Owner] = [:]
    var readers = [Reader(), Reader(), Reader()]
    var scripts: [[Unicode.Scalar]]
    /// The script of the attempt that finished.
    var finishedScript: [Unicode.Scalar]?
    var seen: [String: Int] = [:]
    var violation: String?

    init(seed: UInt64) {
        self.seed = seed
        var random = SeededGenerator(seed: seed)
        self.scripts = Self.makeScripts(&random)
        self.random = random
        self.turn = Turn(
            id: .generate(), conversationID: .generate(), ownerID: User.local.id, userMessageID: .generate(),
            assistantMessageID: .generate(), createdAt: .now())
    }

    /// Two scripts that share a beginning: a model that is asked again says the same for a while, or all the time.
    private static func makeScripts(_ random: inout SeededGenerator) -> [[Unicode.Scalar]] {
        let alphabet: [Unicode.Scalar] = ["a", "b", " ", "é", "\u{301}", "漢", "👩", "\u{200D}", "🚀", "\n"]
        func words(_ count: Int, _ random: inout SeededGenerator) -> [Unicode.Scalar] {
            (0..<count).map { _ in alphabet.randomElement(using: &random) ?? "x" }
        }
        let common = words(Int.random(in: 0...30, using: &random), &random)
        let first = common + words(Int.random(in: 0...40, using: &random), &random)
        let second = common + words(Int.random(in: 0...40, using: &random), &random)
        return [first, second]
    }

    mutating func note(_ what: String) {
        self.seen[what, default: 0] += 1
    }

    mutating func run(steps: Int) {
        for _ in 0..<steps {
            self.now = self.now.advanced(by: .milliseconds(Int64.random(in: 1...400, using: &self.random)))
            let node = Int.random(in: 0..<3, using: &self.random)
            switch Int.random(in: 0..<100, using: &self.random) {
            case 0..<20: self.takeOver(node)
            case 20..<50: self.say(node)
            case 50..<56: self.snapshot(node)
            case 56..<62: self.finish(node)
            case 62..<70: self.renew(node)
            case 70..<73: self.owners[node] = nil
            case 73..<76: self.owners[node]?.isPaused.toggle()
            case 76..<77: self.loseEverything()
            case 77..<79: self.readers[node] = Reader()
            default: self.read(node)
            }
        }
    }

    // MARK: Nodes

    mutating func takeOver(_ node: Int, mayContinue: Bool = true) {
        guard !self.turn.state.isFinal, self.owners[node] == nil,
            let lease = self.leases.acquire(
                turn: self.turn.id, node: NodeID("\(node)"), afterEpoch: self.turn.epoch, now: self.now)
        else { return }
        self.turn.epoch = lease.epoch
        self.turn.state = .running
        self.turn.attempts += 1
        self.note(lease.epoch > 1 ? "takeover" : "begin")
        // What the log says is what readers have; a lost log leaves the last snapshot.
        var known = ReaderPosition()
        var survived = lease.epoch == 1
        for event in self.log?.events ?? [] {
            survived = known.apply(event) == .applied
            if !survived { break }
        }
        let base = survived ? known.text : self.turn.text
        let continues = mayContinue && Bool.random(using: &self.random)
        var script = self.scripts[Int.random(in: 0...1, using: &self.random)]
        if continues, !base.isEmpty {
            script = Array(base.unicodeScalars) + script
            self.note("continuation")
        } else if !base.isEmpty {
            self.note(
                script.starts(with: base.unicodeScalars) ? "restart in the same words" : "restart in other words")
        }
        let attempt = TurnAttempt(
            epoch: lease.epoch, base: base, logSurvived: survived, continuing: continues)
        let said = continues ? base.unicodeScalars.count : 0
        var owner = Owner(lease: lease, attempt: attempt, script: script, said: said)
        let first = owner.attempt.nextSequence
        let kinds = owner.attempt.started(model: "m")
        if self.append(kinds, firstSequence: first, owner: owner) {
            self.owners[node] = owner
        }
    }

    /// The model says some more.
    mutating func say(_ node: Int) {
        guard var owner = self.owners[node], !owner.isPaused, owner.owesTerminal == nil else { return }
        let end = min(owner.script.count, owner.said + Int.random(in: 1...6, using: &self.random))
        var view = String.UnicodeScalarView()
        view.append(contentsOf: owner.script[owner.said..<end])
        owner.said = end
        let first = owner.attempt.nextSequence
        let kinds = owner.attempt.delta(String(view))
        self.owners[node] = self.append(kinds, firstSequence: first, owner: owner) ? owner : nil
    }

    /// - Returns: false when the writer was fenced and must leave off.
    mutating func append(_ kinds: [TurnEvent.Kind], firstSequence: Int, owner: Owner) -> Bool {
        guard !kinds.isEmpty else { return true }
        guard self.leases.holds(owner.lease) else {
            self.note("fenced append")
            return false
        }
        var log = self.log ?? TurnLog(turnID: self.turn.id)
        let result = log.append(kinds, firstSequence: firstSequence, epoch: owner.lease.epoch)
        guard case .appended(kinds.count) = result else {
            self.violation = self.violation ?? "the holder of the lease could not append: \(result)"
            return false
        }
        self.log = log
        self.record(Array(log.events.suffix(kinds.count)), text: owner.attempt.text)
        return true
    }

    /// Remembers what a reader must show at the last of these events.
    private mutating func record(_ events: [TurnEvent], text: String) {
        for event in events {
            if case .replace = event.kind { self.note("replace") }
        }
        if let last = events.last { self.textAt[last.id] = text }
    }

    mutating func snapshot(_ node: Int) {
        guard let owner = self.owners[node], !owner.isPaused else { return }
        // The database's fence: an older epoch or a final turn is skipped.
        guard owner.lease.epoch == self.turn.epoch, !self.turn.state.isFinal else { return }
        self.turn.text = owner.attempt.text
        self.turn.sequence = owner.attempt.nextSequence - 1
    }

    mutating func finish(_ node: Int) {
        guard var owner = self.owners[node], !owner.isPaused else { return }
        if let finish = owner.owesTerminal {
            let sequence = owner.attempt.nextSequence - 1
            let event = owner.attempt.terminal(finish, messageID: self.turn.assistantMessageID)
            _ = self.append([event], firstSequence: sequence, owner: owner)
            self.owners[node] = nil
            return
        }
        let isStopped = Int.random(in: 0..<8, using: &self.random) == 0
        guard owner.said == owner.script.count || isStopped else { return }
        if !isStopped {
            let first = owner.attempt.nextSequence
            guard self.append(owner.attempt.completing(), firstSequence: first, owner: owner) else {
                self.owners[node] = nil
                return
            }
        }
        let finish: TurnFinish = isStopped ? .stopped : .completed(reason: .stop, usage: nil)
        let sequence = owner.attempt.terminalSequence()
        guard owner.lease.epoch == self.turn.epoch, !self.turn.state.isFinal else {
            self.note("fenced finish")
            self.owners[node] = nil
            return
        }
        self.turn.text = owner.attempt.text
        self.turn.sequence = sequence
        self.turn.state = finish.state
        self.turn.finish = finish
        self.finishedScript = isStopped ? nil : owner.script
        self.textAt[EventID(epoch: self.turn.epoch, sequence: sequence)] = self.turn.text
        self.textAt[EventID(epoch: self.turn.epoch, sequence: sequence - 1)] = self.turn.text
        if Int.random(in: 0..<3, using: &self.random) == 0 {
            self.note("crash before terminal event")
            self.owners[node] = nil
        } else {
            owner.owesTerminal = finish
            self.owners[node] = owner
        }
    }

    mutating func renew(_ node: Int) {
        guard let owner = self.owners[node], !owner.isPaused else { return }
        if !self.leases.renew(owner.lease, now: self.now) {
            self.owners[node] = nil
        }
    }

    /// The process that held leases and log in memory dies, and every node with it.
    mutating func loseEverything() {
        self.note("log lost")
        self.owners = [:]
        self.log = nil
        self.leases = LeaseTable()
    }

    // MARK: Readers

    mutating func read(_ index: Int) {
        var reader = self.readers[index]
        if reader.pending.isEmpty || Bool.random(using: &self.random) {
            reader.pending += self.eventsForReader(after: reader.position.last)
        }
        // Shows some of what it has read; may read the rest again later, from its position.
        let count = Int.random(in: 0...max(0, reader.pending.count), using: &self.random)
        for event in reader.pending.prefix(count) {
            self.show(event, in: &reader)
        }
        reader.pending.removeFirst(count)
        if Int.random(in: 0..<10, using: &self.random) == 0 {
            reader.pending = []
        }
        self.readers[index] = reader
    }

    private mutating func eventsForReader(after position: EventID) -> [TurnEvent] {
        let events = self.log?.events(after: position, limit: Int.random(in: 1...20, using: &self.random)) ?? []
        guard events.isEmpty, self.turn.state.isFinal else { return Array(events) }
        self.note("read from the database")
        return TurnFollower.remaining(of: self.turn, after: position) ?? []
    }

    private mutating func show(_ event: TurnEvent, in reader: inout Reader) {
        if reader.position.apply(event) == .gap {
            self.violation = self.violation ?? "a gap at \(event.id) after \(reader.position.last)"
        }
        // An opening says nothing about the text: of a lost epoch it comes from the database, before its `replace`.
        if case .started = event.kind { return }
        if let text = self.textAt[reader.position.last], !text.unicodeScalars.elementsEqual(reader.position.scalars) {
            self.violation = self.violation ?? "another text than the log's at \(reader.position.last)"
        }
    }

    // MARK: The end

    /// No more faults: within a bound, the turn ends and every reader comes to its end.
    mutating func settle() throws {
        for node in 0..<3 { self.owners[node]?.isPaused = false }
        for _ in 0..<4000 {
            self.now = self.now.advanced(by: .milliseconds(500))
            for node in 0..<3 {
                self.renew(node)
                self.takeOver(node)
                self.say(node)
                self.finish(node)
                self.read(node)
            }
            if self.turn.state.isFinal, self.readers.allSatisfy(\.position.isFinished) { return }
        }
        throw Violation(seed: self.seed, what: "did not come to an end")
    }

    func check() throws {
        if let violation {
            throw Violation(seed: self.seed, what: violation)
        }
        for reader in self.readers where !reader.position.scalars.elementsEqual(self.turn.text.unicodeScalars) {
            throw Violation(seed: self.seed, what: "a reader ended with another text than the stored one")
        }
        if let script = self.finishedScript, !script.elementsEqual(self.turn.text.unicodeScalars) {
            throw Violation(seed: self.seed, what: "the stored text is not what the model said")
        }
    }
}
