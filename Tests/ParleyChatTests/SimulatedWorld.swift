//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCluster
import ParleyCore
import SeededRandom
import Testing

@testable import ParleyChat

/// One turn in a world of three nodes, a database, a shared store and three readers.
struct SimulatedWorld {
    /// A defect that is put in to see that the simulation finds it.
    enum Mutation: CaseIterable {
        /// A later epoch opens without the text so far.
        case opensWithoutText
        /// A later epoch cuts at the end of the text that it knows, instead of saying all of it.
        case opensFromTheEnd
        /// Two claims of the same epoch succeed.
        case claimsTwice
        /// The database takes the end of an answer from an older epoch.
        case finishesUnfenced
    }

    /// A node that believes it owns the turn.
    struct Owner {
        enum Stage {
            /// Has the lease; the database does not know yet.
            case acquired
            /// The database knows; nothing is said yet.
            case claimed
            case speaking
            /// The end is in the database, the terminal event not yet in the log.
            case owesTerminal(TurnFinish)
        }

        var lease: Lease
        var attempt: TurnAttempt
        /// What its model will say, and how much of it was said.
        var script: [Unicode.Scalar] = []
        var said = 0
        var isPaused = false
        var stage = Stage.acquired
    }

    struct Reader {
        /// The node that it reads from.
        var node: Int
        var position = ReaderPosition()
        /// Read from the log, not yet shown.
        var pending: [TurnEvent] = []
    }

    struct Violation: Error {
        var seed: UInt64
        var what: String
    }

    let seed: UInt64
    let mutation: Mutation?
    var random: SeededGenerator
    var now = ContinuousClock.now
    /// The database.
    var turn: Turn
    var cluster: SimulatedCluster
    /// The text that a reader at each event must show.
    var textAt: [EventID: String] = [:]
    /// What every event said, wherever it was appended.
    var kindAt: [EventID: TurnEvent.Kind] = [:]
    var owners: [Int: Owner] = [:]
    /// The turn's epoch as each node read it from the database when it last looked for turns without an owner.
    var seenEpochs = [0, 0, 0]
    var readers = (0..<3).map { Reader(node: $0) }
    var scripts: [[Unicode.Scalar]]
    /// The script of the attempt that finished.
    var finishedScript: [Unicode.Scalar]?
    var seen: [String: Int] = [:]
    var violation: String?

    init(seed: UInt64, mutation: Mutation? = nil) {
        self.seed = seed
        self.mutation = mutation
        var random = SeededGenerator(seed: seed)
        self.scripts = Self.makeScripts(&random)
        self.random = random
        self.turn = Turn(
            id: .generate(), conversationID: .generate(), ownerID: User.local.id, userMessageID: .generate(),
            assistantMessageID: .generate(), createdAt: .now())
        self.cluster = SimulatedCluster(turnID: self.turn.id)
    }

    /// Two scripts that share a beginning: a model that is asked again says the same for a while, or all the time.
    private static func makeScripts(_ random: inout SeededGenerator) -> [[Unicode.Scalar]] {
        let alphabet: [Unicode.Scalar] = ["a", "b", " ", "é", "\u{301}", "漢", "👩", "\u{200D}", "🚀", "\n"]
        func words(_ count: Int, _ random: inout SeededGenerator) -> [Unicode.Scalar] {
            (0..<count).map { _ in alphabet.randomElement(using: &random) ?? "x" }
        }
        let common = words(Int.random(in: 0...60, using: &random), &random)
        let first = common + words(Int.random(in: 0...80, using: &random), &random)
        let second = common + words(Int.random(in: 0...80, using: &random), &random)
        return [first, second]
    }

    mutating func note(_ what: String) {
        self.seen[what, default: 0] += 1
    }

    mutating func chance(_ oneIn: Int) -> Bool {
        Int.random(in: 0..<oneIn, using: &self.random) == 0
    }

    // MARK: A life

    mutating func run(steps: Int) {
        self.accept(Int.random(in: 0..<3, using: &self.random))
        for _ in 0..<steps {
            self.now = self.now.advanced(by: .milliseconds(Int64.random(in: 1...400, using: &self.random)))
            let node = Int.random(in: 0..<3, using: &self.random)
            switch Int.random(in: 0..<100, using: &self.random) {
            case 0..<16: self.takeOver(node)
            case 16..<46: self.say(node)
            case 46..<52: self.snapshot(node)
            case 52..<57: self.finish(node)
            case 57..<64: self.renew(node)
            case 64..<68: self.fail(node)
            case 68..<72: self.cluster.tail(node, count: Int.random(in: 0...30, using: &self.random))
            case 72..<74: self.readers[node] = Reader(node: node)
            case 74..<76: self.move(node)
            default: self.read(node)
            }
        }
    }

