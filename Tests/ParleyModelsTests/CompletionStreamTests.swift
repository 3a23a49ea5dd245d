//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation
import NIOCore
import ParleyCore
import SeededRandom
import Testing

@testable import ParleyModels
@testable import ParleyTesting

@Suite("Text out of a response's bytes")
struct CompletionStreamTests {
    private struct Result: Equatable {
        var text = ""
        var completion: ModelCompletion?
        var error: ModelError?
    }

    private func read(_ pieces: [[UInt8]], maximumBytes: Int = CoreLimits.answerBytes) throws -> Result {
        var stream = CompletionStream(
            endpoint: try ModelEndpoint(baseURL: "http://host"), maximumBytes: maximumBytes)
        var result = Result()
        do throws(ModelError) {
            for piece in pieces where !stream.isComplete {
                try stream.feed(ByteBuffer(bytes: piece))
                result.text += stream.takeText()
            }
            result.completion = stream.isComplete ? stream.completion : try stream.finish()
        } catch {
            result.error = error
        }
        result.text += stream.takeText()
        return result
    }

    private func body(_ script: ModelScript, streams: Bool = true) -> [UInt8] {
        let answer = ScriptedAnswer(
            .init(
                script: script, model: "m", text: "Grüße, 世界! 😀 \"\\\n\tend", streams: streams, includesUsage: true))
        return Array(answer.joined.readableBytesView)
    }

    @Test(
        "every split of a response in two, and random splits, give the same text and the same end",
        arguments: [
            ModelScript(),
            ModelScript {
                $0.lineEnd = .crlf; $0.sendsByteOrderMark = true
            },
            ModelScript {
                $0.lineEnd = .cr; $0.sendsComments = true; $0.sendsDone = false
            },
            ModelScript { $0.fault = .end(after: 2) }, ModelScript { $0.fault = .badJSON(after: 2) },
            ModelScript { $0.fault = .errorEvent(after: 2) }, ModelScript { $0.ignoresStream = true },
        ])
    func splits(script: ModelScript) throws {
        let body = self.body(script)
        let whole = try self.read([body])
        #expect((whole.completion == nil) == (script.fault != nil))
        for split in 0...body.count {
            #expect(try self.read([Array(body[..<split]), Array(body[split...])]) == whole, "split at \(split)")
        }
        for seed in 0..<30 {
            var random = SeededGenerator(seed: seed)
            #expect(try self.read(body.cut(using: &random, longest: 40)) == whole, "seed \(seed)")
        }
    }

    @Test("every beginning of a stream is truncated, until its finish reason is there")
    func beginnings() throws {
        let body = self.body(ModelScript { $0.sendsUsage = false })
        let text = String(decoding: body, as: UTF8.self)
        let finish = try #require(text.range(of: "\"finish_reason\":\"stop\""))
        let end = text.utf8.distance(from: text.startIndex, to: finish.upperBound)
        for count in 0..<body.count {
            let result = try self.read([Array(body[..<count])])
            if count < end {
                #expect(result.error?.isRetryable == true, "\(count) bytes")
            } else if count >= end + 4 {
                #expect(result.completion?.finishReason == .stop, "\(count) bytes")
            }
        }
    }

    @Test("the limit on the answer cuts between characters, wherever it falls", arguments: 1..<40)
    func limit(bytes: Int) throws {
        let all = try self.read([self.body(ModelScript())]).text
        let cut = try self.read([self.body(ModelScript())], maximumBytes: bytes)
        #expect(all.hasPrefix(cut.text))
        #expect(cut.text.utf8.count <= bytes)
        #expect(all.utf8.count <= bytes || cut.completion?.finishReason == .length)
        #expect(all.utf8.count <= bytes || bytes - cut.text.utf8.count < 4)
    }
}
