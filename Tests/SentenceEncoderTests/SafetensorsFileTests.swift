//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation
import Testing

@testable import SentenceEncoder

@Suite("A file of tensors")
struct SafetensorsFileTests {
    private func file(_ header: String, data: Int, length: UInt64? = nil) -> [UInt8] {
        let count = length ?? UInt64(header.utf8.count)
        return withUnsafeBytes(of: count.littleEndian) { Array($0) } + Array(header.utf8)
            + [UInt8](repeating: 0, count: data)
    }

    private func read(_ bytes: [UInt8]) throws -> SafetensorsFile {
        try bytes.withUnsafeBytes { bytes throws(SentenceEncoderError) in try SafetensorsFile(bytes) }
    }

    private static let good =
        #"{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},"#
        + #""b":{"dtype":"F32","shape":[1],"data_offsets":[16,20]}}"#

    @Test("names, shapes and places are read")
    func good() throws {
        let tensors = try self.read(self.file(Self.good + "  ", data: 20)).tensors
        let start = 8 + Self.good.utf8.count + 2
        #expect(tensors["a"] == .init(type: "F32", shape: [2, 2], bytes: start..<start + 16))
        #expect(tensors["b"]?.bytes == start + 16..<start + 20)
        #expect(tensors.count == 2)
    }

    private static let badHeaders: [String] = [
        "", "{", "[]", "null", "{}x", #"{"a":1}"#,
        #"{"a":{"dtype":"F32","shape":[5],"data_offsets":[0,16]}}"#,
        #"{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,24]}}"#,
        #"{"a":{"dtype":"F32","shape":[4],"data_offsets":[16,0]}}"#,
        #"{"a":{"dtype":"F32","shape":[4],"data_offsets":[-16,0]}}"#,
        #"{"a":{"dtype":"F32","shape":[-4],"data_offsets":[0,16]}}"#,
        #"{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,16]}}"#,
        #"{"a":{"dtype":"F99","shape":[4],"data_offsets":[0,16]}}"#,
        #"{"a":{"dtype":"F32","shape":[4],"data_offsets":[0]}}"#,
        #"{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,18446744073709551615]}}"#,
        // A hole, an overlap, bytes that nobody owns.
        #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"#
            + #""b":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}}"#,
        #"{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]},"#
            + #""b":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}}"#,
        #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#,
    ]

    @Test("a header that does not fit the file is refused", arguments: badHeaders)
    func bad(header: String) {
        let error = #expect(throws: SentenceEncoderError.self) { try self.read(self.file(header, data: 16)) }
        #expect(error?.code == .damaged)
    }

    @Test("a length of the header that cannot be is refused", arguments: [0, 1, 1000, UInt64.max, 1 << 40])
    func badLength(length: UInt64) {
        #expect(throws: SentenceEncoderError.self) { try self.read(self.file("{}", data: 16, length: length)) }
    }

    @Test("a file cut anywhere is refused")
    func cut() {
        let whole = self.file(Self.good, data: 20)
        for count in whole.indices {
            #expect(throws: SentenceEncoderError.self) { try self.read(Array(whole[..<count])) }
        }
    }

    @Test("a folder without the files, or with damaged ones, says so")
    func folders() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        #expect(throws: SentenceEncoderError.self) { try SentenceEncoder(folder: folder.path) }
        func put(_ name: String, _ text: String) throws {
            try Data(text.utf8).write(to: folder.appendingPathComponent(name))
        }
        let config =
            #"{"model_type":"bert","hidden_act":"gelu","hidden_size":32,"intermediate_size":64,"#
            + #""num_attention_heads":2,"num_hidden_layers":1,"max_position_embeddings":64,"vocab_size":5,"#
            + #""layer_norm_eps":1e-12}"#
        try put("config.json", config.replacingOccurrences(of: "gelu", with: "relu"))
        try put("sentence_bert_config.json", #"{"max_seq_length":64}"#)
        try put("vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\nword")
        try put("model.safetensors", "not a file of tensors at all")
        #expect(throws: SentenceEncoderError.self) { try SentenceEncoder(folder: folder.path) }
        try put("config.json", config)
        let damaged = #expect(throws: SentenceEncoderError.self) { try SentenceEncoder(folder: folder.path) }
        #expect(damaged?.code == .damaged)
        let empty = withUnsafeBytes(of: UInt64(2).littleEndian) { Data($0) } + Data("{}".utf8)
        try empty.write(to: folder.appendingPathComponent("model.safetensors"))
        let lacking = #expect(throws: SentenceEncoderError.self) { try SentenceEncoder(folder: folder.path) }
        #expect(lacking?.message.contains("word_embeddings") == true)
    }
}
