//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCore

/// The names of everything that turns keep in Redis.
///
/// | key | what |
/// |---|---|
/// | `parley:{T}:lease` | hash: `node`, `epoch`, `until` (ms of Redis time), whether `released`, the end of the log |
/// | `parley:{T}:log` | stream of the events, see ``LogRecord`` |
/// | `parley:{T}:news` | channel: the id of the last event, after each append |
/// | `parley:leases` | sorted set: turn by `until`, of those that are neither released nor finished |
/// | `parley:born` | since when this Redis knows anything (ms of its time); made anew in one that was emptied |
/// | `parley:round:<name>` | a round of upkeep that somebody has claimed |
/// | `parley:stops`, `parley:free` | channels: turns to stop, turns that may be taken |
struct TurnKeys: Hashable, Sendable {
    let prefix: String

    func lease(_ turn: TurnID) -> String { "\(self.prefix){\(turn)}:lease" }
    func log(_ turn: TurnID) -> String { "\(self.prefix){\(turn)}:log" }
    func news(_ turn: TurnID) -> String { "\(self.prefix){\(turn)}:news" }
    func round(_ name: String) -> String { "\(self.prefix)round:\(name)" }
    var leases: String { "\(self.prefix)leases" }
    var born: String { "\(self.prefix)born" }
    var stops: String { "\(self.prefix)stops" }
    var free: String { "\(self.prefix)free" }
}
