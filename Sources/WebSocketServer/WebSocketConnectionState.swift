//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import NIOCore
import NIOWebSocket

/// The server's side of one WebSocket (RFC 6455 sections 5 to 7): a value without I/O.
///
/// Events are frames, the passage of time and the application's wish to close; each returns what the driver,
/// ``WebSocketHandler``, has to do. ``deadline`` says when time matters next.
struct WebSocketConnectionState {
    enum Action: Equatable {
        case none
        case deliver(WebSocketMessage)
        case pong(ByteBuffer)
        case ping
        /// Write this frame; more may follow.
        case write(ByteBuffer)
        /// Drop what waits to be written, write this frame if there is one, end the outbound half, and read until the
        /// peer ends its half too: closing with unread data would make the kernel throw the frame away.
        case end(ByteBuffer?)
        /// Close at once.
        case abort
    }

    private enum Phase: Equatable {
        case open
        /// The application wants to close; the Close frame follows the messages that were sent before.
        case draining(until: NIODeadline)
        /// Our Close frame is out, the peer's is awaited.
        case closing(until: NIODeadline)
        /// Both halves are ended by us; the peer's end is awaited.
        case lingering(until: NIODeadline)
        case ended

        var isDraining: Bool {
            if case .draining = self { true } else { false }
        }
    }

    private let settings: WebSocketSettings
    private var phase = Phase.open
    private var assembly: MessageAssembly
    private var pace: FramePace
    private var lastHeard: NIODeadline
    private var pingSent: NIODeadline?
    private var unwritableSince: NIODeadline?
    private var isReadingPaused = false
    /// How the connection ends, as far as is known; the loss of the network unless something else came first.
    private(set) var closure = WebSocketClosure(
        code: .abnormalClosure, reason: "The connection was lost.", initiator: .loss)

    init(_ settings: WebSocketSettings, now: NIODeadline) {
        self.settings = settings
        self.assembly = MessageAssembly(
            bytesMax: settings.messageBytes, fragmentsMax: settings.messageFragments)
        self.pace = FramePace(burst: settings.frameBurst, perSecond: settings.framesPerSecond, now: now)
        self.lastHeard = now
    }

    /// Whether messages may still be written.
    var isOpen: Bool { self.phase == .open }

    /// When ``timerFired(now:)`` is wanted; nil for never.
    var deadline: NIODeadline? {
        switch self.phase {
        case .open:
            let stall = self.unwritableSince.map { $0 + TimeAmount(self.settings.slowReader) }
            return [stall, self.silenceDeadline].compactMap { $0 }.min()
        case .draining(let until), .closing(let until), .lingering(let until):
            return until
        case .ended:
            return nil
        }
    }

    /// While the server itself does not read, silence means nothing.
    private var silenceDeadline: NIODeadline? {
        guard !self.isReadingPaused else { return nil }
        if let pingSent { return pingSent + TimeAmount(self.settings.pongTimeout) }
        return self.lastHeard + TimeAmount(self.settings.pingInterval)
    }

    // MARK: Frames

    mutating func received(_ frame: WebSocketFrame, now: NIODeadline) -> Action {
        switch self.phase {
        case .lingering, .ended:
            return .none
        case .draining, .closing:
            guard frame.opcode == .connectionClose else { return .none }
            return self.end(
                self.phase.isDraining ? WebSocketFrameWriter.close(self.closure.code, reason: "") : nil, now)
        case .open:
            break
        }
        guard self.pace.allows(now) else { return self.fail(.policyViolation, "Too many frames.", now) }
        guard !frame.rsv1, !frame.rsv2, !frame.rsv3 else {
            return self.fail(.protocolError, "A reserved bit is set and no extension is agreed on.", now)
        }
        guard frame.maskKey != nil else {
            return self.fail(.protocolError, "A client must mask its frames.", now)
        }
        switch frame.opcode {
        case .text, .binary, .continuation:
            return self.receivedData(frame, now)
        case .ping:
            return .pong(frame.unmaskedData)
        case .pong:
            return .none
        case .connectionClose:
            return self.receivedClose(frame.unmaskedData, now)
        default:
            return self.fail(.protocolError, "The opcode is reserved.", now)
        }
    }

    private mutating func receivedData(_ frame: WebSocketFrame, _ now: NIODeadline) -> Action {
        do throws(MessageAssembly.Violation) {
            return try self.assembly.append(frame).map { .deliver($0) } ?? .none
        } catch {
            return self.fail(error.code, error.reason, now)
        }
    }

