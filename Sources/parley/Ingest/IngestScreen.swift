//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation
import ParleyCore
import ParleyKnowledge
import Synchronization

/// Where a run shows itself: a bar on the last line of a terminal, plain lines anywhere else.
final class IngestScreen: Sendable {
    private struct State {
        var hasBar = false
        var lastTold: ContinuousClock.Instant?
    }

    private let isTerminal: Bool
    private let state = Mutex(State())

    init() {
        self.isTerminal = isatty(STDOUT_FILENO) == 1
    }

    /// Prints one line above the bar.
    func say(_ line: String) {
        self.state.withLock { state in
            self.clear(&state)
            print(Self.safe(line))
            fflush(nil)
        }
    }

    func draw(share: Double, text: String) {
        self.state.withLock { state in
            guard self.isTerminal else {
                if let last = state.lastTold, ContinuousClock.now - last < KnowledgeLimits.tellInterval { return }
                // The first lines come soon enough by themselves.
                if state.lastTold != nil { print("… \(Int(share * 100)) %  \(Self.safe(text))") }
                state.lastTold = .now
                fflush(nil)
                return
            }
            let width = Self.width
            let cells = min(30, max(10, width / 4))
            let full = Int(Double(cells) * share)
            let bar = String(repeating: "█", count: full) + String(repeating: "░", count: cells - full)
            let line = "\(bar) \(Int(share * 100)) %  \(Self.safe(text))"
            print("\r\u{1B}[2K" + String(line.prefix(max(width - 1, 1))), terminator: "")
            state.hasBar = true
            fflush(nil)
        }
    }

    func clear() {
        self.state.withLock { self.clear(&$0) }
    }

    private func clear(_ state: inout State) {
        guard state.hasBar else { return }
        print("\r\u{1B}[2K", terminator: "")
        fflush(nil)
        state.hasBar = false
    }

    private static var width: Int {
        var size = winsize()
        guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
        return Int(size.ws_col)
    }

    /// Names come from the disk: what would steer a terminal is made harmless.
    static func safe(_ text: String) -> String {
        String(
            String.UnicodeScalarView(
                text.unicodeScalars.map { scalar -> Unicode.Scalar in
                    switch scalar.properties.generalCategory {
                    case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate: "\u{FFFD}"
                    default: scalar
                    }
                }))
    }
}
