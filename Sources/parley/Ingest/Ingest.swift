//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import ArgumentParser
import Foundation
import Logging
import Metrics
import ParleyChat
import ParleyCluster
import ParleyCore
import ParleyHTTP
import ParleyKnowledge
import ParleyStore
import ServiceLifecycle
import Synchronization
import UnixSignals

/// `parley ingest`: files, folders and links into a collection.
struct Ingest: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Take files, folders and web pages into the knowledge base.",
        discussion: """
            Works on the data folder itself, whether a server is running on it or not: a running server reads the \
            documents, otherwise this command does. It can be ended at any time and run again: what is there already \
            is passed over by its content, and a document that was half read goes on where it was.

            Hidden files, links that lead out of the folders, and files without text are passed over. A document is \
            called by its path below the folder, with the folder's name in front; a changed file takes the place of \
            its document. Exits with 1 when any file failed.
            """)

    @OptionGroup var options: SettingsOptions

    @Argument(help: "Files, folders, or http and https links.")
    var paths: [String]

    @Option(help: "The collection; it is made when there is none of this name.")
    var collection = KnowledgeCollection.defaultName

    @Option(help: "The e-mail address of the user who owns the documents; needed where there are accounts.")
    var user: String?

    @Flag(help: "Go on and take files as they change.")
    var watch = false

    @Flag(help: "Remove documents of the given folders whose files are gone.")
    var delete = false

    private final class Outcome: Sendable {
        let hasFailed = Mutex<Bool?>(nil)
    }

    func run() async throws {
        let settings = try await Settings(options: self.options)
        LoggingSetup.bootstrap(settings, quietly: true)
        let logger = Logger(label: "parley")
        let (roots, links) = try self.targets()
        let store: SQLiteStore
        do {
            store = try SQLiteStore(path: settings.databasePath)
        } catch {
            throw StartError("the data folder \(settings.dataDir) cannot be used: \(error.message)")
        }
        do {
            try await self.ingest(roots, links, settings, store, logger)
        } catch let error as StoreError {
            throw StartError(error.message)
        }
    }

    private func ingest(
        _ roots: [IngestRoot], _ links: [String], _ settings: Settings, _ store: SQLiteStore, _ logger: Logger
    ) async throws {
        let owner = try await self.owner(in: store, settings)
        let collection = try await store.collection(named: self.collection, owner: owner, at: .now())
        let embedders = try EmbedderAccess(settings: settings, logger: logger)
        let knowledge = KnowledgeServices(settings: settings, store: store, embedders: embedders, logger: logger)
        let screen = IngestScreen()
        let board = IngestBoard(screen: screen)
        let outcome = Outcome()
        var timing = JobRunner.Timing()
        // What is handed back at once is read on from where it was.
        timing.drainPatience = .zero
        let run = IngestRun(
            plan: .init(
                roots: roots, links: links, collection: collection, owner: owner, deletes: self.delete,
                watches: self.watch, dataDir: settings.dataDir),
            store: store,
            runner: JobRunner(
                store: store, queue: InProcessJobQueue(), handlers: [knowledge.ingestion],
                node: NodeID("ingest-\(getpid())"), timing: timing, logger: logger),
            board: board, screen: screen, fetch: { try await LinkIngestion.fetch($0, into: $1) },
            ended: { skipped in
                screen.clear()
                Self.report(board, skipped, screen)
                outcome.hasFailed.withLock { $0 = board.now.counts.failed > 0 }
            })
        if knowledge.embedder == nil { screen.say(knowledge.absence) }
        try await Self.supervise(run, logger)
        await embedders.shutdown()
        try? await store.close()
        guard let hasFailed = outcome.hasFailed.withLock({ $0 }) else {
            screen.clear()
            FileHandle.standardError.write(
                Data("Interrupted. What was taken is safe; run the same command again to go on.\n".utf8))
            throw ExitCode(130)
        }
        if hasFailed { throw ExitCode.failure }
    }

    private static func supervise(_ run: IngestRun, _ logger: Logger) async throws {
        var quiet = logger
        quiet.logLevel = .error
        let group = ServiceGroup(
            configuration: .init(
                services: [
                    .init(
                        service: run, successTerminationBehavior: .gracefullyShutdownGroup,
                        failureTerminationBehavior: .gracefullyShutdownGroup)
                ],
                gracefulShutdownSignals: [.sigterm, .sigint], logger: quiet))
        do {
            try await group.run()
        } catch is CancellationError {
        }
    }

    private static func report(_ board: IngestBoard, _ skipped: FolderWalk.Result, _ screen: IngestScreen) {
        screen.say(board.summary(skipped))
        let state = board.now
        for (name, reason) in state.failures {
            FileHandle.standardError.write(Data("failed     \(IngestScreen.safe(name)): \(reason)\n".utf8))
        }
        let others = state.counts.failed - state.failures.count
        if others > 0 { FileHandle.standardError.write(Data("and \(others) others\n".utf8)) }
    }

    // MARK: What and whose

    private func targets() throws -> (roots: [IngestRoot], links: [String]) {
        let links = self.paths.filter { $0.hasPrefix("http://") || $0.hasPrefix("https://") }
        let roots = try self.paths.filter { !links.contains($0) }.map { try IngestRoot($0) }
        var names: [String: IngestRoot] = [:]
        for root in roots {
            if let other = names[root.name], other.realPath != root.realPath {
                throw StartError(
                    "\(other.path) and \(root.path) would both be called \(root.name): "
                        + "take them into two collections.")
            }
            names[root.name] = root
        }
        return (roots.filter { names[$0.name] == $0 }, links)
    }

    private func owner(in store: SQLiteStore, _ settings: Settings) async throws -> UserID {
        if let user = self.user {
            guard let found = try await store.credentials(email: user.lowercased()) else {
                throw StartError("There is no user \(user).")
            }
            return found.user.id
        }
        guard try await store.userCount() == 0 else {
            throw StartError("There are accounts in this data folder: say whose the documents are with --user EMAIL.")
        }
        guard settings.mode == .open else {
            throw StartError("There are no accounts yet: make the first one in the browser.")
        }
        do {
            try await store.create(User.local, passwordHash: nil, onlyIfFirst: false)
        } catch {
            guard error.code == .conflict else { throw error }
        }
        return User.local.id
    }
}
