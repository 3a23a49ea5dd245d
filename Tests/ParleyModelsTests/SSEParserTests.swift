//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import SeededRandom
import Testing

@testable import ParleyModels

@Suite("Server-sent events")
struct SSEParserTests {
    /// The events of a text, given in pieces.
    private func events(
        _ pieces: [[UInt8]], limits: SSEParser.Limits = SSEParser.Limits()
    ) -> (events: [SSEEvent], failure: SSEParser.Failure?) {
        var parser = SSEParser(limits: limits)
        var events: [SSEEvent] = []
        do throws(SSEParser.Failure) {
            for piece in pieces { events += try parser.feed(piece) }
            if let last = try parser.finish() { events.append(last) }
            return (events, nil)
        } catch {
            return (events, error)
        }
    }

    private func texts(_ stream: String) -> [String] {
        self.events([Array(stream.utf8)]).events.map { String(decoding: $0.data, as: UTF8.self) }
    }

    @Test(
        "LF, CRLF and CR end lines, also mixed",
        arguments: [
            "data: a\n\ndata: b\n\n", "data: a\r\n\r\ndata: b\r\n\r\n", "data: a\r\rdata: b\r\r",
            "data: a\n\rdata: b\r\n\n",
        ])
    func lineEnds(_ stream: String) {
        #expect(self.texts(stream) == ["a", "b"])
    }

    @Test("one leading byte order mark is dropped, a second is content")
    func byteOrderMark() {
        #expect(self.texts("\u{FEFF}data: a\n\n\u{FEFF}data: b\n\ndata: c\n\n") == ["a", "c"])
    }

    @Test("comments, unknown fields and events without data give nothing")
    func ignored() {
        #expect(self.texts(": ping\n\nfoo: bar\n\nevent: x\n\ndata: a\n\n:\n\n") == ["a"])
    }

    @Test("data lines of one event are joined by LF, and only one space after the colon is dropped")
    func multiLine() {
        #expect(self.texts("data: a\ndata:b\ndata\ndata:  c\n\n") == ["a\nb\n\n c"])
    }

    @Test("event, id and retry are read, and an id stays")
    func fields() throws {
        var parser = SSEParser()
        let events = try parser.feed(
            Array("event: delta\nid: 1-2\nretry: 1500\ndata: a\n\ndata: b\n\nid: x\0y\nretry: 1s\ndata: c\n\n".utf8))
        #expect(events.map(\.name) == ["delta", "", ""])
        #expect(events.map(\.id) == ["1-2", "1-2", "1-2"])
        #expect(parser.retryMs == 1500)
    }

    @Test("the last event is given though its blank line is missing")
    func missingBlankLine() {
        #expect(self.texts("data: a\n\ndata: [DONE]") == ["a", "[DONE]"])
        #expect(self.texts("data: a\n\ndata: [DONE]\n") == ["a", "[DONE]"])
    }

    private static let sample: [UInt8] = Array(
        ("\u{FEFF}: hello\r\n\r\ndata: {\"a\":\"äöü 😀\"}\n\nevent: x\rid: 7\rdata: one\rdata: two\r\r"
            + "retry: 10\ndata\n\n\r\ndata: é\r\n\r\nevent:\ndata:x:y\n\ndata: last").utf8)

    @Test("every split of a stream in two gives the same events")
    func everySplit() {
        let whole = self.events([Self.sample])
        #expect(whole.events.count == 6)
        for split in 0...Self.sample.count {
            let pieces = [Array(Self.sample[..<split]), Array(Self.sample[split...])]
            #expect(self.events(pieces) == whole, "split at \(split)")
        }
    }

    @Test("single bytes and every split in three give the same events")
    func everyTwoSplits() {
        let whole = self.events([Self.sample])
        #expect(self.events(Self.sample.map { [$0] }) == whole)
        for first in 0...Self.sample.count {
            for second in stride(from: first, through: Self.sample.count, by: 3) {
                let pieces = [
                    Array(Self.sample[..<first]), Array(Self.sample[first..<second]), Array(Self.sample[second...]),
                ]
                #expect(self.events(pieces) == whole, "split at \(first) and \(second)")
            }
        }
    }

