//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ParleyCore
import SeededRandom
import Testing

@testable import ParleyModels

@Suite("Chunks of an answer")
struct ChunkParserTests {
    private func parse(_ json: String) throws -> ModelChunk {
        try self.parse(Array(json.utf8))
    }

    private func parse(_ bytes: [UInt8]) throws -> ModelChunk {
        var parser = ChunkParser()
        return try parser.parse(bytes.span)
    }

    @Test("content is unescaped, finish reason, usage and errors are read")
    func members() throws {
        let delta = try self.parse(
            #"{"id":"x","model":"m","choices":[{"index":0,"delta":{"content":"a\n\"\u00e9\ud83d\ude00/\/"},"#
                + #""finish_reason":null}],"usage":null}"#
        )
        #expect(delta.content == "a\n\"é😀//")
        #expect(delta.finishReason == nil)
        #expect(delta.usage == nil)
        #expect(try self.parse(#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#).finishReason == "stop")
        #expect(
            try self.parse(#"{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}}"#).usage
                == TokenUsage(promptTokens: 3, completionTokens: 4))
        #expect(
            try self.parse(#"{"error":{"message":"no","type":"t","code":"c"}}"#).error
                == ModelChunk.ServerMessage(message: "no", code: "c"))
        #expect(try self.parse(#"{"error":{"message":"no","type":"t","code":null}}"#).error?.code == "t")
        #expect(try self.parse(#"{"error":{"code":429}}"#).error?.status == 429)
        #expect(try self.parse(#"{"error":"no"}"#).error?.message == "no")
    }

    @Test("empty choices, null, unknown members and unexpected types are passed over")
    func tolerance() throws {
        for json in [
            "{}", #"{"choices":[]}"#, #"{"choices":null}"#, #"{"choices":[{"delta":{"content":null}}]}"#,
            #"{"choices":[{"delta":null}]}"#, #"{"choices":{"delta":1}}"#, #"{"choices":[1,[2],"x"]}"#,
            #"{"choices":[{"delta":{"content":["a"]}}],"x":{"y":[{"z":1e400}]}}"#, #"{"error":null,"usage":[]}"#,
            #" {"model":5} "#,
        ] {
            #expect(try self.parse(json) == ModelChunk(), "\(json)")
        }
    }

