//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCore
import SeededRandom
import Testing

@testable import ParleyCluster

@Suite("Events as entries of a Redis stream")
struct LogRecordTests {
    @Test("every kind is read back exactly")
    func kinds() {
        let citation = Citation(n: 1, documentID: "d", title: "T\u{0}\"", page: 3, text: "l\n1", score: 0.1 + 0.2)
        let odd = Citation(n: -1, documentID: "", title: "", text: "", score: .infinity)
        let kinds: [TurnEvent.Kind] = [
            .started(model: "gpt-4.1 \"mini\""), .sources([]), .sources([citation, odd]), .delta(""),
            .delta("Ünïcødé 👩‍👩‍👧 \u{FEFF}\u{0}\r\n"), .replace(from: 0, text: ""), .replace(from: 7, text: "e\u{301}"),
            .completed(messageID: .generate(), textLength: 9, usage: nil, finishReason: .stop),
            .completed(
                messageID: .generate(), textLength: .max, usage: TokenUsage(promptTokens: 1, completionTokens: 2),
                finishReason: .other("weird")),
            .stopped(messageID: .generate()), .failed(TurnFailure(code: "c", message: "m", retryable: true)),
        ]
        for kind in kinds {
            #expect(LogRecord(kind).kind == kind)
        }
    }

    @Test("texts of any scalars are read back scalar by scalar")
    func texts() {
        var random = SeededGenerator(seed: 4)
        for _ in 0..<500 {
            let scalars = (0..<Int.random(in: 0...40, using: &random)).map { _ in
                Unicode.Scalar(UInt32.random(in: 0...0x10FFFF, using: &random)) ?? "?"
            }
            var view = String.UnicodeScalarView()
            view.append(contentsOf: scalars)
            let text = String(view)
            for kind in [TurnEvent.Kind.delta(text), .replace(from: 1, text: text), .started(model: text)] {
                let back = LogRecord(kind).kind
                #expect(back.map(Self.scalars) == scalars, "\(kind.name)")
            }
        }
    }

    private static func scalars(_ kind: TurnEvent.Kind) -> [Unicode.Scalar] {
        switch kind {
        case .delta(let text), .replace(_, let text), .started(let text): Array(text.unicodeScalars)
        default: []
        }
    }

    @Test("what is none of ours is nothing")
    func strangers() {
        #expect(LogRecord(name: "delta", payload: [0xFF]).kind == nil)
        #expect(LogRecord(name: "started", payload: Array("{}".utf8)).kind == nil)
        #expect(LogRecord(name: "replace", payload: Array("{\"from\":1}".utf8)).kind == nil)
        #expect(LogRecord(name: "unheard-of", payload: Array("{}".utf8)).kind == nil)
        #expect(LogRecord(name: "failed", payload: []).kind == nil)
    }
}
