//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Testing

@testable import SentenceEncoder

@Suite("The sentence encoder", .needsWeights, .timeLimit(.minutes(1)))
struct SentenceEncoderTests {
    @Test("every vector is the reference's", arguments: [false, true])
    func vectors(portable: Bool) throws {
        let encoder = try (portable ? Model.portable : Model.shared).get()
        #expect(!portable || encoder.kernels == "portable")
        let reference: [Reference.Vector] = try Reference.read("vectors")
        let vectors = try encoder.encode(reference.map(\.text))
        #expect(vectors.count == reference.count)
        for (vector, expected) in zip(vectors, reference) {
            #expect(cosine(vector, expected.vector) > 0.9999, "\(expected.text.prefix(40))")
            #expect(abs(cosine(vector, vector) - 1) < 1e-5)
        }
    }

    @Test("a text's vector is the same alone and among others, and however often it is asked for")
    func independent() throws {
        let encoder = try Model.shared.get()
        let texts = ["short", "a somewhat longer text about the weather", String(repeating: "long ", count: 300), ""]
        let together = try encoder.encode(texts)
        for (text, vector) in zip(texts, together) {
            let alone = try encoder.encode([text])
            #expect(zip(alone[0], vector).allSatisfy { abs($0 - $1) < 1e-6 })
        }
        #expect(try encoder.encode(texts) == together)
        #expect(try encoder.encode([]) == [])
    }

    @Test("meanings that are close have vectors that are close")
    func meaning() throws {
        let vectors = try Model.shared.get().encode([
            "How do I restore a backup?", "Bringing back data from a saved copy", "The cat sat on the mat",
        ])
        #expect(cosine(vectors[0], vectors[1]) > cosine(vectors[0], vectors[2]) + 0.2)
    }

    @Test("one thread makes the same vectors as many")
    func threads() throws {
        let one = try SentenceEncoder(folder: Model.folder, threads: 1)
        let texts = (0..<12).map { String(repeating: "sentence number \($0) ", count: $0 + 1) }
        #expect(try one.encode(texts) == Model.shared.get().encode(texts))
    }
}
