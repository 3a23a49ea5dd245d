//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ArgumentParser

/// The program: one subcommand, one file.
@main
struct Parley: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "parley",
        abstract: "A self-hosted AI chat that keeps answering when its processes die.",
        discussion: """
            Start it with `parley serve` and open the address that it prints. Without a model server it answers \
            from its own manual; set OPENAI_API_KEY or OPENAI_BASE_URL to connect one.
            """,
        version: BuildInformation.description,
        subcommands: [Serve.self, Worker.self, Ingest.self, Doctor.self])
}
