//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation
import Logging
public import ParleyCore

/// Puts into the queue what follows an answer: a summary of what its prompt had no room for, and the search for facts
/// worth keeping. Never waited for by a reader; a failure costs nothing but the work.
public struct Afterwork: Sendable {
    /// The queue, and how to tell the worker of this node that something lies in it.
    private let jobs: any JobStore
    private let memories: any MemoryStore
    private let hasLanguageModel: Bool
    private let nudge: @Sendable () -> Void

    /// - Parameters:
    ///   - hasLanguageModel: whether a model server is connected. Without one nothing is summed up, since the local
    ///     model reads no context, and only what the user asks to remember is kept.
    ///   - nudge: called after a job was put into the queue, such as `JobRunner.nudge`.
    public init(
        jobs: any JobStore, memories: any MemoryStore, hasLanguageModel: Bool,
        nudge: @escaping @Sendable () -> Void = {}
    ) {
        self.jobs = jobs
        self.memories = memories
        self.hasLanguageModel = hasLanguageModel
        self.nudge = nudge
    }

    func enqueue(after turn: Turn, report: TurnRunner.Report, logger: Logger) async {
        guard report.isFinished else { return }
        let work = AnswerWork(
            ownerID: turn.ownerID, conversationID: turn.conversationID, messageID: turn.userMessageID,
            model: report.model)
        do {
            if report.needsSummary, self.hasLanguageModel {
                try await self.enqueue(.summarise, work, of: "\(turn.conversationID)")
            }
            if let words = report.words, self.mayHoldFacts(words),
                try await self.memories.memorySettings(of: turn.ownerID).learnsMemories
            {
                try await self.enqueue(.remember, work, of: "\(turn.userMessageID)")
            }
        } catch {
            logger.warning("nothing queued after an answer", metadata: ["error": "\(error)"])
        }
    }

    private func mayHoldFacts(_ words: String) -> Bool {
        RememberRule.fact(in: words) != nil || self.hasLanguageModel && RememberRule.mayTellOfTheUser(words)
    }

    /// - Parameter subject: for what there is at most one such job that has not ended.
    private func enqueue(_ kind: JobKind, _ work: AnswerWork, of subject: String) async throws {
        let payload = String(decoding: try JSONEncoder().encode(work), as: UTF8.self)
        let queued = try await self.jobs.enqueue(
            NewJob(kind: kind, payload: payload, dedupeKey: "\(kind.rawValue):\(subject)", runAt: .now()))
        if queued.isNew { self.nudge() }
    }
}
