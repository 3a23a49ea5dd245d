//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// Reads a stream of server-sent events, however its bytes are cut.
///
/// Follows the grammar of the HTML standard, section 9.2.6 ("Interpreting an event stream"): lines end with LF, CR or
/// CRLF; one leading byte order mark is dropped; `:` begins a comment; `data` lines of one event are joined by LF; an
/// event without `data` is not given out. Two things differ. The bytes of `data` are given as they came, so that
/// their reader decides about UTF-8; and ``finish()`` gives the last event even when its blank line is missing, as
/// OpenAI's own clients do.
///
/// A pure value: the same bytes give the same events under every split, limits included.
public struct SSEParser: Sendable {
    public struct Limits: Hashable, Sendable {
        public var lineBytes: Int
        public var eventBytes: Int

        public init(
            lineBytes: Int = ModelsLimits.sseLineBytes, eventBytes: Int = ModelsLimits.sseEventBytes
        ) {
            self.lineBytes = lineBytes
            self.eventBytes = eventBytes
        }
    }

    public enum Failure: Error, Hashable, Sendable {
        case lineTooLong
        case eventTooLong
    }

    /// An event whose data was not copied if it could be helped.
    public struct Found: Hashable, Sendable {
        public enum Place: Hashable, Sendable {
            /// In the bytes given to this call.
            case input(Range<Int>)
            /// In ``SSEParser/held``, until the next call.
            case held
        }

        /// The `event` field; empty when the event named none, which means `message`.
        public var name: String
        public var place: Place
    }

    /// The last `id`, which stays for the events after it.
    public private(set) var lastEventID = ""
    /// The last `retry`, in milliseconds.
    public private(set) var retryMs: Int?
    /// The data of the event last found, when its place is `held`.
    public private(set) var held: [UInt8] = []

    private let limits: Limits
    /// The line that the bytes so far broke off.
    private var partial: [UInt8] = []
    /// Data lines of the event being read, joined by LF.
    private var data: [UInt8] = []
    private var hasData = false
    private var name = ""
    private var isFirstLine = true
    /// The last byte was a CR: an LF that follows belongs to it.
    private var skipsLineFeed = false
    private var failure: Failure?

    public init(limits: Limits = Limits()) {
        self.limits = limits
    }

    /// The next event that `bytes` complete, from `position` on, or `nil` when all of them are read.
    ///
    /// Call it with the same bytes until it gives `nil`; `position` starts at 0 and moves on.
    public mutating func next(in bytes: Span<UInt8>, from position: inout Int) throws(Failure) -> Found? {
        if let failure = self.failure { throw failure }
        // The one data line of the event being read, while it lies in `bytes` only.
        var pending: Range<Int>?
        while position < bytes.count {
            if self.skipsLineFeed {
                self.skipsLineFeed = false
                if bytes[position] == 0x0A {
                    position += 1
                    continue
                }
            }
            guard let end = Self.lineEnd(in: bytes, from: position) else { break }
            let line = position..<end
            position = end + 1
            self.skipsLineFeed = bytes[end] == 0x0D
            if !self.partial.isEmpty {
                try self.extendPartial(bytes.extracting(line))
                if let found = try self.takePartial(after: &pending, of: bytes) { return found }
                continue
            }
            try self.check(lineBytes: line.count)
            if let found = try self.take(line, of: bytes, pending: &pending) { return found }
        }
        try self.keep(&pending, of: bytes)
        if position < bytes.count {
            try self.extendPartial(bytes.extracting(position..<bytes.count))
            position = bytes.count
        }
        return nil
    }

    /// All events that `bytes` complete. A failure behind the first of them is thrown by the next call.
    public mutating func feed(_ bytes: [UInt8]) throws(Failure) -> [SSEEvent] {
        var events: [SSEEvent] = []
        var position = 0
        do throws(Failure) {
            while let found = try self.next(in: bytes.span, from: &position) {
                events.append(self.event(found, in: bytes))
            }
        } catch {
            guard !events.isEmpty else { throw error }
        }
        return events
    }

    /// The event that the end of the stream completes: the last one, when its blank line is missing.
    public mutating func finish() throws(Failure) -> SSEEvent? {
        if let failure = self.failure { throw failure }
        let end: [UInt8] = self.partial.isEmpty ? [0x0A] : [0x0A, 0x0A]
        self.skipsLineFeed = false
        return try self.feed(end).first
    }

    private func event(_ found: Found, in bytes: [UInt8]) -> SSEEvent {
        let data: [UInt8] =
            switch found.place {
            case .input(let range): Array(bytes[range])
            case .held: self.held
            }
        return SSEEvent(name: found.name, data: data, id: self.lastEventID)
    }

