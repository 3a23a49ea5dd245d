//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// Why a document cannot be read.
public struct DocumentError: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Code: Hashable, Sendable {
        /// No bytes, or no text in them.
        case empty
        /// A kind of file of which no text is read.
        case unsupported
        /// A password is needed.
        case locked
        /// Damaged, or not what it claims to be.
        case malformed
        /// A limit on size, memory or time is passed.
        case tooLarge
        /// The program that reads this kind is not installed; the same file may be read once it is.
        case toolMissing
        /// The machine failed, not the document: it is worth another try.
        case system
        /// The reading was cancelled.
        case cancelled
    }

    public let code: Code
    /// For the person whose document it is: what is wrong and what to do. Holds nothing of the document.
    public let reason: String
    /// For the log: what a program said, or the system's error. May hold names from the document.
    public let detail: String?

    public var description: String { self.reason }

    init(_ code: Code, _ reason: String, detail: String? = nil) {
        self.code = code
        self.reason = reason
        self.detail = detail
    }
}
