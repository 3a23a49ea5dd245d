//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Logging
import ParleyCore
import ServiceLifecycle
import VectorIndex

extension KnowledgeIndex {
    /// Keeps the index until the task is cancelled or the program shuts down; then saves it.
    public func run() async throws {
        guard let embedder = self.embedder else {
            // A service that ends would end its group.
            try? await gracefulShutdown()
            return
        }
        await cancelWhenGracefulShutdown {
            guard let model = await self.model(of: embedder) else { return }
            await self.keep(model)
        }
    }

    /// The model, which an endpoint must be asked for; `nil` when the task was cancelled.
    private func model(of embedder: any Embedder) async -> EmbeddingModel? {
        var wait = KnowledgeLimits.backfillBackoff
        while !Task.isCancelled {
            do {
                return try await embedder.model
            } catch {
                self.report(.degraded(reason: "The embedding model cannot be used: \(error.message)"))
                self.logger.warning("the embedding model cannot be used", metadata: ["error": "\(error)"])
            }
            await self.nudges.wait(atMost: wait)
            wait = min(wait * 2, KnowledgeLimits.backfillMaximumBackoff)
        }
        return nil
    }

    private func keep(_ model: EmbeddingModel) async {
        var next = await self.load(model)
        while !Task.isCancelled {
            guard let index = next else {
                next = await self.made(model)
                continue
            }
            self.adopt(index)
            next = await withTaskGroup(of: Void.self, returning: VectorIndex?.self) { group in
                group.addTask {
                    await index.run { error in
                        self.logger.warning("the index was not rearranged", metadata: ["error": "\(error)"])
                    }
                }
                let replacement = await self.follow(index, model)
                group.cancelAll()
                return replacement
            }
        }
    }

    private func configuration(_ model: EmbeddingModel) -> VectorIndex.Configuration {
        VectorIndex.Configuration(
            model: model.name, dimension: model.dimension, generation: IndexFiles.generation(of: model))
    }

    /// What the file holds; `nil` when it must be made from the rows.
    private func load(_ model: EmbeddingModel) async -> VectorIndex? {
        do {
            try self.files.makeFolder()
            return try await VectorIndex.load(
                from: self.files.path(of: model), configuration: self.configuration(model))
        } catch let error as VectorIndexError where error.code == .noFile {
            return nil
        } catch {
            self.logger.warning("the index cannot be loaded and is made anew", metadata: ["error": "\(error)"])
            return nil
        }
    }

    // MARK: Making

    /// Makes an index from the rows, trying until it works; `nil` when the task was cancelled.
    private func made(_ model: EmbeddingModel) async -> VectorIndex? {
        var wait = KnowledgeLimits.catchUpInterval
        while !Task.isCancelled {
            do {
                let index = try await self.make(model)
                await self.save(index, model)
                self.files.removeOthers(than: model)
                return index
            } catch {
                guard !Task.isCancelled else { return nil }
                self.fault("the index cannot be made", error)
            }
            await self.nudges.wait(atMost: wait)
            wait = min(wait * 2, KnowledgeLimits.backfillMaximumBackoff)
        }
        return nil
    }

    private func make(_ model: EmbeddingModel) async throws -> VectorIndex {
        let start = ContinuousClock.now
        let index = try VectorIndex(self.configuration(model))
        // Rows that change while they are read are read again as changes after this sequence.
        let sequence = try await self.feed.lastChange()
        var number: Int64 = 0
        while true {
            try Task.checkCancellation()
            let vectors = try await self.feed.vectors(
                model: model, after: number, limit: KnowledgeLimits.vectors)
            guard let last = vectors.last else { break }
            // The sequence of a half-made index is never saved.
            try index.apply(upserts: vectors.map(VectorIndex.Entry.init), sequence: 0)
            number = last.number
            if !self.isReady { self.report(.building(vectors: index.status.entries)) }
        }
        try index.apply(upserts: [], sequence: self.feed.covered(sequence: sequence, lastNumber: number))
        if index.status.needsRebuild { try await index.rebuild() }
        self.logger.info(
            "the index was made from the rows",
            metadata: [
                "vectors": "\(index.status.entries)", "seconds": "\((ContinuousClock.now - start).inSeconds)",
            ])
        return index
    }

    // MARK: Following

    /// Keeps an index in step until it should be replaced, and makes the replacement.
    private func follow(_ index: VectorIndex, _ model: EmbeddingModel) async -> VectorIndex? {
        let adopted = ContinuousClock.now
        var saved = (sequence: index.status.sequence, at: ContinuousClock.now)
        var failures = 0
        var holdsStrangers = false
        while !Task.isCancelled {
            do {
                if try await self.feed.catchUp(index, model: model) == .holdsStrangers { holdsStrangers = true }
                // Strangers of another database could be found; of this one they only take up room.
                if !holdsStrangers { self.report(.ready) }
                failures = 0
                let isOld = self.rebuildInterval.map { ContinuousClock.now - adopted >= $0 } ?? false
                if holdsStrangers || isOld {
                    self.logger.notice("the index is made anew")
                    let replacement = try await self.make(model)
                    await self.save(replacement, model)
                    return replacement
                }
            } catch {
                failures += 1
                if !Task.isCancelled, failures >= KnowledgeLimits.toleratedFailures {
                    self.fault("the index cannot be brought up to date", error)
                }
            }
            await self.measureLag(index)
            let status = index.status
            if status.sequence != saved.sequence,
                ContinuousClock.now - saved.at >= KnowledgeLimits.saveInterval || Task.isCancelled
            {
                await self.save(index, model)
                saved = (status.sequence, .now)
            }
            await self.nudges.wait(atMost: KnowledgeLimits.catchUpInterval)
        }
        if index.status.sequence != saved.sequence { await self.save(index, model) }
        return nil
    }

    private func measureLag(_ index: VectorIndex) async {
        guard let last = try? await self.feed.lastChange() else { return }
        self.report(lag: max(0, last - index.status.sequence))
    }

    private func save(_ index: VectorIndex, _ model: EmbeddingModel) async {
        do {
            try await index.save(to: self.files.path(of: model))
        } catch {
            // It stays in memory; at the next start it is made from the rows.
            self.logger.warning("the index was not saved", metadata: ["error": "\(error)"])
        }
    }

    private func fault(_ what: String, _ error: any Error) {
        self.logger.error("\(what)", metadata: ["error": "\(error)"])
        let reason =
            (error as? VectorIndexError)?.code == .full
            ? "The index of vectors is full: new passages are found by their words only."
            : "The index of vectors cannot be brought up to date; see the log."
        self.report(.degraded(reason: reason))
    }
}
