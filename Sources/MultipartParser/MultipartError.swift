//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// Why a body is refused.
public struct MultipartError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What a server answers with.
    public enum Code: Hashable, Sendable {
        /// The `Content-Type` is another one than `multipart/form-data`: 415.
        case unsupportedType
        /// The body breaks the format, or ends too early: 400.
        case malformed
        /// A limit is passed: 413.
        case tooLarge
    }

    public let code: Code
    /// What is wrong, for the person who wrote the client. Holds nothing that was received.
    public let message: String

    public var description: String { self.message }

    static func malformed(_ message: String) -> MultipartError {
        MultipartError(code: .malformed, message: message)
    }

    static func tooLarge(_ message: String) -> MultipartError {
        MultipartError(code: .tooLarge, message: message)
    }
}
