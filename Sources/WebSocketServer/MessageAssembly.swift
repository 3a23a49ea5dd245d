//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import NIOCore
import NIOWebSocket

/// Joins fragments to messages (RFC 6455 section 5.4), under a limit over all of them, and checks text as it comes.
struct MessageAssembly {
    /// Why the connection has to fail.
    struct Violation: Error, Equatable {
        var code: WebSocketCloseCode
        var reason: String
    }

    private struct Partial {
        var isText: Bool
        var buffer: ByteBuffer
        var validator = UTF8Validator()
        var fragments = 1
    }

    private let bytesMax: Int
    private let fragmentsMax: Int
    private var partial: Partial?

    init(bytesMax: Int, fragmentsMax: Int) {
        self.bytesMax = bytesMax
        self.fragmentsMax = fragmentsMax
    }

    /// Forgets a message under way.
    mutating func reset() { self.partial = nil }

    /// Takes a frame of text, binary or continuation; returns the message that it completes.
    mutating func append(_ frame: WebSocketFrame) throws(Violation) -> WebSocketMessage? {
        // Taken out, so that its buffer is appended to in place.
        var taken = self.partial.take()
        guard var partial = taken.take() else { return try self.begin(frame) }
        guard frame.opcode == .continuation else {
            throw Violation(code: .protocolError, reason: "A message began inside another.")
        }
        guard partial.fragments < self.fragmentsMax else {
            throw Violation(code: .policyViolation, reason: "The message has too many fragments.")
        }
        guard partial.buffer.readableBytes + frame.length <= self.bytesMax else { throw self.tooBig }
        let payload = frame.unmaskedData
        partial.fragments += 1
        try Self.check(payload, in: &partial, isLast: frame.fin)
        partial.buffer.writeImmutableBuffer(payload)
        return self.keepOrComplete(partial, isLast: frame.fin)
    }

    private mutating func begin(_ frame: WebSocketFrame) throws(Violation) -> WebSocketMessage? {
        guard frame.opcode != .continuation else {
            throw Violation(code: .protocolError, reason: "A continuation without a beginning.")
        }
        guard frame.length <= self.bytesMax else { throw self.tooBig }
        var partial = Partial(isText: frame.opcode == .text, buffer: frame.unmaskedData)
        try Self.check(partial.buffer, in: &partial, isLast: frame.fin)
        return self.keepOrComplete(partial, isLast: frame.fin)
    }

    private mutating func keepOrComplete(_ partial: Partial, isLast: Bool) -> WebSocketMessage? {
        guard isLast else {
            self.partial = partial
            return nil
        }
        return partial.isText ? .text(partial.buffer) : .binary(partial.buffer)
    }

    private static func check(_ payload: ByteBuffer, in partial: inout Partial, isLast: Bool) throws(Violation) {
        guard partial.isText else { return }
        let isValid = payload.withUnsafeReadableBytes { partial.validator.append($0) }
        guard isValid, !isLast || partial.validator.isComplete else {
            throw Violation(code: .invalidPayload, reason: "The text is not UTF-8.")
        }
    }

    private var tooBig: Violation {
        Violation(code: .messageTooBig, reason: "A message may have \(self.bytesMax) bytes.")
    }
}
