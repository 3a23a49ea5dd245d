//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// Why a model was not loaded or texts were not encoded.
public struct SentenceEncoderError: Error, Hashable, Sendable {
    public enum Code: String, Sendable {
        /// A file of the model is not there or cannot be read.
        case missing
        /// A file of the model is not what it should be.
        case damaged
        /// The model is of a kind that is not understood.
        case unsupported
        case outOfMemory
        /// Too many requests wait already.
        case overloaded
        case cancelled
    }

    public var code: Code
    /// For people.
    public var message: String

    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }
}
