//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// The place of an event in a turn: `(epoch, sequence)`, written `<epoch>-<sequence>`.
///
/// Sequences are contiguous from 1 within an epoch; a later epoch is after every earlier one.
public struct EventID: Hashable, Comparable, Sendable {
    public var epoch: Int
    public var sequence: Int

    /// Before the first event.
    public static let start = EventID(epoch: 0, sequence: 0)

    public init(epoch: Int, sequence: Int) {
        self.epoch = epoch
        self.sequence = sequence
    }

    public static func < (left: EventID, right: EventID) -> Bool {
        (left.epoch, left.sequence) < (right.epoch, right.sequence)
    }
}

extension EventID: LosslessStringConvertible {
    /// Reads `<epoch>-<sequence>`, two decimal numbers of at most 15 digits.
    public init?(_ description: String) {
        let parts = description.utf8.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
        guard parts.count == 2, let epoch = Self.number(parts[0]), let sequence = Self.number(parts[1]) else {
            return nil
        }
        self.init(epoch: epoch, sequence: sequence)
    }

    private static func number(_ digits: Substring.UTF8View) -> Int? {
        guard (1...15).contains(digits.count), digits.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return Int(Substring(digits))
    }

    public var description: String {
        "\(self.epoch)-\(self.sequence)"
    }
}

/// One step of a turn.
public struct TurnEvent: Hashable, Sendable {
    public enum Kind: Hashable, Sendable {
        case started(model: String)
        case sources([Citation])
        /// New text only, never the whole answer.
        case delta(String)
        /// From the `from`th Unicode scalar on, the answer is `text`.
        case replace(from: Int, text: String)
        /// `textLength` counts Unicode scalars.
        case completed(messageID: MessageID, textLength: Int, usage: TokenUsage?, finishReason: FinishReason)
        case stopped(messageID: MessageID)
        case failed(TurnFailure)

        /// Whether no event follows.
        public var isTerminal: Bool {
            switch self {
            case .completed, .stopped, .failed: true
            case .started, .sources, .delta, .replace: false
            }
        }

        /// The word on the wire: SSE `event:`, WebSocket `type`.
        public var name: String {
            switch self {
            case .started: "started"
            case .sources: "sources"
            case .delta: "delta"
            case .replace: "replace"
            case .completed: "completed"
            case .stopped: "stopped"
            case .failed: "failed"
            }
        }
    }

    public var turnID: TurnID
    public var id: EventID
    public var kind: Kind

    public init(turnID: TurnID, id: EventID, kind: Kind) {
        self.turnID = turnID
        self.id = id
        self.kind = kind
    }
}
