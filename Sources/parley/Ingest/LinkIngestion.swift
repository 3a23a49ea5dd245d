//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
import NIOCore
import NIOPosix
import WebFetcher

/// Takes what an http or https link leads to.
enum LinkIngestion {
    /// Fetches into a copy that is stored afterwards.
    ///
    /// - Returns: what the document is called: the link without the part that only a browser needs.
    /// - Throws: `IngestFailure`.
    static func fetch(_ link: String, into copy: FileCopy) async throws -> String {
        let fetcher = WebFetcher(eventLoopGroup: MultiThreadedEventLoopGroup.singleton)
        do {
            _ = try await fetcher.fetch(link) { bytes in
                try copy.append([UInt8](bytes.readableBytesView))
            }
        } catch let error as WebFetchError {
            throw IngestFailure(reason: error.reason)
        }
        return String(link.prefix { $0 != "#" })
    }
}
