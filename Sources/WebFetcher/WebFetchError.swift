//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
/// Why a page could not be fetched.
public struct WebFetchError: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Code: Hashable, Sendable {
        /// The address cannot be read, or is of a kind that is not fetched.
        case badAddress
        /// The host is one that only this server could reach.
        case forbidden
        /// The host cannot be found or reached, or answers wrongly: worth another try later.
        case unreachable
        /// The host answered that there is no such page, or that it may not be read.
        case refused
        case tooLarge
        case tooSlow
        /// What is there is no document.
        case unsupported
    }

    public let code: Code
    /// For the person who gave the address.
    public let reason: String

    public var description: String { self.reason }

    init(_ code: Code, _ reason: String) {
        self.code = code
        self.reason = reason
    }
}
