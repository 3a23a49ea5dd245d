//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// Who may hash now, who waits and who is refused: a value without I/O. A lane is the right to run one hash.
struct HashGate {
    enum Admission: Equatable {
        /// Run on this lane, then call ``leave(lane:)``.
        case start(lane: Int)
        /// ``leave(lane:)`` will name the caller, or ``withdraw(_:)`` takes it out.
        case wait
        case refuse
    }

    private var freeLanes: [Int]
    /// In order of arrival; at most `waitingLimit`, so a plain array will do.
    private var waiting: [UInt64] = []
    private let waitingLimit: Int

    init(lanes: Int, waitingLimit: Int) {
        self.freeLanes = Array((0..<lanes).reversed())
        self.waitingLimit = waitingLimit
    }

    /// A caller comes in.
    mutating func enter(_ caller: UInt64) -> Admission {
        if let lane = self.freeLanes.popLast() { return .start(lane: lane) }
        guard self.waiting.count < self.waitingLimit else { return .refuse }
        self.waiting.append(caller)
        return .wait
    }

    /// The hash on `lane` is done; the caller returned, if any, runs on that lane next.
    mutating func leave(lane: Int) -> UInt64? {
        guard !self.waiting.isEmpty else {
            self.freeLanes.append(lane)
            return nil
        }
        return self.waiting.removeFirst()
    }

    /// The caller gives up. False when it was not waiting, because it runs or ran.
    mutating func withdraw(_ caller: UInt64) -> Bool {
        guard let index = self.waiting.firstIndex(of: caller) else { return false }
        self.waiting.remove(at: index)
        return true
    }
}
