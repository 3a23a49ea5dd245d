//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ArgumentParser
import Foundation
import Logging
import ParleyCore
import ParleyHTTP
import ParleyKnowledge
import ParleyStore

/// `parley doctor`: what is in force, and whether it works.
struct Doctor: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show the settings in force, the limits, and what does not work.",
        discussion: """
            Reads the same settings as `parley serve`, opens the data folder and asks each model server for its \
            models. Secrets are never shown. Exits with 1 when something that `serve` needs does not work.
            """)

    @OptionGroup var options: SettingsOptions

    @Flag(help: "Also show every named limit.")
    var limits = false

    func run() async throws {
        let settings = try await Settings(options: self.options)
        print("Parley \(BuildInformation.description)\n\nSettings")
        for (name, value) in settings.shown {
            print("  \(name.padding(toLength: 26, withPad: " ", startingAt: 0)) \(value)")
        }
        print("\nChecks")
        var failed = false
        for check in await self.checks(settings) {
            print("  \(check.mark) \(check.text)")
            failed = failed || check.mark == .failed
        }
        if self.limits {
            print("\nLimits")
            for limit in LimitsList.all {
                let name = "\(limit.room).\(limit.name)"
                print("  \(name.padding(toLength: 48, withPad: " ", startingAt: 0)) \(limit.value)")
            }
        }
        if failed { throw ExitCode.failure }
    }
}

extension Doctor {
    struct Check {
        enum Mark: String, CustomStringConvertible {
            case good = "ok      "
            case missing = "missing "
            case failed = "FAILED  "

            var description: String { self.rawValue }
        }

        var mark: Mark
        var text: String
    }

    private func checks(_ settings: Settings) async -> [Check] {
        let program = await [
            self.database(settings), self.models(settings), self.embedder(settings), self.manual(settings),
            self.browserLibraries(settings),
        ]
        return program + (await self.clusterChecks(settings)) + (await self.knowledgeChecks(settings))
    }

    private func database(_ settings: Settings) async -> Check {
        do {
            try await SQLiteStore(path: settings.databasePath).check()
            return Check(mark: .good, text: "data folder \(settings.dataDir)")
        } catch {
            return Check(mark: .failed, text: "data folder \(settings.dataDir): \(error)")
        }
    }

    private func models(_ settings: Settings) async -> Check {
        guard !settings.openAI.baseURLs.isEmpty else {
            return Check(
                mark: .missing,
                text: "model server: none; the local model answers. Set OPENAI_API_KEY or OPENAI_BASE_URL.")
        }
        do {
            // Without a default name the list comes from the servers alone.
            var settings = settings
            settings.model = nil
            let access = try ModelAccess(settings: settings, logger: Logger(label: "parley"))
            let names = await access.model.models().map(\.name)
            await access.shutdown()
            guard names != ["default"] else {
                return Check(
                    mark: .failed, text: "model server: none told its models; is it running, is the key right?")
            }
            return Check(mark: .good, text: "model server: \(names.count) models, first \(names.first ?? "")")
        } catch {
            return Check(mark: .failed, text: "model server: \(error)")
        }
    }

    private func embedder(_ settings: Settings) async -> Check {
        do {
            let access = try EmbedderAccess(settings: settings, logger: Logger(label: "parley"))
            guard let embedder = access.embedder else { return Check(mark: .missing, text: access.description) }
            let check: Check
            do throws(EmbedderError) {
                let vectors = try await embedder.embed(["Is anybody there?"], purpose: .query)
                check = Check(mark: .good, text: "\(access.description): \(vectors.first?.count ?? 0) dimensions")
            } catch {
                check = Check(mark: .failed, text: "\(access.description): \(error.message)")
            }
            await access.shutdown()
            return check
        } catch {
            return Check(mark: .failed, text: "embedding model: \(error)")
        }
    }

    private func manual(_ settings: Settings) -> Check {
        FileManager.default.fileExists(atPath: settings.guideFolder)
            ? Check(mark: .good, text: "manual in \(settings.guideFolder)")
            : Check(mark: .missing, text: "manual: set PARLEY_GUIDE_DIR; the local model has nothing to quote")
    }

    private func browserLibraries(_ settings: Settings) -> Check {
        settings.vendorFolder.map { Check(mark: .good, text: "browser libraries in \($0)") }
            ?? Check(mark: .missing, text: "browser libraries: run scripts/setup; the page works plainer without")
    }
}
