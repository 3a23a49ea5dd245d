//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import Foundation
import ParleyCore

extension Job {
    /// The payload.
    ///
    /// - Throws: a final `JobError` when it is malformed.
    func work<Work: Decodable>(_ type: Work.Type) throws(JobError) -> Work {
        do {
            return try JSONDecoder().decode(type, from: Data(self.payload.utf8))
        } catch {
            throw JobError("the payload is malformed", isRetryable: false)
        }
    }
}

extension JobError {
    /// Turns what a handler's work throws into a `JobError`.
    static func wrap(_ body: () async throws -> Void) async throws(JobError) {
        do {
            try await body()
        } catch let error as JobError {
            throw error
        } catch let error as ModelError {
            throw JobError("\(error.code.rawValue): \(error.message)", isRetryable: error.isRetryable)
        } catch let error as EmbedderError {
            throw JobError("\(error.code.rawValue): \(error.message)", isRetryable: error.isRetryable)
        } catch let error as StoreError {
            let isPassing = error.code == .unavailable || error.code == .full
            throw JobError("\(error.code.rawValue): \(error.message)", isRetryable: isPassing)
        } catch is CancellationError {
            throw JobError("cancelled", isRetryable: true)
        } catch {
            throw JobError("\(type(of: error))", isRetryable: true)
        }
    }
}

extension String {
    var trimmed: String {
        var rest = self[...]
        while rest.first?.isWhitespace == true { rest.removeFirst() }
        while rest.last?.isWhitespace == true { rest.removeLast() }
        return String(rest)
    }

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
