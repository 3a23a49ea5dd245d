//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ArgumentParser
import Foundation
import ParleyTesting

/// Runs the scripted model server by itself, for tests and benchmarks from outside.
@main
struct ScriptedModel: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scripted-model",
        abstract: "A model server that does what its model names say.",
        discussion: """
            Speaks OpenAI's /v1/models and /v1/chat/completions on 127.0.0.1. The name of the model is the script, words
            joined by hyphens: scripted-ttft50-itl20-len100 answers with 100 words, the first after 50 ms, the others
            20 ms apart.

            ttftN itlN     delay of the first word, and between words, in ms
            lenN           words in the answer
            echo text      answer with the last user message, with --text-file
            cutN rstN endN close, reset, or end the response after N words
            hang hangN     no answer, or no more after N words
            badjsonN errorN  a chunk that is no JSON, an error event, after N words
            sN raN         refuse with status N, with Retry-After
            fragN crlf cr bom comments  how the stream is written
            nodone nofinish nousage open drop  what is left out at its end
            whole reasonN close redirect garbage
            """)

    @Option(help: "The port; 0 takes a free one.")
    var port = 0

    @Option(help: "A file to write the port into.")
    var portFile: String?

    @Option(help: "A file whose text the model scripted-text answers with.")
    var textFile: String?

    mutating func run() async throws {
        let text = try self.textFile.map { try String(contentsOfFile: $0, encoding: .utf8) }
        let server = try await ScriptedModelServer.start(port: self.port, text: text, records: false)
        if let file = self.portFile {
            try String(server.port).write(toFile: file, atomically: true, encoding: .utf8)
        }
        // Not `print`, which keeps the line back while the output is a pipe.
        try FileHandle.standardOutput.write(contentsOf: Data("listening on http://127.0.0.1:\(server.port)\n".utf8))
        await server.closed()
    }
}
