//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation
import ParleyCore

/// One event as an entry of a Redis stream: `<epoch>-<sequence>` is the entry's id, the event's name its only field.
///
/// The value is the bare text of a `delta`, which is nearly every event, and a JSON object for the others. An entry
/// reads well in `redis-cli XRANGE`.
struct LogRecord: Hashable, Sendable {
    var name: String
    var payload: [UInt8]

    init(name: String, payload: [UInt8]) {
        self.name = name
        self.payload = payload
    }

    init(_ kind: TurnEvent.Kind) {
        self.name = kind.name
        if case .delta(let text) = kind {
            self.payload = Array(text.utf8)
        } else {
            let encoder = JSONEncoder()
            // A score may be anything; everything else that is encoded has a form in JSON.
            encoder.nonConformingFloatEncodingStrategy = .convertToString(
                positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
            self.payload = (try? encoder.encode(Members(kind))).map { Array($0) } ?? []
        }
    }

    /// What the entry says; `nil` when it is none of ours.
    var kind: TurnEvent.Kind? {
        if self.name == "delta" {
            return String(validating: self.payload, as: UTF8.self).map { .delta($0) }
        }
        let decoder = JSONDecoder()
        decoder.nonConformingFloatDecodingStrategy = .convertFromString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        return (try? decoder.decode(Members.self, from: Data(self.payload)))?.kind(self.name)
    }

    /// The members of every kind but `delta`; those of the kind are there.
    private struct Members: Codable {
        var model: String?
        var passages: [Citation]?
        var from: Int?
        var text: String?
        var messageID: MessageID?
        var textLength: Int?
        var usage: TokenUsage?
        var finishReason: String?
        var failure: TurnFailure?

        init(_ kind: TurnEvent.Kind) {
            switch kind {
            case .started(let model): self.model = model
            case .sources(let passages): self.passages = passages
            case .delta(let text): self.text = text
            case .replace(let from, let text):
                self.from = from
                self.text = text
            case .completed(let messageID, let textLength, let usage, let finishReason):
                self.messageID = messageID
                self.textLength = textLength
                self.usage = usage
                self.finishReason = finishReason.name
            case .stopped(let messageID): self.messageID = messageID
            case .failed(let failure): self.failure = failure
            }
        }

        func kind(_ name: String) -> TurnEvent.Kind? {
            switch name {
            case "started": self.model.map { .started(model: $0) }
            case "sources": self.passages.map { .sources($0) }
            case "replace": self.replacement
            case "completed": self.completion
            case "stopped": self.messageID.map { .stopped(messageID: $0) }
            case "failed": self.failure.map { .failed($0) }
            default: nil
            }
        }

        private var replacement: TurnEvent.Kind? {
            guard let from, let text else { return nil }
            return .replace(from: from, text: text)
        }

        private var completion: TurnEvent.Kind? {
            guard let messageID, let textLength, let finishReason else { return nil }
            return .completed(
                messageID: messageID, textLength: textLength, usage: self.usage,
                finishReason: FinishReason(finishReason))
        }
    }
}
