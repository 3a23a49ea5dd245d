//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation
import ParleyCore
import WebSocketServer

/// What a client says over the WebSocket (DESIGN section 5).
enum ChatSocketMessage: Decodable {
    case send(conversationID: ConversationID, message: MessageRoutes.New)
    case subscribe(turnID: TurnID, after: EventID)
    case unsubscribe(turnID: TurnID)
    case stop(turnID: TurnID)
    case ping

    private enum CodingKeys: CodingKey {
        case type, conversationID, turnID, after
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        switch try container.decode(String.self, forKey: .type) {
        case "send":
            self = .send(
                conversationID: try container.decode(ConversationID.self, forKey: .conversationID),
                message: try MessageRoutes.New(from: decoder))
        case "subscribe":
            var after = EventID.start
            if let text = try container.decodeIfPresent(String.self, forKey: .after) {
                guard let id = EventID(text) else {
                    throw DecodingError.dataCorruptedError(
                        forKey: .after, in: container, debugDescription: "must be an event id such as 1-17")
                }
                after = id
            }
            self = .subscribe(turnID: try container.decode(TurnID.self, forKey: .turnID), after: after)
        case "unsubscribe": self = .unsubscribe(turnID: try container.decode(TurnID.self, forKey: .turnID))
        case "stop": self = .stop(turnID: try container.decode(TurnID.self, forKey: .turnID))
        case "ping": self = .ping
        default:
            throw DecodingError.dataCorruptedError(
                forKey: .type, in: container,
                debugDescription: "must be send, subscribe, unsubscribe, stop or ping")
        }
    }
}

/// What the server says over the WebSocket beside the events of turns.
enum ChatSocketReply {
    static let pong = Self.message { writer in
        writer.key("type")
        writer.string("pong")
    }

    /// A message was committed.
    static func accepted(id: String, turn: Turn) throws -> WebSocketOutboundMessage {
        struct Accepted: Encodable {
            var type = "accepted"
            var id: String
            var turn: TurnRecord
        }
        let data = try JSONEncoder().encode(Accepted(id: id, turn: TurnRecord(turn: turn)))
        return .text(utf8: data)
    }

    static func error(_ problem: Problem, id: String?) -> WebSocketOutboundMessage {
        Self.message { writer in
            writer.key("type")
            writer.string("error")
            writer.key("code")
            writer.string(problem.name.replacing("-", with: "_"))
            writer.key("message")
            writer.string(problem.detail)
            if let id {
                writer.key("id")
                writer.string(id)
            }
        }
    }

    /// The server shuts down; the client should connect again after a wait of its own choice up to this.
    static func goingAway(reconnectAfterMs: Int) -> WebSocketOutboundMessage {
        Self.message { writer in
            writer.key("type")
            writer.string("goingAway")
            writer.key("reconnectAfterMs")
            writer.int(reconnectAfterMs)
        }
    }

    private static func message(_ members: (inout JSONWriter) -> Void) -> WebSocketOutboundMessage {
        var writer = JSONWriter()
        writer.beginObject()
        members(&writer)
        writer.endObject()
        return .text(utf8: writer.bytes)
    }
}
