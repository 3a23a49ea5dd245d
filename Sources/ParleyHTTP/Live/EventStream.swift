//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import ParleyChat
import ParleyCore
import ServiceLifecycle

/// A turn's events as server-sent events (WHATWG HTML section 9.2).
///
/// Each event is written and flushed as one chunk. The writer waits while the socket is full, so a slow reader is
/// simply read for later. A silent stream gets a comment every ``HTTPLimits/keepAlive``.
struct EventStream: Sendable {
    let follower: TurnFollower
    let logger: Logger

    var response: Response {
        let headers: HTTPFields = [
            .contentType: "text/event-stream; charset=utf-8",
            .cacheControl: "no-cache, no-transform",
            .accelBuffering: "no",
        ]
        return Response(
            status: .ok, headers: headers, body: ResponseBody { writer in try await self.write(to: &writer) })
    }

    private func write(to writer: inout any ResponseBodyWriter) async throws {
        var follower = self.follower
        try await writer.write(ByteBuffer(string: "retry: \(HTTPLimits.reconnectMs)\n\n"))
        do {
            while let events = try await follower.next(atMost: HTTPLimits.keepAlive) {
                if events.isEmpty {
                    try await writer.write(ByteBuffer(string: ": keep-alive\n\n"))
                } else {
                    try await writer.write(Self.frame(events))
                }
            }
        } catch is CancellationError {
            // The node shuts down: the reader connects again, here or elsewhere, and goes on from its position.
        } catch {
            self.logger.warning("event stream ended early", metadata: ["error": "\(error)"])
        }
        try await writer.finish(nil)
    }

    /// Events in SSE's form. JSON holds no line breaks, so each is one `data` line.
    static func frame(_ events: [TurnEvent]) -> ByteBuffer {
        var buffer = ByteBuffer()
        for event in events {
            buffer.writeString("id: \(event.id)\nevent: \(event.kind.name)\ndata: ")
            buffer.writeBytes(event.json)
            buffer.writeString("\n\n")
        }
        return buffer
    }
}

extension HTTPField.Name {
    static let lastEventID = HTTPField.Name("Last-Event-ID")!  // safe: a valid token
    static let accelBuffering = HTTPField.Name("X-Accel-Buffering")!  // safe: a valid token
}
