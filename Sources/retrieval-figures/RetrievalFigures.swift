//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ArgumentParser
import Foundation
import Logging
import ParleyCore
import ParleyKnowledge
import ParleyModels
import ParleyStore

/// Searches a collection on behalf of Benchmarks/retrieval, by the code that `parley serve` runs.
///
/// Standard input has one JSON object a line: `{"id": …, "title": …, "text": …}` is a document, `{"id": …, "query":
/// …}` a query. Standard output has one for each query: for each way of searching the documents with their scores, best
/// first, and the milliseconds that it took.
@main
struct RetrievalFigures: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "retrieval-figures")

    @Option(help: "Where the embedding model's files are.")
    var encoder = ".vendor/encoder"

    @Option(help: "An empty folder for the database.")
    var folder: String

    func run() async throws {
        var (documents, queries): ([Line], [Line]) = ([], [])
        while let text = readLine() {
            let line = try JSONDecoder().decode(Line.self, from: Data(text.utf8))
            if line.query == nil { documents.append(line) } else { queries.append(line) }
        }
        let library = try await Library(folder: self.folder, embedder: LocalEmbedder(folder: self.encoder))
        try await library.add(documents)
        for query in queries {
            let answer = try await library.answer(query)
            FileHandle.standardOutput.write(try JSONEncoder().encode(answer) + Data("\n".utf8))
        }
    }
}

struct Line: Decodable {
    var id: String
    var title: String?
    var text: String?
    var query: String?
}

struct Answer: Encodable {
    struct Way: Encodable {
        /// Each document once, at its best passage.
        var documents: [String] = []
        var scores: [Double] = []
        var milliseconds = 0.0
    }

    var id: String
    var ways: [String: Way]
}