    @Test("only the first choice counts")
    func firstChoice() throws {
        let chunk = try self.parse(
            #"{"choices":[{"delta":{"content":"a"}},{"delta":{"content":"b"},"finish_reason":"stop"}]}"#)
        #expect(chunk.content == "a")
        #expect(chunk.finishReason == nil)
    }

    @Test("a whole answer is read like a chunk, and a refusal is text")
    func whole() throws {
        #expect(try self.parse(#"{"choices":[{"message":{"role":"assistant","content":"hi"}}]}"#).content == "hi")
        #expect(try self.parse(#"{"choices":[{"delta":{"content":null,"refusal":"no"}}]}"#).content == "no")
    }

    @Test("reasoning and tool calls are progress without text")
    func progress() throws {
        for json in [
            #"{"choices":[{"delta":{"reasoning_content":"hm"}}]}"#, #"{"choices":[{"delta":{"reasoning":"hm"}}]}"#,
            #"{"choices":[{"delta":{"content":null,"tool_calls":[{"index":0}]}}]}"#,
        ] {
            let chunk = try self.parse(json)
            #expect(chunk.hasProgress, "\(json)")
            #expect(chunk.content == nil)
        }
        #expect(try !self.parse(#"{"choices":[{"delta":{"role":"assistant","content":""}}]}"#).hasProgress)
    }

    @Test("bytes that are not UTF-8 and halves of surrogate pairs become U+FFFD")
    func repair() throws {
        #expect(try self.parse(#"{"choices":[{"delta":{"content":"a\ud83db"}}]}"#).content == "a\u{FFFD}b")
        #expect(
            try self.parse(#"{"choices":[{"delta":{"content":"\ude00\ud83d\ude00\\ud83d"}}]}"#).content
                == "\u{FFFD}😀\\ud83d")
        let broken = Array(#"{"choices":[{"delta":{"content":"a"#.utf8) + [0xC3] + Array(#""}}]}"#.utf8)
        #expect(try self.parse(broken).content == "a\u{FFFD}")
    }

    @Test("every beginning of a chunk, and what is not an object, is malformed")
    func malformed() {
        let json = #"{"choices":[{"delta":{"content":"a\n\u00e9"},"finish_reason":null}],"usage":{"prompt_tokens":1}}"#
        for count in 0..<json.utf8.count {
            #expect(throws: ChunkParser.Failure.malformed, "\(count) bytes") {
                try self.parse(Array(json.utf8.prefix(count)))
            }
        }
        for json in [
            "[]", "null", "5", "\"x\"", "{}{}", "{} x", "{\"a\" 1}", "{\"a\":1,}", "\u{FEFF}{}",
        ] {
            #expect(throws: ChunkParser.Failure.malformed, "\(json)") { try self.parse(json) }
        }
    }

    @Test("random damage never crashes, and a sound chunk is read after it", arguments: 0..<50)
    func damage(seed: Int) throws {
        var random = SeededGenerator(seed: seed)
        var parser = ChunkParser()
        let sound = Array(
            (#"{"id":"x","choices":[{"index":0,"delta":{"content":"a\u00e9\ud83d\ude00"},"finish_reason":null}],"#
                + #""error":null,"usage":{"prompt_tokens":12,"completion_tokens":3}}"#).utf8)
        for _ in 0..<200 {
            var damaged = sound
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let index = Int.random(in: 0..<damaged.count, using: &random)
                switch Int.random(in: 0..<4, using: &random) {
                case 0: damaged[index] = UInt8.random(in: 0...255, using: &random)
                case 1: damaged.remove(at: index)
                case 2: damaged.insert(Array("{}[]\",:\\u0".utf8).randomElement(using: &random) ?? 0, at: index)
                default: damaged.removeSubrange(index...)
                }
                if damaged.isEmpty { break }
            }
            _ = try? parser.parse(damaged.span)
        }
        let chunk = try parser.parse(sound.span)
        #expect(chunk.content == "aé😀")
    }

    @Test("chunks larger than any before fit, and deep nesting is harmless")
    func sizes() throws {
        var parser = ChunkParser()
        for size in [10, 5000, 100, 300_000, 7] {
            let text = String(repeating: "ä", count: size)
            let json = Array(#"{"choices":[{"delta":{"content":"\#(text)"}}]}"#.utf8)
            let chunk = try parser.parse(json.span)
            #expect(chunk.content == text)
        }
        let deep = Array(
            (#"{"x":"# + String(repeating: "[", count: 100_000) + String(repeating: "]", count: 100_000) + "}").utf8)
        _ = try? parser.parse(deep.span)
        let empty = Array("{}".utf8)
        let after = try parser.parse(empty.span)
        #expect(after == ModelChunk())
    }

    @Test("a request's model, its place, and stream are found")
    func outline() throws {
        var parser = ChunkParser()
        let body = Array(#"{ "messages":[{"model":"no"}], "model" : "a\"é" , "stream":true}"#.utf8)
        let outline = try parser.parseRequest(body.span)
        #expect(outline.model == "a\"é")
        #expect(outline.stream)
        let range = try #require(outline.modelRange)
        #expect(String(decoding: body[range], as: UTF8.self) == #""a\"é""#)
        let other = Array(#"{"model":null,"stream":"yes"}"#.utf8)
        let empty = try parser.parseRequest(other.span)
        #expect(empty == RequestOutline())
        #expect(throws: ChunkParser.Failure.malformed) {
            var parser = ChunkParser()
            let list = Array("[1]".utf8)
            return try parser.parseRequest(list.span)
        }
    }
}
