//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
public import ParleyCore

/// Why the chat did not do what was asked.
public struct ChatError: Error, Sendable {
    /// One thing that is wrong with the caller's input.
    public struct Field: Hashable, Sendable {
        /// The member of the request, as the wire names it.
        public var field: String
        public var message: String

        public init(_ field: String, _ message: String) {
            self.field = field
            self.message = message
        }
    }

    public enum Code: Sendable {
        /// See ``ChatError/fields``.
        case invalid
        /// The content is over this many bytes.
        case tooLarge(limitBytes: Int)
        case store(StoreError)
        case cluster(ClusterError)
    }

    public var code: Code
    public var fields: [Field]

    public init(_ code: Code, fields: [Field] = []) {
        self.code = code
        self.fields = fields
    }

    /// A single field that is wrong.
    public static func invalid(_ field: String, _ message: String) -> ChatError {
        ChatError(.invalid, fields: [Field(field, message)])
    }
}
