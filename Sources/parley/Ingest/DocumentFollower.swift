//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation
import ParleyCore
import ParleyKnowledge
import Synchronization

/// Follows documents on their way to be found, and tells the board what became of each.
final class DocumentFollower: Sendable {
    struct Followed: Sendable {
        var document: DocumentID
        var addition: DocumentAddition
        var name: String
        var byteCount: Int
    }

    private struct State {
        var waiting: [Followed] = []
        var isComplete = false
    }

    private let store: any DocumentStore
    private let owner: UserID
    private let board: IngestBoard
    private let state = Mutex(State())

    init(store: any DocumentStore, owner: UserID, board: IngestBoard) {
        self.store = store
        self.owner = owner
        self.board = board
    }

    func add(_ followed: Followed) {
        self.state.withLock { $0.waiting.append(followed) }
    }

    /// ``follow()`` ends with the last of those that were added.
    func noMore() {
        self.state.withLock { $0.isComplete = true }
    }

    /// - Throws: `StoreError`, `CancellationError`.
    func follow() async throws {
        while true {
            let (round, isComplete) = self.state.withLock { state in
                (Array(state.waiting.prefix(KnowledgeLimits.followedDocuments)), state.isComplete)
            }
            guard !round.isEmpty || !isComplete else { return }
            var settled: Set<Int> = []
            for (index, followed) in round.enumerated() {
                if try await self.look(at: followed) { settled.insert(index) }
            }
            // Only this task removes, and others append at the end.
            self.state.withLock { state in
                for index in settled.sorted(by: >) { state.waiting.remove(at: index) }
            }
            if settled.isEmpty { try await Task.sleep(for: KnowledgeLimits.followInterval) }
        }
    }

    /// - Returns: whether the document has come to its end.
    private func look(at followed: Followed) async throws -> Bool {
        let document: Document
        do {
            document = try await self.store.document(followed.document, readableBy: self.owner)
        } catch {
            guard error.code == .notFound else { throw error }
            self.board.fail(followed.name, "it was deleted meanwhile", byteCount: followed.byteCount)
            return true
        }
        switch document.state {
        case .ready:
            self.finish(followed, document)
            return true
        case .failed:
            self.board.fail(
                followed.name, document.failure ?? "it cannot be read", byteCount: followed.byteCount)
            return true
        case .indexing:
            self.board.change { state in
                state.partialBytes[followed.name] = document.progress * Double(followed.byteCount)
                state.current = "\(followed.name) \(Int(document.progress * 100)) %"
            }
            return false
        case .pending:
            return false
        }
    }

    private func finish(_ followed: Followed, _ document: Document) {
        self.board.change { $0.passages += document.passageCount }
        let isReplaced = followed.addition == .replaced
        self.board.finish(
            followed.name, isReplaced ? "replaced" : "added", byteCount: followed.byteCount
        ) { counts in
            if isReplaced { counts.replaced += 1 } else { counts.added += 1 }
        }
    }
}