    /// One of all the things that go wrong.
    mutating func fail(_ node: Int) {
        switch Int.random(in: 0..<20, using: &self.random) {
        case 0..<5: self.kill(node)
        case 5..<9:
            self.owners[node]?.isPaused.toggle()
        case 9:
            self.note("everything lost")
            for node in 0..<3 { self.kill(node) }
            self.cluster.flush(now: self.now)
        case 10..<12:
            self.note("store emptied")
            self.cluster.flush(now: self.now)
        case 12..<14:
            self.note("store went away")
            self.cluster.isUp = false
        case 14..<17:
            self.note("store came back")
            // Half of the time it was away and lost nothing; else it died and lost what it had not written.
            let count = Bool.random(using: &self.random) ? 0 : Int.random(in: 0...8, using: &self.random)
            if count > 0 { self.note("end of the log lost") }
            let losesLease = count > 0 && self.chance(3)
            self.cluster.restart(losing: count, losesLease: losesLease, now: self.now)
        default:
            self.cluster.links[node].toggle()
        }
    }

    /// The process dies; those who read from it go to others.
    mutating func kill(_ node: Int) {
        self.owners[node] = nil
        self.cluster.forget(node)
        for index in self.readers.indices where self.readers[index].node == node { self.move(index) }
    }

    mutating func move(_ reader: Int) {
        self.readers[reader].node = Int.random(in: 0..<3, using: &self.random)
        self.readers[reader].pending = []
    }

    /// No more faults: within a bound, the turn ends and every reader comes to its end.
    mutating func settle() throws {
        self.cluster.restart(losing: 0, losesLease: false, now: self.now)
        for node in 0..<3 {
            self.owners[node]?.isPaused = false
            self.cluster.links[node] = true
        }
        for _ in 0..<4000 {
            self.now = self.now.advanced(by: .milliseconds(500))
            for node in 0..<3 {
                self.renew(node)
                self.takeOver(node)
                self.say(node)
                self.finish(node)
                self.cluster.tail(node)
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

    /// A whole life with this seed.
    static func live(seed: UInt64, mutation: Mutation? = nil) throws -> SimulatedWorld {
        var world = SimulatedWorld(seed: seed, mutation: mutation)
        world.run(steps: 500)
        try world.settle()
        try world.check()
        return world
    }
}

// MARK: Readers

extension SimulatedWorld {
    mutating func read(_ index: Int) {
        var reader = self.readers[index]
        if reader.pending.isEmpty || Bool.random(using: &self.random) {
            // What is read again is read from the position on.
            reader.pending = self.eventsForReader(on: reader.node, after: reader.position.last)
        }
        // Shows some of what it has read; may read the rest again later, from its position.
        let count = Int.random(in: 0...reader.pending.count, using: &self.random)
        for event in reader.pending.prefix(count) {
            self.show(event, in: &reader)
        }
        reader.pending.removeFirst(count)
        self.readers[index] = reader
    }

    private mutating func eventsForReader(on node: Int, after position: EventID) -> [TurnEvent] {
        let limit = Int.random(in: 1...20, using: &self.random)
        let events = self.cluster.mirrors[node].events(after: position, limit: limit)
        guard events.isEmpty else { return Array(events) }
        if self.turn.state.isFinal {
            self.note("end read from the database")
            return TurnFollower.remaining(of: self.turn, after: position) ?? []
        }
        // The log was silent for long.
        guard self.chance(6), let event = TurnFollower.progress(of: self.turn, after: position) else { return [] }
        self.note("progress read from the database")
        return [event]
    }

    private mutating func show(_ event: TurnEvent, in reader: inout Reader) {
        if reader.position.apply(event) == .gap {
            self.violation = self.violation ?? "a gap at \(event.id) after \(reader.position.last)"
        }
        // An opening says nothing about the text: that comes with its `replace`.
        if case .started = event.kind { return }
        if let text = self.textAt[reader.position.last], !text.unicodeScalars.elementsEqual(reader.position.scalars) {
            self.violation = self.violation ?? "another text than the log's at \(reader.position.last)"
        }
    }
}
