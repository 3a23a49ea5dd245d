//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import NIOCore

/// What counts as a push on a connection, since RESP2 sends the messages of subscriptions as arrays.
enum PushForm: Sendable {
    /// Pushes of RESP3, which are not asked for on this connection.
    case none
    /// Pushes of RESP3, and arrays that look like the messages of subscriptions.
    case subscriptions

    private static let kinds: Set<String> = [
        "message", "pmessage", "subscribe", "psubscribe", "unsubscribe", "punsubscribe",
    ]

    /// The elements of a push; nil for a reply.
    func elements(of value: RedisValue) -> [RedisValue]? {
        switch value {
        case .push(let elements): elements
        case .array(let elements) where self == .subscriptions:
            Self.kind(of: elements).map(Self.kinds.contains) == true ? elements : nil
        default: nil
        }
    }

    /// Whether it is the reply to a SUBSCRIBE or UNSUBSCRIBE, of which there is one for each channel.
    func isConfirmation(_ push: [RedisValue]) -> Bool {
        self == .subscriptions && Self.kind(of: push)?.hasSuffix("subscribe") == true
    }

    private static func kind(of elements: [RedisValue]) -> String? {
        guard elements.count >= 3, case .bulk(let kind) = elements[0], kind.readableBytes <= 16 else { return nil }
        return String(buffer: kind)
    }
}
