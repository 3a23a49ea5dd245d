//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// Why the durable store did not do what was asked. Nothing was half-written.
public struct StoreError: Error, Sendable, CustomStringConvertible {
    public enum Code: String, Sendable {
        case notFound
        /// The id or name is taken.
        case conflict
        /// The caller's value cannot be used, such as a malformed cursor.
        case invalid
        /// Locked or unreachable for longer than the deadline; trying again may help.
        case unavailable
        /// The disk is full or a quota is reached.
        case full
        /// The file is damaged or of a newer release.
        case unusable
        /// A defect.
        case `internal`
    }

    public var code: Code
    /// For people.
    public var message: String
    /// For the log.
    public var cause: (any Error)?

    public init(_ code: Code, _ message: String, cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.cause = cause
    }

    /// Whether asking again later may help.
    public var isRetryable: Bool {
        switch self.code {
        case .unavailable, .full: true
        case .notFound, .conflict, .invalid, .unusable, .internal: false
        }
    }

    public var description: String {
        self.cause.map { "\(self.code.rawValue): \(self.message) (\($0))" } ?? "\(self.code.rawValue): \(self.message)"
    }
}