    /// The first CR or LF, looked for in eight bytes at a time: this loop sees every byte of every answer.
    private static func lineEnd(in bytes: Span<UInt8>, from start: Int) -> Int? {
        bytes.withUnsafeBytes { bytes in
            let ones: UInt64 = 0x0101_0101_0101_0101
            let highs: UInt64 = 0x8080_8080_8080_8080
            var index = start
            while index + 8 <= bytes.count {
                let word = bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)
                let feeds = word ^ (ones &* 0x0A)
                let returns = word ^ (ones &* 0x0D)
                // Not zero where one of the eight bytes is zero, that is, was the one looked for.
                if ((feeds &- ones) & ~feeds | (returns &- ones) & ~returns) & highs != 0 { break }
                index += 8
            }
            while index < bytes.count {
                if bytes[index] == 0x0A || bytes[index] == 0x0D { return index }
                index += 1
            }
            return nil
        }
    }

    private mutating func check(lineBytes count: Int) throws(Failure) {
        guard count <= self.limits.lineBytes else { throw self.fail(.lineTooLong) }
    }

    private mutating func fail(_ failure: Failure) -> Failure {
        self.failure = failure
        self.partial = []
        self.data = []
        return failure
    }

    private mutating func extendPartial(_ bytes: Span<UInt8>) throws(Failure) {
        try self.check(lineBytes: self.partial.count + bytes.count)
        bytes.withUnsafeBufferPointer { self.partial.append(contentsOf: $0) }
    }

    /// Reads the line whose beginning came with earlier bytes.
    private mutating func takePartial(
        after pending: inout Range<Int>?, of bytes: Span<UInt8>
    ) throws(Failure) -> Found? {
        try self.keep(&pending, of: bytes)
        var line: [UInt8] = []
        swap(&line, &self.partial)
        let all = 0..<line.count
        let found = try self.take(all, of: line.span, pending: &pending)
        try self.keep(&pending, of: line.span)
        line.removeAll(keepingCapacity: true)
        swap(&line, &self.partial)
        return found
    }

    /// Copies the pending data line to where later bytes can follow it.
    private mutating func keep(_ pending: inout Range<Int>?, of bytes: Span<UInt8>) throws(Failure) {
        guard let range = pending else { return }
        pending = nil
        try self.appendData(bytes.extracting(range))
    }

    private mutating func appendData(_ value: Span<UInt8>) throws(Failure) {
        guard self.data.count + value.count + (self.hasData ? 1 : 0) <= self.limits.eventBytes else {
            throw self.fail(.eventTooLong)
        }
        if self.hasData { self.data.append(0x0A) }
        value.withUnsafeBufferPointer { self.data.append(contentsOf: $0) }
        self.hasData = true
    }

    /// Reads one whole line.
    private mutating func take(
        _ line: Range<Int>, of bytes: Span<UInt8>, pending: inout Range<Int>?
    ) throws(Failure) -> Found? {
        var line = line
        if self.isFirstLine {
            self.isFirstLine = false
            if line.count >= 3, bytes[line.lowerBound] == 0xEF, bytes[line.lowerBound + 1] == 0xBB,
                bytes[line.lowerBound + 2] == 0xBF
            {
                line = (line.lowerBound + 3)..<line.upperBound
            }
        }
        if line.isEmpty { return self.dispatch(&pending) }
        var colon = line.lowerBound
        while colon < line.upperBound, bytes[colon] != 0x3A { colon += 1 }
        var value = min(colon + 1, line.upperBound)..<line.upperBound
        if let first = value.first, bytes[first] == 0x20 { value = (first + 1)..<value.upperBound }
        switch Self.field(bytes.extracting(line.lowerBound..<colon)) {
        case .data:
            if self.hasData || pending != nil {
                try self.keep(&pending, of: bytes)
                try self.appendData(bytes.extracting(value))
            } else {
                guard value.count <= self.limits.eventBytes else { throw self.fail(.eventTooLong) }
                pending = value
            }
        case .event:
            self.name = Self.text(bytes.extracting(value))
        case .id:
            let id = bytes.extracting(value)
            if !id.indices.contains(where: { id[$0] == 0 }) { self.lastEventID = Self.text(id) }
        case .retry:
            let digits = bytes.extracting(value)
            if !digits.isEmpty, digits.indices.allSatisfy({ (0x30...0x39).contains(digits[$0]) }) {
                self.retryMs = Int(Self.text(digits)) ?? self.retryMs
            }
        case nil:
            break
        }
        return nil
    }

    /// Ends the event at a blank line.
    private mutating func dispatch(_ pending: inout Range<Int>?) -> Found? {
        let name = self.name
        self.name = ""
        if let range = pending {
            pending = nil
            return Found(name: name, place: .input(range))
        }
        guard self.hasData else { return nil }
        self.hasData = false
        swap(&self.held, &self.data)
        self.data.removeAll(keepingCapacity: self.data.capacity <= 16 * 1024)
        return Found(name: name, place: .held)
    }

    private enum Field {
        case data
        case event
        case id
        case retry
    }

    private static func field(_ name: Span<UInt8>) -> Field? {
        func matches(_ word: StaticString) -> Bool {
            word.withUTF8Buffer { word in
                name.count == word.count && word.indices.allSatisfy { word[$0] == name[$0] }
            }
        }
        switch name.count {
        case 4 where matches("data"): return .data
        case 5 where matches("event"): return .event
        case 5 where matches("retry"): return .retry
        case 2 where matches("id"): return .id
        default: return nil
        }
    }

    private static func text(_ bytes: Span<UInt8>) -> String {
        bytes.withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
    }
}

/// One server-sent event.
public struct SSEEvent: Hashable, Sendable {
    /// The `event` field; empty when the event named none, which means `message`.
    public var name: String
    public var data: [UInt8]
    /// The last `id` of the stream; empty when there was none.
    public var id: String

    public init(name: String = "", data: [UInt8], id: String = "") {
        self.name = name
        self.data = data
        self.id = id
    }
}
