//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
public import NIOCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Reads a `multipart/form-data` body (RFC 7578) in the pieces in which it arrives, in memory that does not grow.
///
/// What a body looks like (RFC 2046, 5.1):
///
///     preamble CRLF
///     --boundary CRLF
///     Content-Disposition: form-data; name="file"; filename="a.txt" CRLF
///     CRLF
///     data CRLF
///     --boundary-- CRLF
///     epilogue
///
/// Where readers differ an attacker can show one file to the one and another to the other, so this one takes what
/// browsers and HTTP libraries send and refuses the rest: lines end with CRLF, never LF alone; after a boundary comes
/// only the end of its line; headers are not folded; the last boundary must come. A part without data may close right
/// after its headers, as Go's reader has it too.
///
/// The library that would replace this target is vapor/multipart-kit.
public struct MultipartParser: Sendable {
    /// What was read.
    public enum Event: Hashable, Sendable {
        /// A part's headers are complete; its data follows.
        case partBegan(MultipartPart)
        /// The next piece of the part's data, never empty; shares memory with the bytes that were given.
        case partData(ByteBuffer)
        /// The part is complete.
        case partEnded
        /// The last boundary was read; nothing follows that matters.
        case ended
    }

    /// How much is read before a body is refused.
    public struct Limits: Hashable, Sendable {
        public var parts = MultipartParserLimits.parts
        public var headersPerPart = MultipartParserLimits.headersPerPart
        public var headerBytesPerPart = MultipartParserLimits.headerBytesPerPart
        public var totalBytes = MultipartParserLimits.totalBytes

        public init() {}
    }

    private enum State {
        case preamble
        /// Behind `--boundary`, of which the line is not complete.
        case boundaryLine
        case headers
        /// Behind the headers, where a boundary may stand at once.
        case dataStart
        case data
        case epilogue
    }

    private let limits: Limits
    /// CRLF, two hyphens and the boundary.
    private let delimiter: [UInt8]
    private var state = State.preamble
    /// What is not yet read: less than a delimiter, a boundary's line or a header line.
    private var pending: ByteBuffer
    /// Bytes at the start of `pending` that hold no line end.
    private var scanned = 0
    private var lines: [[UInt8]] = []
    private var headerBytes = 0
    private var parts = 0
    private var outerBytes = 0
    private var totalBytes = 0
    private var failure: MultipartError?

    /// A parser for one body.
    public init(boundary: MultipartBoundary, limits: Limits = Limits()) {
        self.limits = limits
        self.delimiter = Array("\r\n--".utf8) + boundary.bytes
        // The first boundary may stand at the very start: as if behind a line end.
        self.pending = ByteBuffer(string: "\r\n")
    }

    /// Reads the next bytes of the body.
    ///
    /// - Throws: ``MultipartError``, and the same again at each later call.
    public mutating func consume(_ bytes: ByteBuffer) throws(MultipartError) -> [Event] {
        if let failure = self.failure { throw failure }
        do {
            return try self.read(bytes)
        } catch {
            self.failure = error
            throw error
        }
    }

    /// To be called at the end of the body.
    ///
    /// - Throws: `malformed` when the last boundary did not come, as after a lost connection.
    public mutating func finish() throws(MultipartError) {
        if let failure = self.failure { throw failure }
        guard case .epilogue = self.state else {
            let failure = MultipartError.malformed("the body ends before its last boundary")
            self.failure = failure
            throw failure
        }
    }

    private mutating func read(_ bytes: ByteBuffer) throws(MultipartError) -> [Event] {
        guard bytes.readableBytes > 0 else { return [] }
        self.totalBytes += bytes.readableBytes
        guard self.totalBytes <= self.limits.totalBytes else { throw .tooLarge("the body is too large") }
        if self.pending.readableBytes == 0 {
            self.pending = bytes
        } else {
            self.pending.writeImmutableBuffer(bytes)
        }
        var events: [Event] = []
        while try self.step(&events) {}
        // A small rest must not keep a large buffer, nor be copied with it when the next bytes come.
        var rest = ByteBufferAllocator().buffer(capacity: self.pending.readableBytes)
        rest.writeImmutableBuffer(self.pending)
        self.pending = rest
        return events
    }

    /// One step; false when it needs more bytes.
    private mutating func step(_ events: inout [Event]) throws(MultipartError) -> Bool {
        switch self.state {
        case .preamble, .data: return try self.readToBoundary(&events)
        case .boundaryLine: return try self.readBoundaryLine(&events)
        case .headers: return try self.readHeaderLine(&events)
        case .dataStart: return self.readDataStart(&events)
        case .epilogue:
            try self.skipOuter(self.pending.readableBytes)
            return false
        }
    }

    private mutating func skipOuter(_ count: Int) throws(MultipartError) {
        self.outerBytes += count
        // The line end before the first boundary was not sent.
        guard self.outerBytes <= MultipartParserLimits.preambleBytes + 2 else {
            throw .tooLarge("too much stands outside of the parts")
        }
        self.pending.moveReaderIndex(forwardBy: count)
    }

