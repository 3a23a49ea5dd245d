//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ArgumentParser
import Foundation
import SentenceEncoder

/// Encodes texts on behalf of Benchmarks/encoder: a JSON object a line in, one out.
///
/// `{"texts": […]}` gives `{"seconds": …, "vectors": [[…]]}`; with `"tokens": true` it gives `{"ids": [[…]]}` instead,
/// with `"vectors": false` only the seconds.
@main
struct SentenceEncode: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "sentence-encode")

    @Option(help: "Where the model's files are.")
    var folder = ".vendor/encoder"

    @Option(help: "Threads that work on one batch.")
    var threads = 2

    private struct Request: Decodable {
        var texts: [String]
        var tokens: Bool?
        var vectors: Bool?
    }

    private struct Answer: Encodable {
        var seconds: Double?
        var vectors: [[Float]]?
        var ids: [[Int32]]?
    }

    func run() throws {
        let encoder = try SentenceEncoder(folder: self.folder, threads: self.threads)
        FileHandle.standardError.write(Data("kernels: \(encoder.kernels)\n".utf8))
        let json = JSONEncoder()
        while let line = readLine() {
            let request = try JSONDecoder().decode(Request.self, from: Data(line.utf8))
            var answer = Answer()
            if request.tokens == true {
                answer.ids = request.texts.map { encoder.tokenizer.tokens(in: $0).map(\.id) }
            } else {
                let start = ContinuousClock.now
                let vectors = try encoder.encode(request.texts)
                let time = (ContinuousClock.now - start).components
                answer.seconds = Double(time.seconds) + Double(time.attoseconds) / 1e18
                if request.vectors != false { answer.vectors = vectors }
            }
            FileHandle.standardOutput.write(try json.encode(answer) + Data("\n".utf8))
        }
    }
}
