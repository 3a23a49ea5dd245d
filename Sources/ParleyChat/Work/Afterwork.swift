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
    private let messages: any ConversationStore
    private let hasLanguageModel: Bool
    private let nudge: @Sendable () -> Void

    /// - Parameters:
    ///   - hasLanguageModel: whether a model server is connected. Without one nothing is summed up, since the local
    ///     model reads no context, and only what the user asks to remember is kept.
    ///   - nudge: called after a job was put into the queue, such as `JobRunner.nudge`.
    public init(
        jobs: any JobStore, memories: any MemoryStore, messages: any ConversationStore, hasLanguageModel: Bool,
        nudge: @escaping @Sendable () -> Void = {}
    ) {
        self.jobs = jobs
        self.memories = memories
        self.messages = messages
        self.hasLanguageModel = hasLanguageModel
        self.nudge = nudge
    }

    func enqueue(after turn: Turn, report: TurnRunner.Report, logger: Logger) async {
        guard report.isFinished else { return }
        do {
            if report.needsSummary, self.hasLanguageModel {
                let work = SummaryWork(
                    ownerID: turn.ownerID, conversationID: turn.conversationID, messageID: turn.userMessageID,
                    model: report.model)
                try await self.enqueue(
                    .summarise, work, key: "\(JobKind.summarise.rawValue):\(turn.conversationID)")
            }
            if !report.isTemporary, try await self.isWorthReading(turn) {
                let work = MemoryWork(
                    ownerID: turn.ownerID, conversationID: turn.conversationID, messageID: turn.userMessageID,
                    model: report.model)
                try await self.enqueue(.remember, work, key: "\(JobKind.remember.rawValue):\(turn.userMessageID)")
            }
        } catch {
            logger.warning("nothing queued after an answer", metadata: ["error": "\(error)"])
        }
    }

    private func isWorthReading(_ turn: Turn) async throws -> Bool {
        guard try await self.memories.memorySettings(of: turn.ownerID).learnsMemories else { return false }
        let words = try await self.messages.message(turn.userMessageID, owner: turn.ownerID).content
        return RememberRule.fact(in: words) != nil || self.hasLanguageModel && RememberRule.mayTellOfTheUser(words)
    }

    private func enqueue(_ kind: JobKind, _ work: some Encodable, key: String) async throws {
        let payload = String(decoding: try JSONEncoder().encode(work), as: UTF8.self)
        let queued = try await self.jobs.enqueue(
            NewJob(kind: kind, payload: payload, dedupeKey: key, runAt: .now()))
        if queued.isNew { self.nudge() }
    }
}