    private mutating func readToBoundary(_ events: inout [Event]) throws(MultipartError) -> Bool {
        let (count, isFound) = self.pending.withUnsafeReadableBytes { $0.find(self.delimiter) }
        if case .preamble = self.state {
            try self.skipOuter(count)
        } else if count > 0, let data = self.pending.readSlice(length: count) {
            events.append(.partData(data))
        }
        guard isFound else { return false }
        self.pending.moveReaderIndex(forwardBy: self.delimiter.count)
        if case .data = self.state { events.append(.partEnded) }
        self.state = .boundaryLine
        return true
    }

    private mutating func readDataStart(_ events: inout [Event]) -> Bool {
        let boundary = self.delimiter.dropFirst(2)
        let length = min(boundary.count, self.pending.readableBytes)
        guard self.pending.readableBytesView.prefix(length).elementsEqual(boundary.prefix(length)) else {
            self.state = .data
            return true
        }
        guard length == boundary.count else { return false }
        self.pending.moveReaderIndex(forwardBy: length)
        events.append(.partEnded)
        self.state = .boundaryLine
        return true
    }

    private mutating func readBoundaryLine(_ events: inout [Event]) throws(MultipartError) -> Bool {
        let view = self.pending.readableBytesView
        guard let first = view.first else { return false }
        if first == UInt8(ascii: "-") {
            guard let second = view.dropFirst().first else { return false }
            guard second == first else {
                throw Self.crowdedBoundary
            }
            self.pending.moveReaderIndex(forwardBy: 2)
            self.outerBytes = 0
            self.state = .epilogue
            events.append(.ended)
            return true
        }
        let padding = view.prefix { $0.isBlank }.count
        guard padding <= MultipartParserLimits.paddingBytes else { throw .malformed("a boundary's line is too long") }
        let end = view.dropFirst(padding).prefix(2)
        guard end.elementsEqual([0x0D, 0x0A].prefix(end.count)) else {
            throw Self.crowdedBoundary
        }
        guard end.count == 2 else { return false }
        self.pending.moveReaderIndex(forwardBy: padding + 2)
        self.parts += 1
        guard self.parts <= self.limits.parts else { throw .tooLarge("the body has too many parts") }
        self.state = .headers
        self.lines = []
        self.headerBytes = 0
        self.scanned = 0
        return true
    }

    private static let crowdedBoundary = MultipartError.malformed(
        "a boundary is followed by something else than the end of its line")

    private mutating func readHeaderLine(_ events: inout [Event]) throws(MultipartError) -> Bool {
        let room = self.limits.headerBytesPerPart - self.headerBytes
        let newline = self.pending.withUnsafeReadableBytes { $0.index(of: 0x0A, from: self.scanned) }
        guard (newline.map { $0 + 1 } ?? self.pending.readableBytes) <= room else {
            throw .tooLarge("the headers of a part are too long")
        }
        guard let newline else {
            self.scanned = self.pending.readableBytes
            return false
        }
        guard var line = self.pending.readBytes(length: newline + 1)?.dropLast(), line.popLast() == 0x0D else {
            throw .malformed("a header line of a part does not end with CR LF")
        }
        self.headerBytes += newline + 1
        self.scanned = 0
        guard line.isEmpty else {
            self.lines.append(Array(line))
            guard self.lines.count <= self.limits.headersPerPart else { throw .tooLarge("a part has too many headers") }
            return true
        }
        events.append(.partBegan(try MultipartPart(lines: self.lines)))
        self.lines = []
        self.state = .dataStart
        return true
    }
}

extension UnsafeRawBufferPointer {
    /// Where the delimiter begins or, when it is not here, how many bytes can not belong to one that the end cuts.
    ///
    /// Looks from CR to CR, which is a delimiter's first byte and occurs in it but once.
    fileprivate func find(_ delimiter: [UInt8]) -> (count: Int, isFound: Bool) {
        guard let start = self.baseAddress else { return (0, false) }
        return delimiter.withUnsafeBytes { delimiter in
            guard let pattern = delimiter.baseAddress else { return (self.count, false) }
            var offset = 0
            while let found = memchr(start + offset, 0x0D, self.count - offset) {
                let index = UnsafeRawPointer(found) - start
                let length = Swift.min(delimiter.count, self.count - index)
                if memcmp(found, pattern, length) == 0 { return (index, length == delimiter.count) }
                offset = index + 1
            }
            return (self.count, false)
        }
    }

    fileprivate func index(of byte: UInt8, from offset: Int) -> Int? {
        guard let start = self.baseAddress, offset < self.count else { return nil }
        return memchr(start + offset, Int32(byte), self.count - offset).map { UnsafeRawPointer($0) - start }
    }
}
