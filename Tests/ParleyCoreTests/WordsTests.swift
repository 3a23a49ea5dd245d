//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation
import ParleyCore
import SeededRandom
import Testing

@Suite("Words of the core")
struct WordsTests {
    @Test("an event id reads what it writes and nothing else")
    func eventIDs() {
        #expect(EventID("3-17") == EventID(epoch: 3, sequence: 17))
        #expect(EventID(epoch: 3, sequence: 17).description == "3-17")
        for text in ["", "3", "-", "3-", "-3", "3-1-2", "a-1", "1-+2", " 1-2", "1-2 ", "1-9999999999999999", "１-2"] {
            #expect(EventID(text) == nil, "\(text)")
        }
        #expect(EventID(epoch: 2, sequence: 1) > EventID(epoch: 1, sequence: 999))
    }

    @Test("a new id is a UUIDv7 that carries its time")
    func ids() {
        let time = Timestamp(milliseconds: 0x0123_4567_89AB)
        let text = MessageID.generate(at: time).description
        #expect(text.hasPrefix("01234567-89ab-7"))
        #expect("89ab".contains(text[text.index(text.startIndex, offsetBy: 19)]))
        #expect(MessageID(text)?.description == text)
        #expect(MessageID("01234567-89ab-7000-8000-00000000000") == nil)
        #expect(MessageID("{1234567-89ab-7000-8000-00000000000}") == nil)
        #expect(Set((0..<1000).map { _ in MessageID.generate() }).count == 1000)
    }

    @Test("a time is RFC 3339 in UTC with milliseconds")
    func times() {
        let time = Timestamp(milliseconds: 1_795_801_516_123)
        #expect(time.rfc3339 == "2026-11-27T17:45:16.123Z")
        #expect(Timestamp(rfc3339: time.rfc3339) == time)
        #expect(Timestamp(rfc3339: "2026-11-27T17:45:16Z")?.milliseconds == 1_795_801_516_000)
        #expect(Timestamp(rfc3339: "yesterday") == nil)
    }
}

@Suite("Writing JSON by hand")
struct JSONWriterTests {
    @Test("any text comes back the same through a real parser", arguments: 0..<50)
    func anyText(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let alphabet: [Unicode.Scalar] = [
            "\"", "\\", "/", "\n", "\r", "\t", "\u{0}", "\u{1}", "\u{1F}", "\u{7F}", "é", "\u{2028}", "漢", "👩", "a",
        ]
        for _ in 0..<20 {
            var view = String.UnicodeScalarView()
            for _ in 0..<Int.random(in: 0...40, using: &random) {
                view.append(alphabet.randomElement(using: &random) ?? "a")
            }
            let text = String(view)
            var writer = JSONWriter()
            writer.beginObject()
            writer.key("text")
            writer.string(text)
            writer.key("more")
            writer.beginArray()
            writer.int(-1)
            writer.double(0.5)
            writer.double(.infinity)
            writer.bool(true)
            writer.null()
            writer.endArray()
            writer.endObject()
            let object = try #require(
                JSONSerialization.jsonObject(with: Data(writer.bytes)) as? [String: Any])
            #expect((object["text"] as? String)?.unicodeScalars.elementsEqual(text.unicodeScalars) == true)
            #expect((object["more"] as? [Any])?.count == 5)
        }
    }

    @Test("an event has type, turn, id and the members of its kind")
    func events() throws {
        let turnID = TurnID.generate()
        let message = MessageID.generate()
        let kinds: [TurnEvent.Kind] = [
            .started(model: "m"), .sources([Citation(n: 1, documentID: "d", title: "t", text: "x", score: 1)]),
            .delta("\"\n"), .replace(from: 3, text: "x"),
            .completed(
                messageID: message, textLength: 4, usage: TokenUsage(promptTokens: 1, completionTokens: 2),
                finishReason: .stop),
            .stopped(messageID: message), .failed(TurnFailure(code: "c", message: "m", retryable: true)),
        ]
        let members: [Set<String>] = [
            ["model"], ["passages"], ["text"], ["from", "text"],
            ["messageID", "textLength", "usage", "finishReason"], ["messageID"], ["code", "message", "retryable"],
        ]
        for (index, kind) in kinds.enumerated() {
            let event = TurnEvent(turnID: turnID, id: EventID(epoch: 2, sequence: index + 1), kind: kind)
            let object = try #require(JSONSerialization.jsonObject(with: Data(event.json)) as? [String: Any])
            #expect(object["type"] as? String == kind.name)
            #expect(object["turnID"] as? String == turnID.description)
            #expect(object["id"] as? String == "2-\(index + 1)")
            #expect(Set(object.keys).subtracting(["type", "turnID", "id"]) == members[index])
        }
    }
}
