//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
public import Logging
public import ParleyCore
public import ServiceLifecycle
import Synchronization
import VectorIndex

/// The vectors of all passages, or of all messages, in memory: a copy of the rows that is kept in step with them, saved
/// to a file from time to time, and made anew when the file is of no use.
///
/// Nothing depends on its being in step: whoever searches reads the rows of what is found. Until it is ready, words
/// alone answer.
public final class KnowledgeIndex: Service {
    private struct State {
        var index: VectorIndex?
        var isReady = false
        var status: KnowledgeStatus
        var lag: Int64 = 0
    }

    /// What an index holds, for metrics.
    public struct Figures: Sendable, Hashable {
        public var vectors: Int
        /// Memory for vectors and bookkeeping, in bytes.
        public var bytes: Int
        /// Steps in the history of the rows that the index does not cover yet.
        public var lag: Int64
    }

    let feed: any IndexFeed
    let embedder: (any Embedder)?
    let files: IndexFiles
    let rebuildInterval: Duration?
    let logger: Logger
    let nudges = Nudge()
    private let state: Mutex<State>

    init(
        feed: any IndexFeed, embedder: (any Embedder)?, absence: String, folder: String, rebuildInterval: Duration?,
        logger: Logger
    ) {
        self.feed = feed
        self.embedder = embedder
        self.files = IndexFiles(folder: folder, name: feed.name)
        self.rebuildInterval = rebuildInterval
        var logger = logger
        logger[metadataKey: "index"] = "\(feed.name)"
        self.logger = logger
        self.state = Mutex(
            State(status: embedder == nil ? .degraded(reason: absence) : .building(vectors: 0)))
    }

    /// The index of passages.
    ///
    /// - Parameters:
    ///   - embedder: whose vectors it holds; `nil` leaves the index empty and never ready.
    ///   - absence: why there is no embedder and what to do, for people.
    ///   - folder: where its file is kept.
    public static func ofPassages(
        _ store: any PassageStore, embedder: (any Embedder)?, absence: String, folder: String, logger: Logger
    ) -> KnowledgeIndex {
        KnowledgeIndex(
            feed: PassageFeed(store: store), embedder: embedder, absence: absence, folder: folder,
            rebuildInterval: nil, logger: logger)
    }

    /// The index of messages, whose partitions are owners.
    public static func ofMessages(
        _ store: any MessageVectorStore, embedder: (any Embedder)?, absence: String, folder: String, logger: Logger
    ) -> KnowledgeIndex {
        KnowledgeIndex(
            feed: MessageFeed(store: store), embedder: embedder, absence: absence, folder: folder,
            rebuildInterval: KnowledgeLimits.messageRebuildInterval, logger: logger)
    }

    /// Looks for changes at once rather than within ``KnowledgeLimits/catchUpInterval``.
    public func nudge() {
        self.nudges.signal()
    }

    public var figures: Figures {
        let (index, lag) = self.state.withLock { ($0.index, $0.lag) }
        let status = index?.status
        return Figures(vectors: status?.entries ?? 0, bytes: status?.bytes ?? 0, lag: lag)
    }
}

extension KnowledgeIndex: KnowledgeCondition {
    public var status: KnowledgeStatus {
        self.state.withLock { $0.status }
    }
}

extension KnowledgeIndex: PassageIndex {
    public var isReady: Bool {
        self.state.withLock { $0.isReady }
    }

    public func nearest(
        _ vector: [Float], partitions: Set<Int64>, limit: Int
    ) async throws(KnowledgeError) -> [ScoredNumber] {
        let index = self.state.withLock { $0.isReady ? $0.index : nil }
        guard let index else {
            throw KnowledgeError(.unavailable, self.status.detail ?? "The index of vectors is not ready.")
        }
        let matches: [VectorIndex.Match]
        do {
            matches = try index.search(vector, limit: limit, filter: .partitions(partitions))
        } catch {
            let code: KnowledgeError.Code =
                error.code == .invalidArgument || error.code == .badVector ? .invalid : .internal
            throw KnowledgeError(code, "The index of vectors cannot be searched for this.", cause: error)
        }
        return matches.map { ScoredNumber(number: $0.id, score: Double($0.score)) }
    }
}

// MARK: What `run` reports

extension KnowledgeIndex {
    /// Puts an index in the place of the present one.
    func adopt(_ index: VectorIndex) {
        self.state.withLock { $0.index = index }
    }

    func report(_ status: KnowledgeStatus) {
        self.state.withLock { state in
            state.status = status
            if status == .ready { state.isReady = true }
        }
    }

    func report(lag: Int64) {
        self.state.withLock { $0.lag = lag }
    }
}
