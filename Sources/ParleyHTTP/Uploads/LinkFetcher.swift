//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
public import NIOCore

/// Fetches what a link leads to. The implementation decides which addresses may be reached.
public protocol LinkFetcher: Sendable {
    /// Hands the content on in pieces.
    ///
    /// - Returns: what the document is called: the link without what only a browser needs.
    /// - Throws: ``LinkError``, or what `receive` throws.
    func fetch(
        _ link: String, limitBytes: Int, receive: (ByteBuffer) async throws -> Void
    ) async throws -> String
}

/// Why a link was not fetched.
public struct LinkError: Error, Sendable {
    /// For people: what is wrong with the link or its server. Holds no address that it led to.
    public var reason: String

    public init(_ reason: String) {
        self.reason = reason
    }
}
