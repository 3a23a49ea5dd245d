//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation
import Logging
import ParleyChat
import ParleyCore
import ParleyKnowledge
import ServiceLifecycle

/// One run of `parley ingest`: takes files into the store, sees to it that they are read, and follows them to the end.
struct IngestRun: Service {
    /// What it works on.
    struct Plan: Sendable {
        var roots: [IngestRoot]
        var links: [String]
        var collection: StoredCollection
        var owner: UserID
        /// Removes documents whose files are gone.
        var deletes: Bool
        var watches: Bool
        var dataDir: String
    }

    typealias Store = DocumentStore & PassageStore & JobStore

    let plan: Plan
    let store: any Store
    /// Reads documents here when no server does.
    let runner: JobRunner
    let board: IngestBoard
    let screen: IngestScreen
    let fetch: @Sendable (_ link: String, _ copy: FileCopy) async throws -> String
    /// Is told whether all went well.
    let ended: @Sendable (_ skipped: FolderWalk.Result) -> Void

    var addition: FileAddition {
        FileAddition(
            documents: self.store, collection: self.plan.collection.collection.id, owner: self.plan.owner,
            folder: self.plan.dataDir + "/tmp")
    }

    func run() async throws {
        async let _: Void = self.draw()
        async let reading: Void = self.read()
        do {
            try await cancelWhenGracefulShutdown { try await self.ingest() }
        } catch is CancellationError {
            // What is being read here is handed back, so that the next run need not wait for a lease to run out.
            try? await reading
            throw CancellationError()
        }
        // A document is ready a moment before its job is told so. Leaving cancels drawing and reading.
        let end = ContinuousClock.now + KnowledgeLimits.lastJobPatience
        while self.runner.runningJobs > 0, ContinuousClock.now < end {
            try await Task.sleep(for: .milliseconds(10))
        }
    }

    private func draw() async {
        repeat {
            self.board.draw()
        } while (try? await Task.sleep(for: KnowledgeLimits.drawInterval)) != nil
        self.screen.clear()
    }

    /// Reads documents in this process while no server does. Whoever reads holds a lease, so doing it twice is not
    /// possible; where there is a server its embedder is warm.
    private func read() async throws {
        try await cancelWhenGracefulShutdown {
            var said = false
            while ServerPresence.isServing(dataDir: self.plan.dataDir) {
                if !said { self.screen.say("The running server reads the documents.") }
                said = true
                try await Task.sleep(for: KnowledgeLimits.serverInterval)
            }
            if said { self.screen.say("The server is gone: this process reads the documents now.") }
        }
        try await self.runner.run()
    }

    private func ingest() async throws {
        var walk = FolderWalk.files(of: self.plan.roots)
        var watch = FolderWatch()
        let follower = DocumentFollower(store: self.store, owner: self.plan.owner, board: self.board)
        for (path, reason) in walk.unreadable { self.board.fail(path, reason, byteCount: 0) }
        if walk.isCut { self.screen.say("Only the first \(KnowledgeLimits.ingestedFiles) files are taken.") }
        self.board.expect(
            files: walk.files.count + self.plan.links.count, bytes: walk.files.map(\.mark.byteCount).reduce(0, +))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await follower.follow() }
            try await self.add(walk.files, follower)
            for link in self.plan.links { try await self.add(link: link, follower) }
            follower.noMore()
            try await group.waitForAll()
        }
        if self.plan.deletes { _ = try await self.removeMissing(walk) }
        self.ended(walk)
        guard self.plan.watches else { return }
        self.screen.say("Watching for changes; Ctrl-C ends it.")
        watch.settle(walk.files)
        while true {
            try await Task.sleep(for: KnowledgeLimits.watchInterval)
            walk = FolderWalk.files(of: self.plan.roots)
            let changed = watch.changed(walk.files)
            if !changed.isEmpty {
                self.board.expect(files: changed.count, bytes: changed.map(\.mark.byteCount).reduce(0, +))
                let follower = DocumentFollower(store: self.store, owner: self.plan.owner, board: self.board)
                try await self.add(changed, follower)
                follower.noMore()
                try await follower.follow()
            }
            if self.plan.deletes, watch.hasLost {
                let removed = try await self.removeMissing(walk)
                // Another file may have had the same content, and so no document of its own.
                if removed > 0 { watch.forgetAll() }
            }
        }
    }

    private func add(_ files: [FoundFile], _ follower: DocumentFollower) async throws {
        for file in files {
            try Task.checkCancellation()
            self.board.change { $0.current = file.name }
            do {
                let (document, addition) = try await self.addition.add(file)
                self.take(document, addition, name: file.name, byteCount: file.mark.byteCount, follower)
            } catch let failure as IngestFailure {
                self.refuse(file, failure)
            } catch let error as StoreError where error.code == .conflict || error.code == .invalid {
                self.board.fail(file.name, error.message, byteCount: file.mark.byteCount)
            }
        }
    }

    private func add(link: String, _ follower: DocumentFollower) async throws {
        self.board.change { $0.current = link }
        do {
            let copy = try FileCopy(folder: self.plan.dataDir + "/tmp")
            let name = try await self.fetch(link, copy)
            copy.finish()
            let (document, addition) = try await self.addition.add(copy: copy, named: name)
            self.take(document, addition, name: name, byteCount: 0, follower)
        } catch let failure as IngestFailure {
            self.board.fail(link, failure.reason, byteCount: 0)
        }
    }

    private func refuse(_ file: FoundFile, _ failure: IngestFailure) {
        guard failure.isForeign else {
            self.board.fail(file.name, failure.reason, byteCount: file.mark.byteCount)
            return
        }
        self.board.change { state in
            state.counts.foreign += 1
            state.filesDone += 1
            state.bytesDone += Double(file.mark.byteCount)
        }
    }

    private func take(
        _ document: Document, _ addition: DocumentAddition, name: String, byteCount: Int,
        _ follower: DocumentFollower
    ) {
        // The same content may be on its way from an earlier run that was ended.
        guard document.state == .ready && addition == .unchanged else {
            follower.add(
                .init(document: document.id, addition: addition, name: name, byteCount: byteCount))
            return
        }
        self.board.change { state in
            state.counts.unchanged += 1
            state.filesDone += 1
            state.bytesDone += Double(byteCount)
        }
    }

    /// Removes documents of the ingested folders that have no file any more.
    private func removeMissing(_ walk: FolderWalk.Result) async throws -> Int {
        // What could not be looked at is not gone.
        guard walk.unreadable.isEmpty, !walk.isCut else {
            self.screen.say("Nothing is removed, since not everything could be looked at.")
            return 0
        }
        let prefixes = self.plan.roots.filter(\.isFolder).map { $0.name.precomposedStringWithCanonicalMapping + "/" }
        let present = Set(walk.files.map(\.name))
        var removed = 0
        var cursor: String?
        repeat {
            let page = try await self.store.documents(
                in: self.plan.collection.collection.id, readableBy: self.plan.owner, before: cursor,
                limit: CoreLimits.pageElements)
            for document in page.elements
            where !present.contains(document.name) && prefixes.contains(where: { document.name.hasPrefix($0) }) {
                try Task.checkCancellation()
                do {
                    try await self.store.delete(document.id, owner: self.plan.owner)
                } catch {
                    guard error.code == .notFound else { throw error }
                    continue
                }
                removed += 1
                self.board.change { $0.counts.removed += 1 }
                self.screen.say("removed    \(document.name)")
            }
            cursor = page.next
        } while cursor != nil
        return removed
    }
}
