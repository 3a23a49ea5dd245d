//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import DequeModule
import NIOCore

/// Frames that wait to be written, in bytes and number bounded: a value without I/O.
struct WebSocketOutbox {
    private let settings: WebSocketSettings
    private var frames: Deque<ByteBuffer> = []
    private var bytes = 0
    /// A wake-up of the handler is on its way.
    private var isWaking = false
    private(set) var isOpen = true
    /// The close that follows the frames.
    private(set) var close: (code: WebSocketCloseCode, reason: String)?

    init(_ settings: WebSocketSettings) {
        self.settings = settings
    }

    var isEmpty: Bool { self.frames.isEmpty }

    /// Whether a sender should pause.
    var isCongested: Bool {
        self.bytes > self.settings.congestionBytes || self.frames.count > self.settings.congestionMessages
    }

    /// Whether senders that paused may go on.
    var isRelieved: Bool {
        self.bytes <= self.settings.congestionBytes / 2
            && self.frames.count <= self.settings.congestionMessages / 2
    }

    /// Takes a frame; `wakes` says that the handler must be told.
    mutating func append(_ frame: ByteBuffer) -> (result: WebSocketSendResult, wakes: Bool) {
        guard self.isOpen else { return (.closed, false) }
        guard self.bytes + frame.readableBytes <= self.settings.outboundBytes,
            self.frames.count < self.settings.outboundMessages
        else { return (.refused, false) }
        self.frames.append(frame)
        self.bytes += frame.readableBytes
        return (self.isCongested ? .congested : .accepted, self.wake())
    }

    /// Takes no more frames and closes after those that wait. Returns whether the handler must be told.
    mutating func requestClose(_ code: WebSocketCloseCode, reason: String) -> Bool {
        guard self.isOpen else { return false }
        self.isOpen = false
        self.close = (code, reason)
        return self.wake()
    }

    private mutating func wake() -> Bool {
        defer { self.isWaking = true }
        return !self.isWaking
    }

    /// The next frames to write: at most `countMax`, and none after `bytesMax` are reached.
    mutating func take(countMax: Int, bytesMax: Int) -> [ByteBuffer] {
        self.isWaking = false
        var taken: [ByteBuffer] = []
        var takenBytes = 0
        while taken.count < countMax, takenBytes < bytesMax, let frame = self.frames.popFirst() {
            takenBytes += frame.readableBytes
            taken.append(frame)
        }
        self.bytes -= takenBytes
        // An idle connection keeps no storage of a burst.
        if self.frames.isEmpty { self.frames = [] }
        return taken
    }

    /// Frees everything and takes no more.
    mutating func shut() {
        self.isOpen = false
        self.frames = []
        self.bytes = 0
    }
}

/// Messages that wait for the session: a value without I/O.
struct WebSocketInbox {
    enum Event: Sendable, Equatable {
        case message(WebSocketMessage)
        case closed(WebSocketClosure)
    }

    private let settings: WebSocketSettings
    private var events: Deque<Event> = []
    private var bytes = 0
    private var isDelivering = false
    /// Reading has stopped until half of what waits is processed.
    private(set) var isFull = false

    init(_ settings: WebSocketSettings) {
        self.settings = settings
    }

    /// Takes an event. `starts` says that a task must begin to deliver.
    mutating func append(_ event: Event) -> (starts: Bool, isFull: Bool) {
        self.events.append(event)
        self.bytes += event.bytes
        if self.events.count >= self.settings.inboundMessages || self.bytes >= self.settings.inboundBytes {
            self.isFull = true
        }
        defer { self.isDelivering = true }
        return (!self.isDelivering, self.isFull)
    }

    /// The next event for the delivering task, which ends when there is none. `resumes` says that reading may go on.
    mutating func next() -> (event: Event?, resumes: Bool) {
        let event = self.events.popFirst()
        self.bytes -= event?.bytes ?? 0
        if event == nil {
            self.isDelivering = false
            self.events = []
        }
        guard self.isFull, self.events.count <= self.settings.inboundMessages / 2,
            self.bytes <= self.settings.inboundBytes / 2
        else { return (event, false) }
        self.isFull = false
        return (event, true)
    }
}

extension WebSocketInbox.Event {
    fileprivate var bytes: Int {
        if case .message(let message) = self { message.buffer.readableBytes } else { 0 }
    }
}