    private mutating func receivedClose(_ payload: ByteBuffer, _ now: NIODeadline) -> Action {
        var payload = payload
        guard payload.readableBytes != 1 else {
            return self.fail(.protocolError, "A Close frame of one byte has no code.", now)
        }
        guard let code = payload.readInteger(as: UInt16.self).map(WebSocketCloseCode.init(rawValue:)) else {
            self.closure = WebSocketClosure(code: .noStatus, reason: "", initiator: .peer)
            return self.end(WebSocketFrameWriter.close(nil, reason: ""), now)
        }
        guard code.isAllowedOnWire else {
            return self.fail(.protocolError, "The Close frame's code is not allowed.", now)
        }
        var validator = UTF8Validator()
        guard payload.withUnsafeReadableBytes({ validator.append($0) }), validator.isComplete else {
            return self.fail(.invalidPayload, "The Close frame's reason is not UTF-8.", now)
        }
        self.closure = WebSocketClosure(code: code, reason: String(buffer: payload), initiator: .peer)
        return self.end(WebSocketFrameWriter.close(code, reason: ""), now)
    }

    /// The bytes that came are no frame, or one that is too long.
    mutating func framingFailed(_ error: NIOWebSocketError, now: NIODeadline) -> Action {
        switch error {
        case .invalidFrameLength:
            self.fail(.messageTooBig, "A frame may have \(self.settings.longestFrameBytes) bytes.", now)
        case .fragmentedControlFrame:
            self.fail(.protocolError, "A control frame must not be fragmented.", now)
        case .multiByteControlFrameLength:
            self.fail(.protocolError, "A control frame may have 125 bytes.", now)
        }
    }

    private mutating func fail(_ code: WebSocketCloseCode, _ reason: String, _ now: NIODeadline) -> Action {
        guard self.phase == .open else { return .none }
        self.closure = WebSocketClosure(code: code, reason: reason, initiator: .violation)
        return self.end(WebSocketFrameWriter.close(code, reason: reason), now)
    }

    private mutating func end(_ frame: ByteBuffer?, _ now: NIODeadline) -> Action {
        self.phase = .lingering(until: now + TimeAmount(self.settings.closeTimeout))
        self.assembly.reset()
        return .end(frame)
    }

    // MARK: The application

    /// The application, or the shutdown of the server, wants to close after the messages sent so far.
    mutating func closeRequested(_ code: WebSocketCloseCode, reason: String, now: NIODeadline) {
        guard self.phase == .open else { return }
        self.closure = WebSocketClosure(code: code, reason: reason, initiator: .server)
        self.phase = .draining(until: now + TimeAmount(self.settings.closeTimeout))
        self.assembly.reset()
    }

    /// All messages are handed to the channel.
    mutating func drained() -> Action {
        guard case .draining(let until) = self.phase else { return .none }
        self.phase = .closing(until: until)
        return .write(WebSocketFrameWriter.close(self.closure.code, reason: self.closure.reason))
    }

    // MARK: The channel

    /// Bytes have come, a whole frame or not.
    mutating func heard(now: NIODeadline) {
        self.lastHeard = now
        self.pingSent = nil
    }

    /// The server stops or resumes reading, because of what waits for the session.
    mutating func readingPaused(_ isPaused: Bool, now: NIODeadline) {
        self.isReadingPaused = isPaused
        self.heard(now: now)
    }

    mutating func writabilityChanged(_ isWritable: Bool, now: NIODeadline) {
        self.unwritableSince = isWritable ? nil : self.unwritableSince ?? now
    }

    /// The peer has ended its half.
    mutating func inputClosed() -> Action {
        guard self.phase != .ended else { return .none }
        self.phase = .ended
        return .abort
    }

    mutating func timerFired(now: NIODeadline) -> Action {
        guard let deadline, deadline <= now else { return .none }
        guard self.phase == .open else {
            self.phase = .ended
            return .abort
        }
        if let unwritableSince, unwritableSince + TimeAmount(self.settings.slowReader) <= now {
            return self.fail(.tryAgainLater, "The peer reads too slowly.", now)
        }
        if self.pingSent == nil {
            self.pingSent = now
            return .ping
        }
        self.closure.reason = "The peer fell silent."
        self.phase = .ended
        return .abort
    }
}
