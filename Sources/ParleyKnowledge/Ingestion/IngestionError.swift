//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import DocumentText

/// Why a document cannot be read.
struct IngestionError: Error {
    /// For people: what is wrong and what to do.
    var reason: String
    /// For the log.
    var detail: String?
    /// Whether the same content may be read another time.
    var isRetryable: Bool

    init(_ reason: String, detail: String? = nil, isRetryable: Bool = false) {
        self.reason = reason
        self.detail = detail
        self.isRetryable = isRetryable
    }

    init(_ error: DocumentError) {
        self.reason = error.reason
        self.detail = error.detail
        self.isRetryable = error.code == .system || error.code == .cancelled
    }
}