    @Test("random streams give the same events and failures under random splits", arguments: 0..<200)
    func randomStreams(seed: Int) {
        var random = SeededGenerator(seed: seed)
        let tokens = [
            "data", ":", " ", "\n", "\r", "\r\n", "\n\n", "event", "id", "retry", "x", "é", "\0", "\u{FEFF}", "12",
            "data: y\n\n",
        ]
        let stream = (0..<Int.random(in: 1...80, using: &random))
            .flatMap { _ in Array(tokens.randomElement(using: &random)?.utf8 ?? "".utf8) }
        let limits = SSEParser.Limits(
            lineBytes: Int.random(in: 3...30, using: &random), eventBytes: Int.random(in: 1...20, using: &random))
        let whole = self.events([stream], limits: limits)
        for _ in 0..<20 {
            let pieces = stream.cut(using: &random, longest: Int.random(in: 1...9, using: &random))
            #expect(self.events(pieces, limits: limits) == whole, "seed \(seed)")
        }
        #expect(whole == Reference.events(stream, limits: limits), "seed \(seed)")
    }

    @Test("a line or an event beyond its limit is a failure, and the parser stays failed")
    func limits() throws {
        let limits = SSEParser.Limits(lineBytes: 10, eventBytes: 8)
        #expect(self.events([Array("data: abcd\n\n".utf8)], limits: limits).failure == nil)
        #expect(self.events([Array("data: abcde\n\n".utf8)], limits: limits).failure == .lineTooLong)
        #expect(self.events([Array("data: abcde".utf8)], limits: limits).failure == .lineTooLong)
        #expect(self.events([Array("data:abcde\ndata:ab\n\n".utf8)], limits: limits).failure == nil)
        #expect(self.events([Array("data:abcde\ndata:abc\n\n".utf8)], limits: limits).failure == .eventTooLong)
        var parser = SSEParser(limits: limits)
        #expect(throws: SSEParser.Failure.lineTooLong) { try parser.feed(Array("data: much too long".utf8)) }
        #expect(throws: SSEParser.Failure.lineTooLong) { try parser.feed(Array("data: a\n\n".utf8)) }
    }

    @Test("data of one line inside the input is not copied")
    func zeroCopy() throws {
        var parser = SSEParser()
        let bytes = Array("data: abc\n\n".utf8)
        var position = 0
        let found = try parser.next(in: bytes.span, from: &position)
        #expect(found?.place == .input(6..<9))
        let none = try parser.next(in: bytes.span, from: &position)
        #expect(none == nil)
    }
}

/// The grammar once more, in the plainest form and on the whole stream.
private enum Reference {
    static func events(_ stream: [UInt8], limits: SSEParser.Limits) -> (events: [SSEEvent], failure: SSEParser.Failure?)
    {
        var lines: [(bytes: [UInt8], isWhole: Bool)] = []
        var line: [UInt8] = []
        var index = 0
        while index < stream.count {
            let byte = stream[index]
            index += 1
            guard byte == 10 || byte == 13 else {
                line.append(byte)
                continue
            }
            if byte == 13, index < stream.count, stream[index] == 10 { index += 1 }
            lines.append((line, true))
            line = []
        }
        if !line.isEmpty { lines.append((line, false)) }
        lines.append(([], true))
        var events: [SSEEvent] = []
        var data: [[UInt8]] = []
        var name = ""
        var id = ""
        for (number, line) in lines.enumerated() {
            if line.bytes.count > limits.lineBytes { return (events, .lineTooLong) }
            var bytes = line.bytes
            if number == 0, bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes.removeFirst(3) }
            if bytes.isEmpty {
                if !data.isEmpty {
                    events.append(SSEEvent(name: name, data: Array(data.joined(separator: [10])), id: id))
                }
                data = []
                name = ""
                continue
            }
            let colon = bytes.firstIndex(of: 0x3A) ?? bytes.count
            var value = Array(bytes.dropFirst(colon + 1))
            if value.first == 0x20 { value.removeFirst() }
            switch String(decoding: bytes[..<colon], as: UTF8.self) {
            case "data":
                data.append(value)
                if Array(data.joined(separator: [10])).count > limits.eventBytes { return (events, .eventTooLong) }
            case "event": name = String(decoding: value, as: UTF8.self)
            case "id": if !value.contains(0) { id = String(decoding: value, as: UTF8.self) }
            default: break
            }
        }
        return (events, nil)
    }
}
