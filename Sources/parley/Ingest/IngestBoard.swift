//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation
import ParleyCore
import ParleyKnowledge
import Synchronization

/// What a run of `parley ingest` has come to: written by the tasks that work, read by the one that shows it.
final class IngestBoard: Sendable {
    struct Counts: Sendable {
        var added = 0
        var replaced = 0
        var unchanged = 0
        var removed = 0
        var failed = 0
        /// Found in folders, but no documents: pictures, programs.
        var foreign = 0
    }

    struct State: Sendable {
        var counts = Counts()
        var files = 0
        var filesDone = 0
        var bytes = 0
        var bytesDone = 0.0
        /// Of files that are being read, by name.
        var partialBytes: [String: Double] = [:]
        /// What is shown as being worked on.
        var current = ""
        /// Passages that can be found now and could not before.
        var passages = 0
        var failures: [(name: String, reason: String)] = []
    }

    private let state = Mutex(State())
    private let start = ContinuousClock.now
    private let screen: IngestScreen

    init(screen: IngestScreen) {
        self.screen = screen
    }

    var now: State { self.state.withLock { $0 } }

    func expect(files: Int, bytes: Int) {
        self.state.withLock { state in
            state.files += files
            state.bytes += bytes
        }
    }

    func change(_ body: (inout State) -> Void) {
        self.state.withLock { body(&$0) }
    }

    /// A file is through, whatever became of it.
    func finish(
        _ name: String, _ outcome: String, detail: String? = nil, byteCount: Int, count: (inout Counts) -> Void
    ) {
        self.state.withLock { state in
            count(&state.counts)
            state.partialBytes[name] = nil
            state.filesDone += 1
            state.bytesDone += Double(byteCount)
        }
        let start = outcome.padding(toLength: 10, withPad: " ", startingAt: 0)
        self.screen.say("\(start) \(name)\(detail.map { ": \($0)" } ?? "")")
    }

    func fail(_ name: String, _ reason: String, byteCount: Int) {
        self.state.withLock { state in
            if state.failures.count < KnowledgeLimits.listedFailures { state.failures.append((name, reason)) }
        }
        self.finish(name, "failed", detail: reason, byteCount: byteCount) { $0.failed += 1 }
    }

    func draw() {
        let state = self.now
        let seconds = max((ContinuousClock.now - self.start).inSeconds, 0.001)
        let done = state.partialBytes.values.reduce(state.bytesDone, +)
        let share = state.bytes > 0 ? min(done / Double(state.bytes), 1) : 0
        let rate = done / 1_000_000 / seconds
        self.screen.draw(
            share: share,
            text: "\(state.filesDone)/\(state.files) files  \(Self.number(rate)) MB/s  \(state.current)")
    }

    private static func number(_ value: Double) -> String {
        String(format: "%.1f", value)
    }

    /// The last lines: what came of it all.
    func summary(_ skipped: FolderWalk.Result) -> String {
        let state = self.now
        let counts = state.counts
        var parts = [
            (counts.added, "added"), (counts.replaced, "replaced"), (counts.unchanged, "unchanged"),
            (counts.removed, "removed"), (counts.failed, "failed"),
        ].filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }
        let passedOver = [
            (skipped.hidden, "hidden"), (counts.foreign, "no documents"), (skipped.empty, "empty"),
            (skipped.links, "links that lead out"), (skipped.special, "special files"),
        ].filter { $0.0 > 0 }
        if !passedOver.isEmpty {
            let reasons = passedOver.map { "\($0.0) \($0.1)" }.joined(separator: ", ")
            parts.append("\(passedOver.map(\.0).reduce(0, +)) passed over (\(reasons))")
        }
        return (parts.isEmpty ? "nothing to do" : parts.joined(separator: ", "))
            + "; \(state.passages) passages in \(Self.number((ContinuousClock.now - self.start).inSeconds)) s"
    }
}
