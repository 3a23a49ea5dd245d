//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
public import NIOCore

/// A message from the peer.
public enum WebSocketMessage: Sendable, Equatable {
    /// Valid UTF-8.
    case text(ByteBuffer)
    case binary(ByteBuffer)

    /// The bytes of either.
    public var buffer: ByteBuffer {
        switch self {
        case .text(let buffer), .binary(let buffer): buffer
        }
    }
}

/// A message to a peer, framed once. The same value can be sent to many connections without a copy.
public struct WebSocketOutboundMessage: Sendable {
    /// Header and payload as they go out (RFC 6455 section 5.2).
    let frame: ByteBuffer

    private init(_ opcode: UInt8, count: Int, _ write: (inout ByteBuffer) -> Void) {
        self.frame = WebSocketFrameWriter.frame(opcode, count: count, write)
    }

    public static func text(_ text: String) -> Self {
        Self(0x1, count: text.utf8.count) { $0.writeString(text) }
    }

    /// `utf8` must be valid UTF-8, or the peer fails the connection.
    public static func text(utf8: some Collection<UInt8>) -> Self {
        Self(0x1, count: utf8.count) { $0.writeBytes(utf8) }
    }

    /// `utf8` must be valid UTF-8, or the peer fails the connection.
    public static func text(utf8: ByteBuffer) -> Self {
        Self(0x1, count: utf8.readableBytes) { $0.writeImmutableBuffer(utf8) }
    }

    public static func binary(_ bytes: some Collection<UInt8>) -> Self {
        Self(0x2, count: bytes.count) { $0.writeBytes(bytes) }
    }
}

/// Writes frames of a server, which are whole messages and not masked.
enum WebSocketFrameWriter {
    /// A final frame whose payload, of `count` bytes, `write` appends.
    static func frame(_ opcode: UInt8, count: Int, _ write: (inout ByteBuffer) -> Void) -> ByteBuffer {
        var frame = ByteBufferAllocator().buffer(capacity: count + 10)
        frame.writeInteger(0x80 | opcode)
        switch count {
        case 0..<126:
            frame.writeInteger(UInt8(count))
        case 126..<65_536:
            frame.writeInteger(UInt8(126))
            frame.writeInteger(UInt16(count))
        default:
            frame.writeInteger(UInt8(127))
            frame.writeInteger(UInt64(count))
        }
        write(&frame)
        return frame
    }

    static func ping() -> ByteBuffer { self.frame(0x9, count: 0) { _ in } }

    static func pong(_ payload: ByteBuffer) -> ByteBuffer {
        self.frame(0xA, count: payload.readableBytes) { $0.writeImmutableBuffer(payload) }
    }

    /// A Close frame; without a code its payload is empty. The reason is cut to the 123 bytes that fit.
    static func close(_ code: WebSocketCloseCode?, reason: String) -> ByteBuffer {
        guard let code else { return self.frame(0x8, count: 0) { _ in } }
        var reason = Substring(reason)
        while reason.utf8.count > 123 { reason.unicodeScalars.removeLast() }
        return self.frame(0x8, count: 2 + reason.utf8.count) {
            $0.writeInteger(code.rawValue)
            $0.writeSubstring(reason)
        }
    }
}
