//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation
import ParleyCore

/// What a job that follows an answer is about: the payload of `conversation.summarise` and `memory.extract`.
struct AnswerWork: Codable, Sendable {
    var ownerID: UserID
    var conversationID: ConversationID
    /// The user's message, which ends the branch.
    var messageID: MessageID
    var model: String?

    /// Does what a job's payload names.
    ///
    /// - Throws: what the body throws, as a `JobError`; a final one when the payload is malformed.
    static func perform(_ job: Job, _ body: (AnswerWork) async throws -> Void) async throws(JobError) {
        let work: AnswerWork
        do {
            work = try JSONDecoder().decode(AnswerWork.self, from: Data(job.payload.utf8))
        } catch {
            throw JobError("the payload is malformed", isRetryable: false)
        }
        try await JobError.wrap { try await body(work) }
    }
}

extension JobError {
    /// Turns what a handler's work throws into a `JobError`. Of what was deleted meanwhile there is nothing left to do.
    static func wrap(_ body: () async throws -> Void) async throws(JobError) {
        do {
            try await body()
        } catch let error as JobError {
            throw error
        } catch let error as ModelError {
            throw JobError("\(error.code.rawValue): \(error.message)", isRetryable: error.isRetryable)
        } catch let error as StoreError {
            guard error.code != .notFound else { return }
            throw JobError("\(error.code.rawValue): \(error.message)", isRetryable: error.isRetryable)
        } catch is CancellationError {
            throw JobError("cancelled", isRetryable: true)
        } catch {
            throw JobError("\(type(of: error))", isRetryable: true)
        }
    }
}

extension String {
    /// Beginning and end of a text that is too long, with a mark between them.
    func shortened(toBytes limit: Int) -> String {
        guard self.utf8.count > limit else { return self }
        let mark = "\n[…]\n"
        let half = max(0, (limit - mark.utf8.count) / 2)
        var start = self.utf8.index(self.utf8.endIndex, offsetBy: -half)
        while start.samePosition(in: self.unicodeScalars) == nil { start = self.utf8.index(after: start) }
        return self.cut(toBytes: half) + mark + self[start...]
    }
}
