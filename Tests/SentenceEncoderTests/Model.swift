//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation
import Testing

@testable import SentenceEncoder

/// The model's files, which set-up fetches.
enum Model {
    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent(".vendor/encoder").path

    static var isThere: Bool { FileManager.default.fileExists(atPath: Self.folder + "/model.safetensors") }

    /// Loaded once for all tests.
    static let shared = Result { try SentenceEncoder(folder: Self.folder) }

    /// Loaded anew with the kernels for any processor.
    static let portable = Result { try SentenceEncoder(folder: Self.folder, threads: 2, portable: true) }
}

extension Trait where Self == ConditionTrait {
    /// Skips a test when the weights were not fetched.
    static var needsWeights: Self {
        .enabled(if: Model.isThere, "the model is not in .vendor/encoder: run scripts/fetch-encoder-weights")
    }
}

/// What the reference made of texts: Benchmarks/encoder/fixtures.py.
enum Reference {
    struct Tokens: Decodable {
        var text: String
        var ids: [Int32]
        var count: Int
    }

    struct Vector: Decodable {
        var text: String
        var vector: [Float]
    }

    static func read<Value: Decodable>(_ name: String) throws -> [Value] {
        let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("Fixtures/\(name).json")
        return try JSONDecoder().decode([Value].self, from: Data(contentsOf: path))
    }
}

func cosine(_ one: [Float], _ other: [Float]) -> Float {
    let product = zip(one, other).reduce(0) { $0 + $1.0 * $1.1 }
    let lengths = one.reduce(0) { $0 + $1 * $1 } * other.reduce(0) { $0 + $1 * $1 }
    return product / lengths.squareRoot()
}
